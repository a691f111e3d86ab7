import type { AuditEvent } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import type { ArsiaError } from '../../core/errors.ts';
import { serverOrigin } from '../../core/origin.ts';
import { system } from '../../core/principals.ts';
import type { Call, Place } from './action.ts';

export function refusalFacts(error: ArsiaError): Pick<AuditEvent, 'outcome' | 'code' | 'detail'> {
  const outcome = error.row.status >= 500 ? 'failed' : 'refused';
  return { outcome, code: error.code, detail: { reason: error.message } };
}

/** A call that nobody made: the server itself, or a person at its terminal. */
export const bySystem: Call = { caller: system, origin: serverOrigin };

/** An audit event of a call, complete but for what `more` says. */
export function eventOf(
  clock: Clock,
  call: Call,
  action: string,
  place: Place | undefined,
  more: Partial<AuditEvent> & Pick<AuditEvent, 'outcome'>,
): AuditEvent {
  const { caller } = call;
  return {
    id: more.id ?? newId(clock, 'event'),
    at: clock.now(),
    action,
    code: null,
    organization_id: place?.organization_id ?? ('organization_id' in caller ? caller.organization_id : null),
    actor_kind: caller.kind,
    actor_id: caller.id,
    user_id: null,
    workspace_id: caller.kind === 'job' ? caller.workspace_id : null,
    identity_id: null,
    job_id: caller.kind === 'job' ? caller.id : null,
    target_id: null,
    jti: null,
    signing_input_sha256: null,
    ...call.origin,
    parent_id: null,
    ...place?.audit,
    ...more,
    detail: { ...place?.recorded, ...more.detail },
  };
}
