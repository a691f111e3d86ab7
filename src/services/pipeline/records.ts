import { type AuditEvent, classifyOutcome } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import { type ArsiaError, asArsiaError } from '../../core/errors.ts';
import { serverOrigin } from '../../core/origin.ts';
import { system } from '../../core/principals.ts';
import type { Call, Place } from './action.ts';
import type { Audit } from './refusals.ts';

/** The outcome, code and reason of an error, for the audit record of its attempt. */
export type RefusalFacts = Pick<AuditEvent, 'outcome' | 'code' | 'detail'>;

export function describeRefusal(error: ArsiaError): RefusalFacts {
  const { members } = error.more;
  const detail = { reason: error.message, ...(members !== undefined && { members }) };
  return { outcome: classifyOutcome(error), code: error.code, detail };
}

/**
 * Records the error that ended an attempt, once, and returns the error to throw. Throws `unavailable` where the record
 * cannot be written. `unavailable` itself leaves no record: nothing was decided, in most cases because the database is
 * away, and the record would wait for it too. `hasBegun` forces a record: for an action that the pipeline has started,
 * and for an exchange whose token is signed.
 */
export async function recordRefusal(
  audit: Pick<Audit, 'refuse'>,
  thrown: unknown,
  eventFor: (facts: RefusalFacts, error: ArsiaError) => AuditEvent,
  { hasBegun = false } = {},
): Promise<ArsiaError> {
  const error = asArsiaError(thrown);
  if (hasBegun || error.code !== 'unavailable') await audit.refuse(eventFor(describeRefusal(error), error));
  return error;
}

/** The call of the server itself, for its timers and for commands on its terminal. */
export const systemCall: Call = { caller: system, origin: serverOrigin };

/** Builds the audit event of a call. `more` completes or overrides it. */
export function buildEvent(
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
