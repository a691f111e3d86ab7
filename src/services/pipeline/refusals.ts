import type { AuditEvent } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import { serverOrigin } from '../../core/origin.ts';
import type { AuditStore } from '../../store/audit/events.ts';

/** The audit as services use it: `record` and `insert` for success, `refuse` for refusals and failures. */
export interface Audit extends AuditStore {
  /**
   * Resolves when the refusal is committed or counted. Unauthenticated callers can send refused requests without end,
   * and must not be able to fill the audit. Throws `unavailable` where it could not be written.
   */
  refuse(event: AuditEvent): Promise<void>;
}

export interface CountedAudit extends Audit {
  /** Writes the counts of past minutes, and with `isLast` of the current one. Keeps a count that cannot be written. */
  flush(options?: { isLast?: boolean }): Promise<void>;
}

/** Refusals with equal values of these fields are of one kind. */
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
  /** An example of this kind; its other fields are those of the first refusal. */
  example: AuditEvent;
  count: number;
  /** Milliseconds since 1970. */
  since: number;
  until: number;
}

const minute = 60_000;

/**
 * Limits the records of unauthenticated callers. The first refusal of each kind in a minute is recorded at once, and so
 * are `repeats` further ones of any kind: a mistyped password or a misconfigured client stays visible. The others are
 * counted, one event for each minute and kind. Above `kinds` in a minute, and above `waiting` counts of past minutes
 * while the database is away, kinds are distinguished by action and code only.
 */
export function countRefusals(
  store: AuditStore,
  clock: Clock,
  { repeats = 120, kinds = 200, waiting = 1_000 }: { repeats?: number; kinds?: number; waiting?: number } = {},
): CountedAudit {
  let begin = 0;
  let repeatsLeft = repeats;
  /**
   * Counts of the current minute (zero for a kind that was only recorded), and those of past minutes that are not yet
   * written.
   */
  let present = new Map<string, Counted>();
  const past = new Map<string, Counted>();

  /**
   * Returns whether the minute is over. A clock that is set back by less than a minute starts no new minute, and so
   * grants no new `repeats`.
   */
  function isOver(now: number): boolean {
    return now >= begin + minute || now < begin - minute;
  }

  function startMinute(until: number): void {
    for (const counted of present.values()) if (counted.count > 0) keep({ ...counted, until });
    present = new Map();
    repeatsLeft = repeats;
  }

  /** Keeps a count until it is written. While the database is away, the minutes of a kind are added up. */
  function keep(counted: Counted): void {
    const [kind, example] = findKind(counted.example, past, waiting);
    const known = past.get(kind);
    if (known === undefined) past.set(kind, { ...counted, example });
    else past.set(kind, { ...counted, example, count: known.count + counted.count, since: known.since });
  }

  /** Returns whether to record the event by itself; counts it otherwise. */
  function isRecorded(event: AuditEvent): boolean {
    const now = clock.now();
    if (isOver(now)) {
      startMinute(begin + minute);
      begin = now - (now % minute);
    }
    const [kind, example] = findKind(event, present, kinds);
    const known = present.get(kind);
    if (known === undefined) {
      present.set(kind, { example, count: 0, since: begin, until: begin });
      return true;
    }
    if (repeatsLeft-- > 0) return true;
    known.count++;
    return false;
  }

  function findKind(event: AuditEvent, known: ReadonlyMap<string, Counted>, most: number): [string, AuditEvent] {
    const whole = JSON.stringify(kindFields.map((field) => event[field]));
    if (known.size < most || known.has(whole)) return [whole, event];
    const rest = { organization_id: null, user_id: null, workspace_id: null, identity_id: null, job_id: null };
    const example = { ...event, ...rest, target_id: null };
    return [JSON.stringify(kindFields.map((field) => example[field])), example];
  }

  return {
    ...store,
    async refuse(event) {
      if (event.actor_kind !== 'anonymous' || isRecorded(event)) await store.record(event);
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

function buildCountEvent(clock: Clock, { example, count, since, until }: Counted): AuditEvent {
  return {
    ...example,
    id: newId(clock, 'event'),
    at: clock.now(),
    ...serverOrigin,
    jti: null,
    signing_input_sha256: null,
    parent_id: null,
    detail: {
      reason: 'Further refusals of this kind, of unauthenticated callers.',
      count,
      since: new Date(since).toISOString(),
      until: new Date(until).toISOString(),
    },
  };
}
