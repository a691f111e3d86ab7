import { ref } from '../../../entities/inputs.ts';
import { memberships } from '../../../entities/memberships.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const listed = page
  .extend({
    namespace: ref.optional().meta({
      description: 'A group or workspace, by id or path, whose members are listed.',
      examples: ['acme/research'],
    }),
    principal: ref.optional().meta({
      description:
        'A user by id or login, a team or a service account by id, whose memberships are listed as far as you see their groups and workspaces. One of `namespace` and `principal` is needed.',
      examples: ['ada@acme'],
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
    description:
      'Gives a user, team or service account a role on a group or workspace. The role applies there and below. The nearest membership on the path wins, so a membership can also lower a role; only an owner of the organisation stays owner everywhere (see `docs/roles.md`).',
    action: 'membership.create',
    errors: ['conflict'],
    body: memberships.create,
    response: memberships.answer,
    handle: async ({ api, call, body }) =>
      memberships.present(await api.pipeline.perform(api.actions.memberships.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/memberships',
    summary: 'The members of a group or workspace, or the memberships of a principal and of its teams',
    description:
      'With `namespace`: lists the memberships of a group or workspace itself. Memberships of groups above it apply too, and are listed there. With `principal`: lists the memberships of a user, team or service account and of its teams, in the groups and workspaces that the caller can see; of the caller itself all.',
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
    description:
      'Changes the role of a membership. It applies from the next request on, also to running jobs. The last active owner of the organisation cannot lose that role.',
    action: 'membership.update',
    errors: ['conflict'],
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
    description:
      'Deletes a membership. The role of the nearest membership above applies then, if there is one. Jobs that run for a principal without the role are refused with their next request. The last active owner of the organisation cannot be removed.',
    action: 'membership.delete',
    errors: ['conflict'],
    handle: ({ api, call, params }) => api.pipeline.perform(api.actions.memberships.remove, call, { id: params.id! }),
  }),
];
