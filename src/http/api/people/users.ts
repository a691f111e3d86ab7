import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { users } from '../../../entities/users.ts';
import { tieRequest, userTies } from '../../../entities/userties.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

export const userRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/users',
    summary: 'Create a user of the organisation',
    action: 'user.create',
    body: users.create,
    response: users.answer,
    handle: async ({ api, call, body }) =>
      users.present((await api.pipeline.perform(api.actions.users.create, call, body)).user),
  }),
  route({
    method: 'GET',
    path: '/users',
    summary: 'The users of the organisation; without a role in it, yourself alone',
    action: 'user.list',
    query: page,
    response: listOf(users.answer),
    handle: async ({ api, call, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.users.list, call, { page: readPage(query) }),
        query.limit,
        users.present,
      ),
  }),
  route({
    method: 'GET',
    path: '/users/:id',
    summary: 'One user, by id or login',
    action: 'user.get',
    response: users.answer,
    handle: async ({ api, call, params }) =>
      users.present(await api.pipeline.perform(api.actions.users.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/users/:id',
    summary: 'Rename, change or deactivate a user; deactivating stops issuing at once',
    action: 'user.update',
    body: users.change,
    response: users.answer,
    handle: async ({ api, call, params, body }) =>
      users.present(await api.pipeline.perform(api.actions.users.update, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'DELETE',
    path: '/users/:id',
    summary: 'Delete a user for good: its jobs, sessions and tokens end, and its login is reserved for 30 days',
    action: 'user.delete',
    async handle({ api, call, params }) {
      await api.pipeline.perform(api.actions.users.remove, call, { ref: params.id! });
    },
  }),
  route({
    method: 'POST',
    path: '/users/:id/merge',
    summary: 'Merge a user into another one, which takes over roles and rights; the answer is the other one',
    action: 'user.merge',
    status: 200,
    body: z.strictObject({ into: ref }),
    response: users.answer,
    handle: async ({ api, call, params, body }) =>
      users.present((await api.pipeline.perform(api.actions.users.merge, call, { ref: params.id!, ...body })).into),
  }),
  route({
    method: 'POST',
    path: '/users/:id/tie',
    summary: 'Say who may sign in as a user, once: a subject of the identity provider, or a verified address',
    action: 'user_tie.create',
    body: tieRequest,
    response: userTies.answer,
    handle: async ({ api, call, params, body }) =>
      userTies.present(await api.pipeline.perform(api.actions.userTies.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/users/:id/tie',
    summary: 'The tie of a user that was not used yet',
    action: 'user_tie.get',
    response: userTies.answer,
    handle: async ({ api, call, params }) =>
      userTies.present(await api.pipeline.perform(api.actions.userTies.get, call, { ref: params.id! })),
  }),
  route({
    method: 'DELETE',
    path: '/users/:id/tie',
    summary: 'Withdraw the tie of a user',
    action: 'user_tie.delete',
    async handle({ api, call, params }) {
      await api.pipeline.perform(api.actions.userTies.remove, call, { ref: params.id! });
    },
  }),
  route({
    method: 'POST',
    path: '/me/leave',
    summary: 'Leave your organisation: your user there ends with its roles, sessions and tokens',
    action: 'user.leave',
    status: 204,
    body: z.strictObject({ organization: ref }),
    handle: ({ api, call, body }) => api.pipeline.perform(api.actions.users.leave, call, body),
  }),
];
