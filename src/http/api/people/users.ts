import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { users } from '../../../entities/users.ts';
import { tieRequest, userTies } from '../../../entities/userties.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { positionIn, presentPage, readPage } from '../present.ts';
import { activity, namePrefix, page } from '../schemas.ts';

export const userRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/users',
    summary: 'Create a user of the organisation',
    description:
      'Creates a user of the organisation, without a role. With `tie`, a person can sign in as this user: the next one with the verified address, or the one with the subject. Without it nobody can, whatever the login is; `POST /users/{id}/tie` adds a tie later.',
    action: 'user.create',
    errors: ['conflict'],
    body: users.create,
    response: users.answer,
    handle: async ({ api, call, body }) =>
      users.present((await api.pipeline.perform(api.actions.users.create, call, body)).user),
  }),
  route({
    method: 'GET',
    path: '/users',
    summary: 'The users of the organisation; without a role in it, yourself alone',
    description:
      'Lists the users of the organisation, without those that were deleted or merged. A caller without a role sees only itself.',
    action: 'user.list',
    who: 'every member of the organisation',
    query: page.extend({ q: namePrefix, state: activity }),
    response: listOf(users.answer),
    async handle({ api, call, query: { q, state, ...range } }) {
      const filter = { q, is_active: state && state === 'active', page: readPage(range) };
      const rows = await api.pipeline.perform(api.actions.users.list, call, filter);
      return presentPage(
        rows,
        range.limit,
        users.present,
        positionIn({ q }, ({ login }) => login),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/users/:id',
    summary: 'One user, by id or login',
    description:
      'Returns one user. A user that was deleted or merged is found by its id, and has `deleted_at` and `merged_into`. A caller without a role sees only itself.',
    action: 'user.get',
    who: 'every member of the organisation',
    response: users.answer,
    handle: async ({ api, call, params }) =>
      users.present(await api.pipeline.perform(api.actions.users.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/users/:id',
    summary: 'Rename, change or deactivate a user; deactivating stops issuing at once',
    description:
      'Changes the login, the display name or the activity of a user. A login that was given up is reserved for its user for 30 days: tokens and logs name it. Members that are left out stay. After `is_active: false`, nothing is issued for the user from the next request on, and sessions and tokens end; a user who is activated again must sign in again. The last active owner of the organisation cannot be deactivated.',
    action: 'user.update',
    errors: ['conflict'],
    body: users.change,
    response: users.answer,
    handle: async ({ api, call, params, body }) =>
      users.present(await api.pipeline.perform(api.actions.users.update, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'DELETE',
    path: '/users/:id',
    summary: 'Delete a user for good: its jobs, sessions and tokens end, and its login is reserved for 30 days',
    description:
      'Deletes a user. Running jobs end, and later requests of them are refused with the reason. Sessions, tokens, roles, teams, grants and assignments of the user end too. The id stays valid in the audit. The last active owner cannot be deleted, nor can an operator.',
    action: 'user.delete',
    errors: ['conflict'],
    async handle({ api, call, params }) {
      await api.pipeline.perform(api.actions.users.remove, call, { ref: params.id! });
    },
  }),
  route({
    method: 'POST',
    path: '/users/:id/merge',
    summary: 'Merge a user into another one, which takes over roles and rights; the answer is the other one',
    description:
      'Merges a user into another one of the organisation. The other one takes over memberships (the higher role remains), teams, grants, assignments, access rules, rights to act and the link to the identity provider. Running jobs, sessions and tokens of the merged user end. Both ids stay valid in the audit: a search by the other one finds the events of both. Refused for operators, and where a person signs in as each of the two.',
    action: 'user.merge',
    errors: ['conflict'],
    status: 200,
    body: z.strictObject({
      into: ref.meta({ description: 'The user that takes over, by id or login.', examples: ['ada@acme.example'] }),
    }),
    response: users.answer,
    handle: async ({ api, call, params, body }) =>
      users.present((await api.pipeline.perform(api.actions.users.merge, call, { ref: params.id!, ...body })).into),
  }),
  route({
    method: 'POST',
    path: '/users/:id/tie',
    summary: 'Say who may sign in as a user, once: a subject of the identity provider, or a verified address',
    description:
      'Lets a person sign in as a user, as whom nobody signs in yet. With `iss` and `sub` it is this subject of the identity provider; with `email`, whoever signs in next with this verified address, within 14 days. The person accepts on a page that names the organisation and the user. A tie opens once, and only while its maker is an owner. Refused without sign-in, for an operator, and for a person who is a user of the organisation already.',
    action: 'user_tie.create',
    errors: ['conflict'],
    body: tieRequest,
    response: userTies.answer,
    handle: async ({ api, call, params, body }) =>
      userTies.present(await api.pipeline.perform(api.actions.userTies.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/users/:id/tie',
    summary: 'The tie of a user that was not used yet',
    description: 'Returns the tie of a user that was not used yet, expired or not.',
    action: 'user_tie.get',
    response: userTies.answer,
    handle: async ({ api, call, params }) =>
      userTies.present(await api.pipeline.perform(api.actions.userTies.get, call, { ref: params.id! })),
  }),
  route({
    method: 'DELETE',
    path: '/users/:id/tie',
    summary: 'Withdraw the tie of a user',
    description: 'Withdraws the tie of a user. Nobody can sign in as the user by it from the next request on.',
    action: 'user_tie.delete',
    async handle({ api, call, params }) {
      await api.pipeline.perform(api.actions.userTies.remove, call, { ref: params.id! });
    },
  }),
  route({
    method: 'POST',
    path: '/me/leave',
    summary: 'Leave your organisation: your user there ends with its roles, sessions and tokens',
    description:
      'Leaves the organisation: the user of the caller is deactivated and loses roles, teams, sessions and tokens. `organization` must name the organisation of the caller. The last active owner cannot leave.',
    action: 'user.leave',
    who: 'every user, for themselves; service accounts may not',
    errors: ['not_found', 'conflict'],
    status: 204,
    body: z.strictObject({
      organization: ref.meta({ description: 'The organisation of the caller, by id or name.', examples: ['acme'] }),
    }),
    handle: ({ api, call, body }) => api.pipeline.perform(api.actions.users.leave, call, body),
  }),
];
