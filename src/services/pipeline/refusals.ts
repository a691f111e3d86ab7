import type { AuditEvent } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import { serverOrigin } from '../../core/origin.ts';
import type { AuditStore } from '../../store/audit/events.ts';

/** The audit as services use it: what succeeded goes through `record` and `insert`, what was refused or failed through `refuse`. */
export interface Audit extends AuditStore {
  /**
   * Resolves when the refusal is committed, or counted: strangers can send refused requests without end, and must not be able
   * to fill the audit with them. Throws `unavailable` when it could not be written.
   */
  refuse(event: AuditEvent): Promise<void>;
}

export interface CountedAudit extends Audit {
  /** Writes the counts of the minutes that are over; `isLast` also that of the present one. A count that cannot be written is kept. */
  flush(options?: { isLast?: boolean }): Promise<void>;
}

/** Refusals that differ in none of these are of one kind. */
const kindFields = [
  'action',
  'outcome',
  'code',
  'organization_id',
  'user_id',
  'workspace_id',
  'identity_id',
  'job_id',
  'target_id',
] as const satisfies readonly (keyof AuditEvent)[];

interface Counted {
  /** An event of this kind, whatever else stands in it. */
  like: AuditEvent;
  count: number;
  /** Milliseconds since 1970. */
  since: number;
  until: number;
}

const minute = 60_000;

/**
 * Of callers who did not authenticate, the first refusal of each kind in a minute is recorded at once, and so are `repeats`
 * further ones, whatever their kind: a person who mistypes and a client that is set up wrongly stay readable. The rest is
 * counted, one event a minute and kind. Kinds beyond `kinds` in a minute are told apart by their action and code alone, and
 * so are those beyond `waiting` of past minutes, while the database is away.
 */
export function countRefusals(
  store: AuditStore,
  clock: Clock,
  { repeats = 120, kinds = 200, waiting = 1_000 }: { repeats?: number; kinds?: number; waiting?: number } = {},
): CountedAudit {
  let begin = 0;
  let left = repeats;
  /** Counts of the present minute, zero for a kind that was only recorded; and of past ones, not yet written. */
  let present = new Map<string, Counted>();
  const past = new Map<string, Counted>();

  /** A clock that is set back by less than a minute begins no minute anew, and with it no new `repeats`. */
  function isOver(now: number): boolean {
    return now >= begin + minute || now < begin - minute;
  }

  function startMinute(until: number): void {
    for (const counted of present.values()) if (counted.count > 0) keep({ ...counted, until });
    present = new Map();
    left = repeats;
  }

  /** While the database is away the minutes of a kind become one. */
  function keep(counted: Counted): void {
    const [kind, like] = findKind(counted.like, past, waiting);
    const known = past.get(kind);
    if (known === undefined) past.set(kind, { ...counted, like });
    else past.set(kind, { ...counted, like, count: known.count + counted.count, since: known.since });
  }

  /** True for what is recorded by itself. */
  function countOrRecord(event: AuditEvent): boolean {
    const now = clock.now();
    if (isOver(now)) {
      startMinute(begin + minute);
      begin = now - (now % minute);
    }
    const [kind, like] = findKind(event, present, kinds);
    const known = present.get(kind);
    if (known === undefined) {
      present.set(kind, { like, count: 0, since: begin, until: begin });
      return true;
    }
    if (left-- > 0) return true;
    known.count++;
    return false;
  }

  function findKind(event: AuditEvent, known: ReadonlyMap<string, Counted>, most: number): [string, AuditEvent] {
    const whole = JSON.stringify(kindFields.map((field) => event[field]));
    if (known.size < most || known.has(whole)) return [whole, event];
    const rest = { organization_id: null, user_id: null, workspace_id: null, identity_id: null, job_id: null };
    const like = { ...event, ...rest, target_id: null };
    return [JSON.stringify(kindFields.map((field) => like[field])), like];
  }

  return {
    ...store,
    async refuse(event) {
      if (event.actor_kind !== 'anonymous' || countOrRecord(event)) await store.record(event);
    },
    async flush({ isLast = false } = {}) {
      const now = clock.now();
      if (isLast || isOver(now)) startMinute(isLast ? now : begin + minute);
      for (const [kind, counted] of [...past]) {
        past.delete(kind);
        try {
          await store.record(buildCountEvent(clock, counted));
        } catch (error) {
          keep(counted);
          throw error;
        }
      }
    },
  };
}

function buildCountEvent(clock: Clock, { like, count, since, until }: Counted): AuditEvent {
  return {
    ...like,
    id: newId(clock, 'event'),
    at: clock.now(),
    ...serverOrigin,
    jti: null,
    signing_input_sha256: null,
    parent_id: null,
    detail: {
      reason: 'Further refusals like this one, of callers who did not authenticate.',
      count,
      since: new Date(since).toISOString(),
      until: new Date(until).toISOString(),
    },
  };
}
