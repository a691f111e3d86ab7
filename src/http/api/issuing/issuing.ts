import { z } from 'zod';
import { name, ref } from '../../../entities/inputs.ts';
import { identityKinds } from '../../../services/identities/kinds.ts';
import { type Route, route } from '../../route.ts';
import { credentials, workloadToken } from './responses.ts';

const tokenRequest = z.strictObject({
  managed_identity: ref.meta({
    description: 'The managed identity, by id or path, or its type where the workspace has one of that type.',
    examples: ['acme/research/aws'],
  }),
  profile: name.optional().meta({
    description: 'The profile of the assignment, where it has one. Default: the unnamed one.',
    examples: ['billing'],
  }),
});

/** The options of each type that has options, by type. */
const options = Object.fromEntries(
  identityKinds.flatMap(({ type, title, request }) =>
    request === undefined
      ? []
      : [[type, request.optional().meta({ description: `Options of the exchange, for ${title} identities only.` })]],
  ),
);

const credentialsRequest = tokenRequest.extend({
  duration: z
    .int('must be whole seconds')
    .min(1, 'must be at least 1 second')
    .max(43_200, 'must be at most 43200 seconds')
    .optional()
    .meta({
      description:
        'Seconds for which the credentials are valid, where the cloud lets it be chosen. Default: 3600, or `max_duration` of the identity where that is less, which is also the maximum.',
      examples: [3600],
    }),
  ...options,
});

/** The two routes that only accept a job token. They authenticate it in the same read as the facts of the decision. */
export const issuingRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/tokens',
    summary: "Mint a workload token for a managed identity of the job's workspace",
    description:
      'Issues a workload token, a JWT signed by Arsia, for a managed identity that is assigned to the workspace of the job. Job, user, launcher, roles, assignment and access rules are checked now. The audit records the token before it is signed. `delivery` of the identity must be `token` or `both`. The same is available as token exchange at `/oauth2/token`.',
    action: 'token.mint',
    who: 'the job itself, with its job token',
    errors: [
      'job_ended',
      'user_inactive',
      'launcher_inactive',
      'user_lacks_role',
      'launcher_may_not_act',
      'not_found',
      'identity_not_assigned',
      'access_rule_refused',
      'identity_needs_user',
      'subject_not_granted',
      'delivery_refused',
      'not_supported',
      'claims_refused',
      'settings_unreadable',
    ],
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
    description:
      'Issues a workload token and exchanges it at the cloud for short-lived credentials. The same checks as for `/tokens`. The audit has one event for the token and one for the exchange. `delivery` of the identity must be `credentials` or `both`. The members of the answer depend on `type`.',
    action: 'credentials.exchange',
    who: 'the job itself, with its job token',
    errors: [
      'job_ended',
      'user_inactive',
      'launcher_inactive',
      'user_lacks_role',
      'launcher_may_not_act',
      'not_found',
      'identity_not_assigned',
      'access_rule_refused',
      'identity_needs_user',
      'subject_not_granted',
      'delivery_refused',
      'not_supported',
      'claims_refused',
      'settings_unreadable',
      'cloud_denied',
      'cloud_refused',
      'cloud_unavailable',
      'cloud_timeout',
      'busy',
    ],
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
