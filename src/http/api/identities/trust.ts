import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { type Route, route } from '../../route.ts';
import { claims, trust, verdict } from './responses.ts';

const meant = z.strictObject({ workspace: ref.optional(), user: ref.optional() });
const pasted = meant.extend({
  document: z.string().min(1, 'is empty').max(20_000, 'must be at most 20000 characters'),
});

export const trustRoutes: Route[] = [
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
];
