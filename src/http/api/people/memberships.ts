import { ref } from '../../../entities/inputs.ts';
import { memberships } from '../../../entities/memberships.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

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
    summary: 'The members of a group or workspace',
    action: 'membership.list',
    query: page.extend({ namespace: ref }),
    response: listOf(memberships.answer),
    handle: async ({ api, call, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.memberships.list, call, {
          namespace: query.namespace,
          page: readPage(query),
        }),
        query.limit,
        memberships.present,
      ),
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
