import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  canActivate,
  chooseChangeTime,
  computeActivationTime,
  findRotationTime,
  findStateFaults,
  findTransitionFaults,
  type KeyState,
  type KeyStep,
  maximumPublishedKeys,
  planRevocation,
  planSteps,
  propagation,
  retirement,
  rotation,
  type SigningKeyTimes,
  sortForPublication,
} from '../../src/core/keystates.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const start = Date.UTC(2026, 0, 1);

/** A key set and its whole past, changed by steps alone. */
class History {
  keys: SigningKeyTimes[] = [];
  now = start;
  made = 0;
  signed: { kid: string; publishedFor: number; isEmergency: boolean }[] = [];
  removed: { kid: string; retiredFor: number }[] = [];

  tick(force = false): KeyStep[] {
    return this.apply(planSteps(this.keys, this.now, force), false);
  }

  revoke(kid: string): KeyStep[] {
    return this.apply(planRevocation(this.keys, kid), true);
  }

  kidOf(state: KeyState): string {
    return this.keys.find((key) => key.state === state)!.kid;
  }

  private apply(steps: KeyStep[], isEmergency: boolean): KeyStep[] {
    const before = this.keys;
    const at = chooseChangeTime(before, this.now);
    for (const one of steps) this.do(one, at, isEmergency);
    if (steps.length > 0) expect(findTransitionFaults(before, this.keys)).toEqual([]);
    return steps;
  }

  private do(one: KeyStep, now: number, isEmergency: boolean): void {
    if (one.do === 'create') {
      const isActive = one.state === 'active';
      const kid = `key${++this.made}`;
      this.keys = [
        ...this.keys,
        { kid, state: one.state, published_at: now, activated_at: isActive ? now : null, retired_at: null },
      ];
      if (isActive) this.signed.push({ kid, publishedFor: 0, isEmergency });
    }
    if (one.do === 'activate') {
      const next = this.keys.find((key) => key.kid === one.kid)!;
      this.signed.push({ kid: one.kid, publishedFor: now - next.published_at, isEmergency });
      this.keys = this.keys.map((key) => {
        if (key.kid === one.retire) return { ...key, state: 'retiring', retired_at: now };
        return key.kid === one.kid ? { ...key, state: 'active', activated_at: now } : key;
      });
    }
    if (one.do === 'remove') {
      const gone = this.keys.find((key) => key.kid === one.kid)!;
      if (!isEmergency) this.removed.push({ kid: one.kid, retiredFor: now - gone.retired_at! });
      this.keys = this.keys.filter((key) => key !== gone);
    }
  }
}

type Turn = { wait: number; force: boolean; revoke: KeyState | null };

/** Timers that miss turns for minutes or weeks, and now and then a replica whose clock is behind takes the turn. */
const anyWait = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -10 * minute, max: 10 * minute }),
  fc.integer({ min: 0, max: 2 * day }),
  fc.integer({ min: 0, max: 60 * day }),
  fc.constantFrom(propagation, propagation - 1, retirement, retirement - 1, rotation, rotation - 1),
);
const turns = (revoke: fc.Arbitrary<KeyState | null>): fc.Arbitrary<Turn[]> =>
  fc.array(fc.record({ wait: anyWait, force: fc.boolean(), revoke }), { minLength: 1, maxLength: 120 });

function live(history: History, life: Turn[], check: () => void): void {
  history.tick();
  check();
  for (const turn of life) {
    history.now += turn.wait;
    const revoked = history.keys.find((key) => key.state === turn.revoke);
    if (revoked) {
      history.revoke(revoked.kid);
      expect(history.keys).not.toContainEqual(expect.objectContaining({ kid: revoked.kid }));
    } else history.tick(turn.force);
    check();
  }
}

function expectSound({ keys }: History): void {
  expect(keys.length).toBeLessThanOrEqual(maximumPublishedKeys);
  expect(keys.filter((key) => key.state === 'active')).toHaveLength(1);
  expect(keys.filter((key) => key.state === 'next')).toHaveLength(1);
  expect(new Set(keys.map((key) => key.kid)).size).toBe(keys.length);
  expect(findStateFaults(keys)).toEqual([]);
}

describe('a key set over years, with timers that miss runs', () => {
  test('has one signer, one standby and at most three published keys, and no key signs or leaves too early', () => {
    fc.assert(
      fc.property(turns(fc.constant(null)), (life) => {
        const history = new History();
        live(history, life, () => expectSound(history));
        const [first, ...later] = history.signed;
        expect(first).toEqual({ kid: 'key1', publishedFor: 0, isEmergency: false });
        for (const one of later) expect(one.publishedFor).toBeGreaterThanOrEqual(propagation);
        for (const one of history.removed) expect(one.retiredFor).toBeGreaterThanOrEqual(retirement);
      }),
      { numRuns: 300 },
    );
  });

  test('holds with revocations too, and only a revocation makes a standby sign early', () => {
    const anyState = fc.option(fc.constantFrom<KeyState>('active', 'next', 'retiring'), { freq: 3 });
    fc.assert(
      fc.property(turns(anyState), (life) => {
        const history = new History();
        live(history, life, () => expectSound(history));
        for (const one of history.signed.slice(1))
          expect(one.isEmergency || one.publishedFor >= propagation).toBe(true);
        for (const one of history.removed) expect(one.retiredFor).toBeGreaterThanOrEqual(retirement);
      }),
      { numRuns: 300 },
    );
  });

  test('rotates every 30 days with a timer of ten seconds', () => {
    const history = new History();
    history.tick();
    while (history.now < start + 365 * day) {
      history.now += 30 * minute;
      history.tick();
    }
    expect(history.signed).toHaveLength(1 + Math.floor(365 / 30));
    expect(history.keys).toHaveLength(2);
  });
});

describe('planned steps', () => {
  function started(): History {
    const history = new History();
    history.tick();
    return history;
  }

  test('make a signer and a standby at the first start, and nothing at the second', () => {
    const history = new History();
    expect(history.tick()).toEqual([
      { do: 'create', state: 'active' },
      { do: 'create', state: 'next' },
    ]);
    expect(history.tick()).toEqual([]);
  });

  test('rotate at 30 days and not a millisecond before', () => {
    const history = started();
    history.now = start + rotation - 1;
    expect(history.tick()).toEqual([]);
    expect(planSteps(history.keys, history.now)).toEqual([]);
    history.now += 1;
    expect(history.tick()).toEqual([
      { do: 'activate', kid: 'key2', retire: 'key1' },
      { do: 'create', state: 'next' },
    ]);
    history.now += retirement - 1;
    expect(history.tick()).toEqual([]);
    history.now += 1;
    expect(history.tick()).toEqual([{ do: 'remove', kid: 'key1' }]);
  });

  test('rotate by force from 25 h on and not a millisecond before', () => {
    const history = started();
    const standby = history.keys[1]!;
    expect(findRotationTime(history.keys)).toBe(start + propagation);
    expect(computeActivationTime(standby)).toBe(start + propagation);
    history.now = start + propagation - 1;
    expect(canActivate(standby, history.now)).toBe(false);
    expect(history.tick(true)).toEqual([]);
    history.now += 1;
    expect(canActivate(standby, history.now)).toBe(true);
    expect(history.tick(true)).toHaveLength(2);
    expect(canActivate(history.keys.find((key) => key.kid === 'key2')!, history.now)).toBe(false);
  });

  test('wait by force while three keys are published', () => {
    const history = started();
    history.now += propagation;
    history.tick(true);
    const possible = history.now + retirement;
    expect(findRotationTime(history.keys)).toBe(possible);
    history.now = possible - 1;
    expect(history.tick(true)).toEqual([]);
    history.now = possible;
    expect(history.tick(true).map((one) => one.do)).toEqual(['remove', 'activate', 'create']);
  });

  test('are none when the clock was set back', () => {
    const history = started();
    history.now -= 400 * day;
    expect(history.tick(true)).toEqual([]);
  });

  test('get a time after every time of the set, however far behind the clock is', () => {
    fc.assert(
      fc.property(
        turns(fc.constantFrom<(KeyState | null)[]>('active', null)),
        fc.integer({ min: -day, max: day }),
        (life, off) => {
          const history = new History();
          live(history, life, () => {});
          const now = history.now + off;
          const past = history.keys.flatMap((key) => [key.published_at, key.activated_at ?? 0, key.retired_at ?? 0]);
          expect(chooseChangeTime(history.keys, now)).toBe(Math.max(now, Math.max(...past) + 1));
          expect(chooseChangeTime([], now)).toBe(now);
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each<Partial<SigningKeyTimes>>([{ published_at: 9 }, { activated_at: 9 }, { retired_at: 9 }])(
    'get a time after %j, also where that is the newest one',
    (last) => {
      const old: SigningKeyTimes = { kid: 'k', state: 'retiring', published_at: 1, activated_at: 1, retired_at: 1 };
      expect(chooseChangeTime([old, { ...old, ...last }, old], 5)).toBe(10);
      expect(chooseChangeTime([{ ...old, ...last }], 10)).toBe(10);
    },
  );

  test('make no new standby while three keys are published', () => {
    const history = started();
    const retiring = (kid: string): SigningKeyTimes => ({
      kid,
      state: 'retiring',
      published_at: start,
      activated_at: start,
      retired_at: start,
    });
    const keys = [history.keys[0]!, retiring('r1'), retiring('r2')];
    expect(planSteps(keys, start)).toEqual([]);
    expect(planSteps(keys.slice(0, 2), start)).toEqual([{ do: 'create', state: 'next' }]);
  });

  test('replace a lost standby', () => {
    const history = started();
    history.keys = history.keys.filter((key) => key.state !== 'next');
    expect(findRotationTime(history.keys)).toBeUndefined();
    expect(history.tick()).toEqual([{ do: 'create', state: 'next' }]);
  });
});

describe('revocation', () => {
  function withThree(): History {
    const history = new History();
    history.tick();
    history.now += propagation;
    history.tick(true);
    return history;
  }

  test('of the signer lets the standby sign at once and makes another', () => {
    expect(planRevocation(withThree().keys, 'key2')).toEqual([
      { do: 'remove', kid: 'key2' },
      { do: 'activate', kid: 'key3', retire: null },
      { do: 'create', state: 'next' },
    ]);
  });

  test('of the standby makes another', () => {
    expect(planRevocation(withThree().keys, 'key3')).toEqual([
      { do: 'remove', kid: 'key3' },
      { do: 'create', state: 'next' },
    ]);
  });

  test('of the retiring key only removes it', () => {
    expect(planRevocation(withThree().keys, 'key1')).toEqual([{ do: 'remove', kid: 'key1' }]);
  });

  test('of the only key makes a new signer', () => {
    const keys = withThree().keys.filter((key) => key.state === 'active');
    expect(planRevocation(keys, 'key2').slice(1)).toEqual([
      { do: 'create', state: 'active' },
      { do: 'create', state: 'next' },
    ]);
  });

  test('of an unknown key changes nothing', () => {
    expect(planRevocation(withThree().keys, 'key9')).toEqual([]);
  });
});

describe('N59 faults of a key set', () => {
  const states: KeyState[] = ['next', 'active', 'retiring'];

  test('include a flipped state, in any set that can occur', () => {
    fc.assert(
      fc.property(turns(fc.constant(null)), fc.nat(), fc.constantFrom(...states), (life, place, state) => {
        const history = new History();
        live(history, life, () => {});
        const index = place % history.keys.length;
        fc.pre(history.keys[index]!.state !== state);
        const altered = history.keys.map((key, at) => (at === index ? { ...key, state } : key));
        expect(findStateFaults(altered)).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  const at = start + propagation;
  const active: SigningKeyTimes = {
    kid: 'a',
    state: 'active',
    published_at: start,
    activated_at: at,
    retired_at: null,
  };
  const next: SigningKeyTimes = { kid: 'n', state: 'next', published_at: at, activated_at: null, retired_at: null };
  const retiring: SigningKeyTimes = {
    kid: 'r',
    state: 'retiring',
    published_at: start - 1,
    activated_at: start,
    retired_at: at,
  };

  test.each<[string, SigningKeyTimes[]]>([
    ['no key', []],
    ['no signer', [next]],
    ['two signers', [active, { ...active, kid: 'b' }]],
    ['two standbys', [active, next, { ...next, kid: 'm' }]],
    ['four keys', [active, next, retiring, { ...retiring, kid: 'q' }]],
    ['a signer that never became one', [{ ...active, activated_at: null }]],
    ['a signer that is retired', [{ ...active, retired_at: at }]],
    ['a signer from before its publication', [{ ...active, activated_at: start - 1 }]],
    ['a standby that has signed', [active, { ...next, activated_at: at }]],
    ['a standby that is retired', [active, { ...next, retired_at: at }]],
    ['a retiring key without its time', [active, { ...retiring, retired_at: null }]],
    ['a retiring key that never signed', [active, { ...retiring, activated_at: null }]],
    ['a key retired before it signed', [active, { ...retiring, retired_at: start - 1 }]],
    ['a planned change ahead of its time', [{ ...active, published_at: start + 1 }, retiring]],
  ])('%s', (_, keys) => {
    expect(findStateFaults(keys)).not.toEqual([]);
  });

  test('are none for a sound set', () => {
    expect(findStateFaults([active, next, retiring])).toEqual([]);
  });

  test.each<[string, SigningKeyTimes, SigningKeyTimes]>([
    ['a retiring key that signs again', retiring, { ...retiring, state: 'active', retired_at: null }],
    ['a signer that is standby again', active, { ...active, state: 'next', activated_at: null }],
    ['another time of publication', next, { ...next, published_at: at - 1 }],
    ['another time of activation', active, { ...active, activated_at: at + 1 }],
    ['another time of retirement', retiring, { ...retiring, retired_at: at - 1 }],
  ])('include, between two versions: %s', (_, before, after) => {
    expect(findTransitionFaults([before], [after])).toHaveLength(1);
    expect(findTransitionFaults([before], [before])).toEqual([]);
    expect(findTransitionFaults([], [after])).toEqual([]);
  });
});

describe('publication', () => {
  test('lists the signer first, then the standby, then the retiring key', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(['next', 'active', 'retiring'] as KeyState[], { minLength: 1 }), (states) => {
        const keys = states.map((state) => ({ state }));
        const expected = (['active', 'next', 'retiring'] as const).filter((state) => states.includes(state));
        expect(sortForPublication(keys).map((key) => key.state)).toEqual(expected);
        expect(keys.map((key) => key.state)).toEqual(states);
      }),
    );
  });
});
