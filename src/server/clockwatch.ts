import type { Clock } from '../core/clock.ts';
import { ArsiaError } from '../core/errors.ts';

/** Milliseconds that this machine's clock may be off the database's, which all replicas share (threats.md F18). */
const tolerance = 5_000;

export interface ClockWatch {
  /** Compares the clocks. Rejects while the database is away: what was seen last then stands. */
  look(): Promise<void>;
  /** What is wrong, for readiness; undefined while the clocks agree. */
  fault(): string | undefined;
  /** `clock`, which throws ArsiaError `unavailable` rather than tell a time that clouds would refuse. */
  guard(clock: Clock): Clock;
}

export interface ClockWatchOptions {
  /** The machine's. */
  clock: Pick<Clock, 'now'>;
  /** The database's clock, in milliseconds since 1970. */
  databaseNow(): Promise<number>;
  /** Milliseconds from any beginning, by a clock that is never set. */
  monotonic(): number;
  /** Told when the clocks begin to disagree, and with undefined when they agree again. */
  onChange(fault: string | undefined): void;
}

/**
 * A token of a clock that is ten minutes ahead is refused by every cloud, and nobody there can say why; one of a clock that
 * is behind is over when it arrives. Between two looks the monotonic clock tells when somebody sets the other one.
 */
export function createClockWatch({ clock, databaseNow, monotonic, onChange }: ClockWatchOptions): ClockWatch {
  /** How far ahead the machine was, and when that was seen, by both of its clocks. */
  let seen: { ahead: number; wall: number; steady: number } | undefined;
  let told: string | undefined;

  function fault(): string | undefined {
    if (seen === undefined) return undefined;
    const ahead = seen.ahead + (clock.now() - seen.wall) - (monotonic() - seen.steady);
    if (Math.abs(ahead) <= tolerance) return undefined;
    const off = `${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? 'ahead of' : 'behind'}`;
    return `the clock of this machine is ${off} the database's: synchronise both (NTP)`;
  }

  return {
    fault,
    async look() {
      const [before, steadyBefore] = [clock.now(), monotonic()];
      const database = await databaseNow();
      const took = monotonic() - steadyBefore;
      // The answer is of some moment while we waited: nothing within that time is a difference.
      const ahead = Math.max(0, before - database) - Math.max(0, database - (before + took));
      seen = { ahead, wall: before, steady: steadyBefore };
      const now = fault();
      if ((now === undefined) !== (told === undefined)) onChange(now);
      told = now;
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
