import type { Clock } from '../core/clock.ts';
import { ArsiaError } from '../core/errors.ts';

/** Maximum clock skew in milliseconds against the database, whose clock all replicas share (threats.md F18). */
const tolerance = 5_000;

export interface ClockWatch {
  /** Compares the clocks. Rejects while the database is away, and keeps the result of the last comparison. */
  compare(): Promise<void>;
  /** Returns the skew as a fault, for readiness; undefined while it is within the limit. */
  fault(): string | undefined;
  /** Wraps `clock`; its `now` throws ArsiaError `unavailable` while the skew exceeds the limit. */
  guard(clock: Clock): Clock;
}

export interface ClockWatchOptions {
  /** The clock of the machine. */
  clock: Pick<Clock, 'now'>;
  /** The database's clock, in milliseconds since 1970. */
  databaseNow(): Promise<number>;
  /** Milliseconds of a monotonic clock, from any start. */
  monotonic(): number;
  /** Called with the fault when the skew exceeds the limit, and with undefined when it is back within it. */
  onChange(fault: string | undefined): void;
}

/**
 * Clouds refuse a token from a clock that is ten minutes ahead, without a useful message, and one from a clock that is behind has
 * expired on arrival. Between two comparisons the monotonic clock shows when the machine's clock is set.
 */
export function createClockWatch({ clock, databaseNow, monotonic, onChange }: ClockWatchOptions): ClockWatch {
  /** The last comparison: how far the machine was ahead, and its two clocks at that moment. */
  let last: { ahead: number; wall: number; steady: number } | undefined;
  let reported: string | undefined;

  function fault(): string | undefined {
    if (last === undefined) return undefined;
    const ahead = last.ahead + (clock.now() - last.wall) - (monotonic() - last.steady);
    if (Math.abs(ahead) <= tolerance) return undefined;
    const off = `${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? 'ahead of' : 'behind'}`;
    return `the clock of this machine is ${off} the database's: synchronise both (NTP)`;
  }

  return {
    fault,
    async compare() {
      const [before, steadyBefore] = [clock.now(), monotonic()];
      const database = await databaseNow();
      const took = monotonic() - steadyBefore;
      // The database read its clock at some moment of the wait: a difference within the wait is no skew.
      const ahead = Math.max(0, before - database) - Math.max(0, database - (before + took));
      last = { ahead, wall: before, steady: steadyBefore };
      const now = fault();
      if ((now === undefined) !== (reported === undefined)) onChange(now);
      reported = now;
    },
    guard: (guarded) => ({
      ...guarded,
      now() {
        const wrong = fault();
        if (wrong !== undefined)
          throw new ArsiaError('unavailable', `Nothing is signed while ${wrong}.`, { retry_after: 10 });
        return guarded.now();
      },
    }),
  };
}
