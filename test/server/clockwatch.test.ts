import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Clock } from '../../src/core/clock.ts';
import { createClockWatch } from '../../src/server/clockwatch.ts';

/** Creates a machine whose clock can be set, and a database with a correct clock. */
function createMachine() {
  const state = { steady: 1000, set: 0, there: 0, back: 0, isAway: false, reported: [] as (string | undefined)[] };
  const epoch = Date.UTC(2026, 10, 21);
  const clock: Clock = { now: () => epoch + state.steady + state.set, random: (bytes) => new Uint8Array(bytes) };
  const watch = createClockWatch({
    clock,
    monotonic: () => state.steady,
    async databaseNow() {
      if (state.isAway) throw new Error('away');
      state.steady += state.there;
      const answer = epoch + state.steady;
      state.steady += state.back;
      return answer;
    },
    onChange: (fault) => void state.reported.push(fault),
  });
  return { state, watch, clock, guarded: watch.guard(clock) };
}

describe('the clock watch (F18)', () => {
  test('reports nothing while the skew is within 5 s, however long the database takes to answer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -5000, max: 5000 }),
        fc.nat(30_000),
        fc.nat(30_000),
        async (off, there, back) => {
          const { state, watch, guarded, clock } = createMachine();
          Object.assign(state, { set: off, there, back });
          await watch.compare();
          expect(watch.fault()).toBeUndefined();
          expect(guarded.now()).toBe(clock.now());
        },
      ),
    );
  });

  test.each([
    [5001, '5 s ahead of'],
    [600_000, '600 s ahead of'],
    [-5001, '5 s behind'],
    [-600_000, '600 s behind'],
  ])('reports a skew of %i ms with advice, and the guarded clock throws', async (off, words) => {
    const { state, watch, guarded } = createMachine();
    state.set = off;
    await watch.compare();
    const fault = `the clock of this machine is ${words} the database's: synchronise both (NTP)`;
    expect(watch.fault()).toBe(fault);
    expect(state.reported).toEqual([fault]);
    expect(() => guarded.now()).toThrow(
      expect.objectContaining({ code: 'unavailable', message: `Nothing is signed while ${fault}.` }),
    );
    expect(guarded.random(3)).toHaveLength(3);
  });

  test('detects at once that the clock was set between two comparisons, and that it is right again', async () => {
    const { state, watch, guarded } = createMachine();
    await watch.compare();
    state.steady += 3_600_000;
    expect(watch.fault()).toBeUndefined();
    state.set = 60_000;
    expect(watch.fault()).toContain('60 s ahead of');
    expect(() => guarded.now()).toThrow('60 s ahead of');
    await watch.compare();
    expect(watch.fault()).toContain('60 s ahead of');
    state.set = 0;
    expect(watch.fault()).toBeUndefined();
    await watch.compare();
    expect(state.reported).toEqual([expect.stringContaining('60 s ahead of'), undefined]);
  });

  test('keeps the last result while the database is away, and reports nothing before the first comparison', async () => {
    const { state, watch } = createMachine();
    state.set = 60_000;
    expect(watch.fault()).toBeUndefined();
    await watch.compare();
    state.isAway = true;
    await expect(watch.compare()).rejects.toThrow('away');
    expect(watch.fault()).toContain('60 s ahead of');
  });
});
