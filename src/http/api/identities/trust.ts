import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { type Route, route } from '../../route.ts';
import { claims, trust, verdict } from './responses.ts';

const meant = z.strictObject({
  workspace: ref.optional().meta({
    description:
      'The workspace of the token, by id or path. May be left out where exactly one workspace has the identity, or where the subject names none.',
    examples: ['acme/research/wing'],
  }),
  user: ref.optional().meta({
    description: 'The user of the token, by id or login. Left out, where the subject names a user: every user.',
    examples: ['ada@acme.example'],
  }),
});
const pasted = meant.extend({
  document: z
    .string()
    .min(1, 'is empty')
    .max(20_000, 'must be at most 20000 characters')
    .meta({
      description: 'The trust document as the cloud has it, in JSON or YAML. At most 20000 characters.',
      examples: ['{"Version":"2012-10-17","Statement":[]}'],
    }),
});

export const trustRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/managed-identities/:id/trust',
    summary: 'What the cloud admin pastes: issuer, subject, audience and the trust documents',
    description:
      'Returns what the administrator of the cloud needs: issuer, subject, audience, and documents and commands to copy. Nothing is stored. Name a workspace or a user where the subject of the identity contains one. An identity that is not usable in the workspace is refused with 409 and the ways out.',
    action: 'managed_identity.trust',
    errors: ['conflict', 'not_supported', 'claims_refused', 'settings_unreadable'],
    query: meant,
    response: trust,
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.identities.trust, call, { ref: params.id!, ...query }),
  }),
  route({
    method: 'POST',
    path: '/managed-identities/:id/trust/evaluate',
    summary: 'Would this trust document accept the token? Names the condition that fails',
    description:
      "Says whether a trust document, as copied from the cloud, would accept the token of this identity, or names the condition that fails. Accepts JSON and YAML as the cloud's own tools print them. Nothing is stored and the cloud is not called.",
    action: 'managed_identity.evaluate',
    errors: ['conflict', 'not_supported', 'claims_refused', 'settings_unreadable'],
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
    description: 'Returns the claims that a token of this identity would have. Nothing is signed.',
    action: 'managed_identity.preview_claims',
    errors: ['conflict', 'not_supported', 'claims_refused', 'settings_unreadable'],
    query: meant,
    response: claims,
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.identities.claims, call, { ref: params.id!, ...query }),
  }),
];
