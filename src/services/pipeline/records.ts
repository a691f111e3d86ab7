import { type AuditEvent, classifyOutcome } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import { type ArsiaError, asArsiaError } from '../../core/errors.ts';
import { serverOrigin } from '../../core/origin.ts';
import { system } from '../../core/principals.ts';
import type { Call, Place } from './action.ts';
import type { Audit } from './refusals.ts';

/** What an error says in the record of the attempt that it ended. */
export type RefusalFacts = Pick<AuditEvent, 'outcome' | 'code' | 'detail'>;

export function refusalFacts(error: ArsiaError): RefusalFacts {
  return { outcome: classifyOutcome(error), code: error.code, detail: { reason: error.message } };
}

/**
 * Records, once, what ended an attempt, and returns it as the error to throw. Throws `unavailable` where the record cannot be
 * written. The error `unavailable` itself leaves no record: nothing was decided, in most cases because the database is away,
 * and the record would wait for it too. `hasBegun` is for what leaves a record whatever ends it: an action that got its place
 * in the pipeline, an exchange whose token was signed.
 */
export async function recordRefusal(
  audit: Pick<Audit, 'refuse'>,
  thrown: unknown,
  eventFor: (facts: RefusalFacts, error: ArsiaError) => AuditEvent,
  { hasBegun = false } = {},
): Promise<ArsiaError> {
  const error = asArsiaError(thrown);
  if (hasBegun || error.code !== 'unavailable') await audit.refuse(eventFor(refusalFacts(error), error));
  return error;
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
