import { z } from 'zod';
import { type AuditEvent, eventFields } from '../../../core/audit.ts';
import { identityKinds } from '../../../services/identities/kinds.ts';
import { id, time } from '../answers.ts';

/** Members of every answer that issues something. */
const issued = {
  expires_at: time.meta({ description: 'The end of its validity.' }),
  jti: z.string().meta({
    description: 'The `jti` of the workload token, which the audit has.',
    examples: ['evt_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  }),
  audit_event_id: id('event').meta({ description: 'The audit event of the issuing.' }),
};

export const workloadToken = z
  .strictObject({
    token: z.string().meta({ description: 'The workload token, a JWT.' }),
    subject: z.string().meta({ description: 'The `sub` of the token.' }),
    audience: z.string().meta({ description: 'The `aud` of the token.', examples: ['sts.amazonaws.com'] }),
    ...issued,
  })
  .meta({ id: 'WorkloadToken' });

const [first, ...others] = identityKinds.map(({ type, answer }) =>
  z.strictObject({
    type: z.literal(type).meta({ description: 'The type of the managed identity.' }),
    ...answer,
    ...issued,
  }),
);
export const credentials: z.ZodType = z.discriminatedUnion('type', [first!, ...others]).meta({ id: 'Credentials' });

const text = z.string().nullable();

/** Meanings of the other fields of an audit event, all of which are texts or null. */
const eventMeanings: Record<Exclude<keyof AuditEvent, keyof typeof eventMembers>, string> = {
  code: 'The error code of a refusal or failure; null on success.',
  organization_id: 'The organisation; null for events of the installation.',
  actor_id: 'The id of the caller; null without one.',
  user_id: 'The user that the event is about.',
  workspace_id: 'The workspace that the event is about.',
  identity_id: 'The managed identity that the event is about.',
  job_id: 'The job that the event is about.',
  target_id: 'The entity that was changed.',
  jti: 'The `jti` of the workload token.',
  signing_input_sha256: 'SHA-256 of the signing input of the token, in hexadecimal.',
  request_id: 'The id of the request, as in the header `X-Request-Id` and the log.',
  parent_id: 'The event that this one completes: for an exchange, the event of its token.',
};

/** Fields of an audit event with another schema than a nullable text, or with a description. */
const eventMembers = {
  id: id('event').meta({ description: 'The id. It never changes.' }),
  at: time.meta({ description: 'When, by the clock of the replica that recorded the event.' }),
  action: z.string().meta({
    description: 'What was done. `docs/audit-actions.md` lists the actions.',
    examples: ['credentials.exchange'],
  }),
  outcome: z.enum(['success', 'refused', 'failed']).meta({
    description: '`refused`: a decision against the request (4xx). `failed`: Arsia or a cloud failed (5xx).',
  }),
  actor_kind: z.string().meta({ description: 'The kind of the caller.', examples: ['user', 'service_account', 'job'] }),
  client_address: text.meta({
    description: 'Where the request came from: an IPv4 address, or the /64 prefix of an IPv6 address.',
  }),
  user_agent: text.meta({ description: 'The products that the header `User-Agent` named, at most 128 characters.' }),
  detail: z.record(z.string(), z.unknown()).meta({ description: 'Facts for people, which depend on the action.' }),
};

const otherEventMembers = Object.fromEntries(
  eventFields.map((field) => [
    field,
    field in eventMeanings ? text.meta({ description: eventMeanings[field as keyof typeof eventMeanings] }) : text,
  ]),
) as Record<keyof typeof eventMeanings, typeof text>;

export const auditEvent = z
  .strictObject({
    ...otherEventMembers,
    ...eventMembers,
    position: z.int().meta({ description: 'The place in the audit, in the order in which events were recorded.' }),
  })
  .meta({ id: 'AuditEvent' });
