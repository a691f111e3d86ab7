import { z } from 'zod';
import { identityKinds } from '../../../services/identities/kinds.ts';
import { id, time } from '../answers.ts';

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
export const auditEvent = z
  .strictObject({
    id: id('event'),
    at: time,
    action: z.string(),
    outcome: z.enum(['success', 'refused', 'failed']),
    code: text,
    organization_id: text,
    actor_kind: z.string(),
    actor_id: text,
    user_id: text,
    workspace_id: text,
    identity_id: text,
    job_id: text,
    target_id: text,
    jti: text,
    signing_input_sha256: text,
    request_id: text,
    parent_id: text,
    detail: z.record(z.string(), z.unknown()),
    position: z.int().meta({ description: 'The place in the audit, in the order in which events were recorded.' }),
  })
  .meta({ id: 'AuditEvent' });
