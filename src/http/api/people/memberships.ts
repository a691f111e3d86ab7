import { ref } from '../../../entities/inputs.ts';
import { memberships } from '../../../entities/memberships.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const listed = page
  .extend({
    namespace: ref.optional().meta({ description: 'A group or workspace, whose members are listed.' }),
    principal: ref.optional().meta({
      description:
        'A user by id or login, a team or a service account by id, whose memberships are listed as far as you see their groups and workspaces. One of `namespace` and `principal` is needed.',
    }),
  })
  .refine(({ namespace, principal }) => (namespace === undefined) !== (principal === undefined), {
    message: 'must be given, or principal, and not both',
    path: ['namespace'],
  });

export const membershipRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/memberships',
    summary: 'Give a user or service account a role on a group or workspace',
    action: 'membership.create',
    body: memberships.create,
    response: memberships.answer,
    handle: async ({ api, call, body }) =>
      memberships.present(await api.pipeline.perform(api.actions.memberships.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/memberships',
    summary: 'The members of a group or workspace, or the memberships of a principal and of its teams',
    action: 'membership.list',
    query: listed,
    response: listOf(memberships.answer),
    async handle({ api, call, query: { namespace, principal, ...range } }) {
      const { list, listOfPrincipal } = api.actions.memberships;
      const rows =
        principal === undefined
          ? await api.pipeline.perform(list, call, { namespace: namespace!, page: readPage(range) })
          : await api.pipeline.perform(listOfPrincipal, call, { principal, page: readPage(range) });
      return presentPage(rows, range.limit, memberships.present);
    },
  }),
  route({
    method: 'PATCH',
    path: '/memberships/:id',
    summary: 'Change a role',
    action: 'membership.update',
    body: memberships.change,
    response: memberships.answer,
    handle: async ({ api, call, params, body }) =>
      memberships.present(
        await api.pipeline.perform(api.actions.memberships.update, call, { id: params.id!, ...body }),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/memberships/:id',
    summary: 'Remove a member; jobs that run for them are refused from the next request on',
    action: 'membership.delete',
    handle: ({ api, call, params }) => api.pipeline.perform(api.actions.memberships.remove, call, { id: params.id! }),
  }),
];
