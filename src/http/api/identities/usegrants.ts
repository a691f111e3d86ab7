import { useGrants } from '../../../entities/usegrants.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

export const useGrantRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/grants',
    summary: 'Let a principal (`*`: everyone below the group) use the identity',
    description:
      'Lets a principal use a managed identity, that is, assign it to workspaces where the principal is deployer. Deployers at the group of the identity need no grant.',
    action: 'use_grant.create',
    errors: ['conflict'],
    body: useGrants.create,
    response: useGrants.answer,
    handle: async ({ api, call, params, body }) =>
      useGrants.present(await api.pipeline.perform(api.actions.useGrants.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/grants',
    summary: 'Who may use the identity beside the deployers at its group',
    description: 'Lists the use grants of a managed identity.',
    action: 'use_grant.list',
    query: page,
    response: listOf(useGrants.answer),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.useGrants.list, call, { ref: params.id!, page: readPage(query) }),
        query.limit,
        useGrants.present,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/managed-identities/:id/grants/:grant',
    summary: 'Take the use of the identity away',
    description: 'Deletes a use grant. Existing assignments stay; the principal can make no new ones.',
    action: 'use_grant.delete',
    errors: ['conflict'],
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.useGrants.remove, call, { ref: params.id!, id: params.grant! }),
  }),
];
