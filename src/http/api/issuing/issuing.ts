import { z } from 'zod';
import { name, ref } from '../../../entities/inputs.ts';
import { identityKinds } from '../../../services/identities/kinds.ts';
import { type Route, route } from '../../route.ts';
import { credentials, workloadToken } from './responses.ts';

const tokenRequest = z.strictObject({ managed_identity: ref, profile: name.optional() });

/** The options of each type that has options, by type. */
const options = Object.fromEntries(
  identityKinds.flatMap(({ type, request }) => (request === undefined ? [] : [[type, request.optional()]])),
);

const credentialsRequest = tokenRequest.extend({
  duration: z
    .int('must be whole seconds')
    .min(1, 'must be at least 1 second')
    .max(43_200, 'must be at most 43200 seconds')
    .optional(),
  ...options,
});

/** The two routes that only accept a job token. They authenticate it in the same read as the facts of the decision. */
export const issuingRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/tokens',
    summary: "Mint a workload token for a managed identity of the job's workspace",
    action: 'token.mint',
    bearer: 'job',
    status: 200,
    body: tokenRequest,
    response: workloadToken,
    async handle({ api, call, bearer, body, logged }) {
      const minted = await api.mint.mint({ ...body, token: bearer, origin: call.origin, logged }, 'token');
      const { token, subject, audience, jti, audit_event_id } = minted;
      return { token, subject, audience, jti, expires_at: rfc3339(minted.expires_at), audit_event_id };
    },
  }),
  route({
    method: 'POST',
    path: '/credentials',
    summary: "Short-lived credentials of the cloud for a managed identity of the job's workspace",
    action: 'credentials.exchange',
    bearer: 'job',
    status: 200,
    body: credentialsRequest,
    response: credentials,
    async handle({ api, call, bearer, body: { managed_identity, profile, ...asked }, logged }) {
      const request = { managed_identity, profile, token: bearer, origin: call.origin, logged };
      return await api.exchange.exchange(request, asked);
    },
  }),
];

function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
