import { z } from 'zod';
import { type AuditEvent, eventFields } from '../../../core/audit.ts';
import { identityKinds } from '../../../services/identities/kinds.ts';
import { id, nameMember, time } from '../answers.ts';

export const workloadToken = z
  .strictObject({
    token: z.string().meta({ description: 'The workload token, a JWT.' }),
    subject: z.string(),
    audience: z.string(),
    jti: z.string(),
    expires_at: time,
    audit_event_id: id('event'),
  })
  .meta({ id: 'WorkloadToken' });

const issued = { expires_at: time, jti: z.string(), audit_event_id: id('event') };
const [first, ...others] = identityKinds.map(({ type, answer }) =>
  z.strictObject({ type: z.literal(type), ...answer, ...issued }),
);
export const credentials: z.ZodType = z.discriminatedUnion('type', [first!, ...others]).meta({ id: 'Credentials' });

const text = z.string().nullable();

/** Fields of an audit event with another schema than a nullable text, or with a description. */
const eventMembers = {
  id: id('event'),
  at: time,
  action: z.string(),
  outcome: z.enum(['success', 'refused', 'failed']),
  actor_kind: z.string(),
  client_address: text.meta({
    description: 'Where the request came from: an IPv4 address, or the /64 prefix of an IPv6 address.',
  }),
  user_agent: text.meta({ description: 'The products that the header `User-Agent` named, at most 128 characters.' }),
  detail: z.record(z.string(), z.unknown()),
};

const otherEventMembers = Object.fromEntries(eventFields.map((field) => [field, text])) as Record<
  Exclude<keyof AuditEvent, keyof typeof eventMembers>,
  typeof text
>;

/** The logins, names and paths as they are now. An export has the events alone. */
const eventNames = {
  actor: nameMember('actor_id'),
  user: nameMember('user_id'),
  workspace: nameMember('workspace_id'),
  identity: nameMember('identity_id'),
  target: nameMember('target_id'),
};

export const auditEvent = z
  .strictObject({
    ...otherEventMembers,
    ...eventMembers,
    ...eventNames,
    position: z.int().meta({ description: 'The place in the audit, in the order in which events were recorded.' }),
  })
  .meta({ id: 'AuditEvent' });
