import { z } from 'zod';
import { type Route, route } from '../route.ts';
import { credentials, workloadToken } from './responses/issuing.ts';
import { name, ref } from './schemas.ts';

const tokenRequest = z.strictObject({ managed_identity: ref, profile: name.optional() });

const credentialsRequest = tokenRequest.extend({
  duration: z
    .int('must be whole seconds')
    .min(1, 'must be at least 1 second')
    .max(43_200, 'must be at most 43200 seconds')
    .optional(),
  aws: z
    .strictObject({ session_policy: z.string().min(1).max(2048, 'must be at most 2048 characters').optional() })
    .optional(),
  azure: z.strictObject({ scope: z.string().min(1).max(512).optional() }).optional(),
  gcp: z.strictObject({ scopes: z.array(z.string().min(1).max(256)).min(1).max(32).optional() }).optional(),
});

/** The two that only a job token opens. They authenticate with the facts they decide on, in one read. */
export const issuingRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/tokens',
    summary: 'Mint a workload token for a managed identity of the job`s workspace',
    action: 'token.mint',
    bearer: 'job',
    status: 200,
    body: tokenRequest,
    response: workloadToken,
    async handle({ api, call, bearer, body }) {
      const minted = await api.mint.mint({ ...body, token: bearer, request_id: call.request_id }, 'token');
      const { token, subject, audience, jti, audit_event_id } = minted;
      return { token, subject, audience, jti, expires_at: rfc3339(minted.expires_at), audit_event_id };
    },
  }),
  route({
    method: 'POST',
    path: '/credentials',
    summary: 'Short-lived credentials of the cloud for a managed identity of the job`s workspace',
    action: 'credentials.exchange',
    bearer: 'job',
    status: 200,
    body: credentialsRequest,
    response: credentials,
    async handle({ api, call, bearer, body: { managed_identity, profile, ...asked } }) {
      return await api.exchange.exchange(
        { managed_identity, profile, token: bearer, request_id: call.request_id },
        asked,
      );
    },
  }),
];

function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
