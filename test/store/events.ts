import type { AuditEvent } from '../../src/core/audit.ts';
import { makeId } from '../../src/core/ids.ts';
import { serverOrigin } from '../../src/core/origin.ts';
import { systemClock } from '../../src/server/clock.ts';
import { createAuditKeys } from '../../src/signing/auditkeys.ts';

/** The keys of every audit in these tests. */
export const auditKeys = createAuditKeys(async () => new Uint8Array(32).fill(7));
await auditKeys.load();

export function event(more: Partial<AuditEvent> = {}): AuditEvent {
  const at = more.at ?? systemClock.now();
  return {
    id: makeId('event', at, systemClock.random),
    at,
    action: 'token.mint',
    outcome: 'success',
    code: null,
    organization_id: null,
    actor_kind: 'job',
    actor_id: 'job_1',
    user_id: null,
    workspace_id: null,
    identity_id: null,
    job_id: null,
    target_id: null,
    jti: null,
    signing_input_sha256: null,
    ...serverOrigin,
    parent_id: null,
    detail: {},
    ...more,
  };
}
