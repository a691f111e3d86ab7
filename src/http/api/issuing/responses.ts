import { z } from 'zod';
import { type AuditEvent, eventFields } from '../../../core/audit.ts';
import { identityKinds } from '../../../services/identities/kinds.ts';
import { id, nameMember, time } from '../answers.ts';

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
    token: z.string().meta({ description: 'The workload token, a JWT.', examples: ['eyJ...'] }),
    subject: z.string().meta({
      description: 'The `sub` of the token.',
      examples: ['mi_01jd2ze0q8v5n3w4x6y7t9m2ab:ws_01jd2ze0q8v5n3w4x6y7t9m2ab'],
    }),
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

/** Meanings and examples of the other fields of an audit event, all of which are texts or null. */
const eventMeanings: Record<
  Exclude<keyof AuditEvent, keyof typeof eventMembers>,
  [meaning: string, example: string]
> = {
  code: ['The error code of a refusal or failure; null on success.', 'access_rule_refused'],
  organization_id: ['The organisation; null for events of the installation.', 'grp_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  actor_id: ['The id of the caller; null without one.', 'usr_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  user_id: ['The user that the event is about.', 'usr_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  workspace_id: ['The workspace that the event is about.', 'ws_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  identity_id: ['The managed identity that the event is about.', 'mi_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  job_id: ['The job that the event is about.', 'job_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  target_id: ['The entity that was changed.', 'job_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  jti: ['The `jti` of the workload token.', 'evt_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  signing_input_sha256: [
    'SHA-256 of the signing input of the token, in hexadecimal.',
    '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  ],
  request_id: [
    'The id of the request, as in the header `X-Request-Id` and the log.',
    '0b9e6c1a-2f53-4d0e-9a87-3c5d1e7f4b62',
  ],
  parent_id: [
    'The event that this one completes: for an exchange, the event of its token.',
    'evt_01jd2ze0q8v5n3w4x6y7t9m2ab',
  ],
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
  actor_kind: z.string().meta({
    description:
      'The kind of the caller: `user`, `service_account`, `job`, `system` (the server and its commands) or `anonymous`.',
    examples: ['user'],
  }),
  client_address: text.meta({
    description: 'Where the request came from: an IPv4 address, or the /64 prefix of an IPv6 address.',
    examples: ['192.0.2.7'],
  }),
  user_agent: text.meta({
    description: 'The products that the header `User-Agent` named, at most 128 characters.',
    examples: ['curl/8.5.0'],
  }),
  detail: z.record(z.string(), z.unknown()).meta({ description: 'Facts for people, which depend on the action.' }),
};

const otherEventMembers = Object.fromEntries(
  Object.entries(eventMeanings).map(([field, [description, example]]) => [
    field,
    text.meta({ description, examples: [example] }),
  ]),
) as Record<keyof typeof eventMeanings, typeof text>;

const eventSchemas = { ...otherEventMembers, ...eventMembers };

/** The members in the order of `eventFields`. */
const orderedMembers = Object.fromEntries(eventFields.map((field) => [field, eventSchemas[field]]));

/** The logins, names and paths as they are now. An export has the events alone. */
const eventNames = {
  actor: nameMember('actor_id', 'ada@acme.example'),
  user: nameMember('user_id', 'ada@acme.example'),
  workspace: nameMember('workspace_id', 'acme/research/wing'),
  identity: nameMember('identity_id', 'acme/research/aws'),
  target: nameMember('target_id', 'acme/research'),
};

export const auditEvent = z
  .strictObject({
    ...(orderedMembers as typeof eventSchemas),
    ...eventNames,
    position: z.int().meta({
      description: 'The place in the audit, in the order in which events were recorded.',
      examples: [48_151],
    }),
  })
  .meta({ id: 'AuditEvent' });
