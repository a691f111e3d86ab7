import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { users } from '../../../entities/users.ts';
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
      users.present(await api.pipeline.perform(api.actions.users.create, call, body)),
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
    summary: 'Change or deactivate a user; deactivating stops issuing at once',
    action: 'user.update',
    body: users.change,
    response: users.answer,
    handle: async ({ api, call, params, body }) =>
      users.present(await api.pipeline.perform(api.actions.users.update, call, { ref: params.id!, ...body })),
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
