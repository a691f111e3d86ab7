import { z } from 'zod';
import { identityType, name, ref } from '../../../entities/inputs.ts';
import { managedIdentities } from '../../../entities/managedidentities.ts';
import { useGrants } from '../../../entities/usegrants.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentIdentity, presentPage, presentScanned, readPage } from '../present.ts';
import { flag, page } from '../schemas.ts';
import { claims, trust, verdict } from './responses.ts';

const meant = z.strictObject({ workspace: ref.optional(), user: ref.optional() });
const pasted = meant.extend({
  document: z.string().min(1, 'is empty').max(20_000, 'must be at most 20000 characters'),
});

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
  route({
    method: 'GET',
    path: '/managed-identities/:id/trust',
    summary: 'What the cloud admin pastes: issuer, subject, audience and the trust documents',
    action: 'managed_identity.trust',
    query: meant,
    response: trust,
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.identities.trust, call, { ref: params.id!, ...query }),
  }),
  route({
    method: 'POST',
    path: '/managed-identities/:id/trust/evaluate',
    summary: 'Would this trust document accept the token? Names the condition that fails',
    action: 'managed_identity.evaluate',
    status: 200,
    body: pasted,
    response: verdict,
    handle: ({ api, call, params, body }) =>
      api.pipeline.perform(api.actions.identities.evaluate, call, { ref: params.id!, ...body }),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/claims',
    summary: 'The claims that a token would carry; nothing is signed',
    action: 'managed_identity.preview_claims',
    query: meant,
    response: claims,
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.identities.claims, call, { ref: params.id!, ...query }),
  }),
  route({
    method: 'POST',
    path: '/managed-identities/:id/grants',
    summary: 'Let a principal (`*`: everyone below the group) use the identity',
    action: 'use_grant.create',
    body: useGrants.create,
    response: useGrants.answer,
    handle: async ({ api, call, params, body }) =>
      useGrants.present(
        await api.pipeline.perform(api.actions.identities.createGrant, call, { ref: params.id!, ...body }),
      ),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/grants',
    summary: 'Who may use the identity beside the deployers at its group',
    action: 'use_grant.list',
    query: page,
    response: listOf(useGrants.answer),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.identities.listGrants, call, { ref: params.id!, page: readPage(query) }),
        query.limit,
        useGrants.present,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/managed-identities/:id/grants/:grant',
    summary: 'Take the use of the identity away',
    action: 'use_grant.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.identities.removeGrant, call, { ref: params.id!, id: params.grant! }),
  }),
];
