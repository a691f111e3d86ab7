import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { users } from '../../../entities/users.ts';
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
      'Creates a user of the organisation, without a role and without a link to the identity provider. To let a person sign in, use `POST /invitations`.',
    action: 'user.create',
    errors: ['conflict'],
    body: users.create,
    response: users.answer,
    handle: async ({ api, call, body }) =>
      users.present(await api.pipeline.perform(api.actions.users.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/users',
    summary: 'The users of the organisation; without a role in it, yourself alone',
    description: 'Lists the users of the organisation. A caller without a role sees only itself.',
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
    description: 'Returns one user. A caller without a role sees only itself.',
    action: 'user.get',
    who: 'every member of the organisation',
    response: users.answer,
    handle: async ({ api, call, params }) =>
      users.present(await api.pipeline.perform(api.actions.users.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/users/:id',
    summary: 'Change or deactivate a user; deactivating stops issuing at once',
    description:
      'Changes the display name or the activity of a user. Members that are left out stay. After `is_active: false`, nothing is issued for the user from the next request on, and sessions and tokens end; a user who is activated again must sign in again. The last active owner of the organisation cannot be deactivated.',
    action: 'user.update',
    errors: ['conflict'],
    body: users.change,
    response: users.answer,
    handle: async ({ api, call, params, body }) =>
      users.present(await api.pipeline.perform(api.actions.users.update, call, { ref: params.id!, ...body })),
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
