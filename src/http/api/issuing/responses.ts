import { z } from 'zod';
import { type AuditEvent, eventFields } from '../../../core/audit.ts';
import { identityKinds } from '../../../services/identities/kinds.ts';
import { id, secret, time, version, withheld } from '../answers.ts';

const jobMembers = {
  id: id('job'),
  organization_id: id('group'),
  workspace_id: id('workspace'),
  user_id: id('user').nullable(),
  launcher_id: id('service_account').nullable(),
  started_by: z.string(),
  stage: z.string(),
  labels: z.record(z.string(), z.string()),
  reference: z.string().nullable(),
  state: z.enum(['running', 'ended']),
  deadline: time,
  ended_at: time.nullable(),
  created_at: time,
  version,
  parent_id: id('job').nullable().meta({ description: 'The job whose array task this is.' }),
  task_index: z.int().nullable(),
  heartbeat_seconds: z.int().nullable(),
  heartbeat_at: time.nullable(),
};
export const job = z.strictObject(jobMembers).meta({ id: 'Job' });
export const startedJob = z
  .strictObject({ ...jobMembers, job_token: secret('The token of the job'), withheld })
  .meta({ id: 'StartedJob' });

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

/** Fields of an audit event that are more than a text that may be missing, and those with a description. */
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

export const auditEvent = z
  .strictObject({
    ...otherEventMembers,
    ...eventMembers,
    position: z.int().meta({ description: 'The place in the audit, in the order in which events were recorded.' }),
  })
  .meta({ id: 'AuditEvent' });
