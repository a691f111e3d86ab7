import { z } from 'zod';
import { identityType, name, ref } from '../../../entities/inputs.ts';
import { managedIdentities } from '../../../entities/managedidentities.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentIdentity, presentScanned, readPage } from '../present.ts';
import { flag, page } from '../schemas.ts';

export const identityRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities',
    summary: 'Create a managed identity in a group',
    action: 'managed_identity.create',
    body: managedIdentities.create,
    response: managedIdentities.answer,
    handle: async ({ api, call, body }) =>
      presentIdentity(await api.pipeline.perform(api.actions.identities.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/managed-identities',
    summary: 'The managed identities that the caller can see',
    action: 'managed_identity.list',
    query: page.extend({ type: identityType.optional(), group: ref.optional(), include_inherited: flag }),
    response: listOf(managedIdentities.answer),
    handle: async ({ api, call, query }) =>
      presentScanned(
        await api.pipeline.perform(api.actions.identities.list, call, {
          page: readPage(query),
          type: query.type,
          group: query.group,
          include_inherited: query.include_inherited === 'true',
        }),
        presentIdentity,
      ),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id',
    summary: 'One managed identity, by id or path',
    action: 'managed_identity.get',
    response: managedIdentities.answer,
    handle: async ({ api, call, params }) =>
      presentIdentity(await api.pipeline.perform(api.actions.identities.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/managed-identities/:id',
    summary: 'Change description, settings, delivery or token lifetime; never name or type',
    action: 'managed_identity.update',
    body: managedIdentities.change,
    response: managedIdentities.answer,
    handle: async ({ api, call, params, body }) =>
      presentIdentity(await api.pipeline.perform(api.actions.identities.update, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'DELETE',
    path: '/managed-identities/:id',
    summary:
      'Delete a managed identity, its name typed; refused with the list of workspaces while assigned, unless forced',
    action: 'managed_identity.delete',
    query: z.strictObject({ name, force: flag }),
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.identities.remove, call, {
        ref: params.id!,
        name: query.name,
        force: query.force === 'true',
      }),
  }),
];
