import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { coalesce } from '../../src/database/coalesce.ts';

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('coalesced reads', () => {
  test('never answer with state from before the request, in any order of requests, changes and slow reads', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('ask' as const) }),
      fc.record({ do: fc.constant('change' as const) }),
      fc.record({ do: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 4 }) }),
    );
    const reads = fc.array(fc.record({ turns: fc.integer({ min: 0, max: 6 }), fails: fc.boolean() }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        reads,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(0, 0, 0, 1),
        async (steps, plans, maximumBatch, concurrency, pace) => {
          let state = 0;
          let number = 0;
          let underWay = 0;
          const read = coalesce(
            async (keys: number[]) => {
              const plan = plans[number++ % plans.length]!;
              underWay++;
              expect(underWay).toBeLessThanOrEqual(concurrency);
              expect(keys.length).toBeLessThanOrEqual(maximumBatch);
              const seen = state;
              await turns(plan.turns);
              underWay--;
              if (plan.fails) throw new Error(`read ${number}`);
              return keys.map((key) => ({ key, seen }));
            },
            { maximumBatch, concurrency, pace },
          );
          const asked: Promise<void>[] = [];
          let key = 0;
          for (const one of steps) {
            if (one.do === 'change') state++;
            if (one.do === 'wait') await turns(one.turns);
            if (one.do !== 'ask') continue;
            const mine = key++;
            const before = state;
            asked.push(
              read(mine).then(
                (answer) => {
                  expect(answer.key).toBe(mine);
                  expect(answer.seen).toBeGreaterThanOrEqual(before);
                },
                (error: Error) => expect(error.message).toMatch(/^read /),
              ),
            );
          }
          await Promise.all(asked);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('serve a thousand requests at once with one read', async () => {
    let reads = 0;
    const read = coalesce(
      async (keys: number[]) => {
        reads++;
        return keys;
      },
      { maximumBatch: 1000, concurrency: 1 },
    );
    expect(await Promise.all(Array.from({ length: 1000 }, (_, key) => read(key)))).toHaveLength(1000);
    expect(reads).toBe(1);
  });

  test('with a pace read a single request at once, and let those that follow share the next read', async () => {
    const reads: number[][] = [];
    const read = coalesce(
      async (keys: number[]) => {
        reads.push(keys);
        return keys;
      },
      { maximumBatch: 1000, concurrency: 2, pace: 500 },
    );
    await read(0);
    const followers: Promise<number>[] = [];
    for (let key = 1; key <= 5; key++) {
      followers.push(read(key));
      await turns(2);
    }
    expect(reads).toEqual([[0]]);
    expect(await Promise.all(followers)).toEqual([1, 2, 3, 4, 5]);
    expect(reads).toEqual([[0], [1, 2, 3, 4, 5]]);
  });

  test('reject only the requests of a failed read', async () => {
    let number = 0;
    const read = coalesce(
      async (keys: string[]) => {
        if (++number === 1) throw new Error('away');
        return keys;
      },
      { maximumBatch: 2, concurrency: 1 },
    );
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(read));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  test('reject a request whose key the read left out', async () => {
    const read = coalesce(async (keys: string[]) => keys.slice(1), { maximumBatch: 10, concurrency: 1 });
    await expect(read('a')).rejects.toThrow('did not answer every key');
  });

  test('refuse requests beyond the limit as unavailable, and answer those before', async () => {
    const read = coalesce(async (keys: number[]) => keys, { maximumBatch: 10, concurrency: 1, maximumWaiting: 3 });
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(read));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[3]).toMatchObject({ reason: { code: 'unavailable' } });
  });

  describe('F25 keys of several tenants', () => {
    const tenantOf = (key: string) => key[0]!;
    const names = (tenant: string, count: number) => Array.from({ length: count }, (_, n) => `${tenant}${n}`);

    test('are read in turn, and one tenant fills at most half of the queue', async () => {
      const reads: string[][] = [];
      const read = coalesce(
        async (keys: string[]) => {
          reads.push(keys);
          return keys;
        },
        { maximumBatch: 4, concurrency: 1, maximumWaiting: 20, tenantOf },
      );
      const outcomes = Promise.allSettled(names('a', 11).map(read));
      await Promise.all(names('b', 2).map(read));
      expect(reads).toEqual([['a0', 'b0', 'a1', 'b1']]);
      expect((await outcomes).map(({ status }) => status === 'rejected')).toEqual([...Array(10).fill(false), true]);
    });

    test('join a read up to its cost limit, by the earlier costs of each tenant', async () => {
      const reads: string[][] = [];
      const read = coalesce(
        async (keys: string[]) => {
          reads.push(keys);
          return keys;
        },
        {
          maximumBatch: 100,
          concurrency: 1,
          tenantOf,
          cost: {
            of: (value: string) => (value[0] === 'a' ? 50 : 1),
            unknown: 30,
            maximum: 100,
            maximumPerSecond: 1e9,
          },
        },
      );
      await Promise.all(names('a', 6).map(read));
      expect(reads.map(({ length }) => length)).toEqual([4, 2]);
      await read('b');
      reads.length = 0;
      await Promise.all([...names('a', 5), ...names('b', 40)].map(read));
      expect(reads.map((keys) => keys.filter((key) => key[0] === 'a').length)).toEqual([2, 2, 1]);
    });

    test('wait when their tenant is beyond its cost limit, and no others do', async () => {
      const reads: string[][] = [];
      const read = coalesce(
        async (keys: string[]) => {
          reads.push(keys);
          return keys;
        },
        {
          maximumBatch: 1,
          concurrency: 1,
          tenantOf,
          cost: { of: () => 10, unknown: 10, maximum: 100, maximumPerSecond: 100 },
        },
      );
      const order: string[] = [];
      const ask = (key: string) => read(key).then(() => order.push(key));
      await Promise.all([...names('a', 4).map(ask), ask('b0')]);
      // A tenth of a second is paid in advance; what comes then waits for as long as it costs.
      expect(order).toEqual(['a0', 'b0', 'a1', 'a2', 'a3']);
      const late = [ask('a4'), ask('a5')];
      await ask('b1');
      expect(order.at(-1)).toBe('b1');
      await Promise.all(late);
    });

    test('are not refused after one expensive value of their tenant', async () => {
      const read = coalesce(async (costs: number[]) => costs, {
        maximumBatch: 256,
        concurrency: 2,
        tenantOf: () => 'a',
        patience: 1_000,
        cost: { of: (cost) => cost, unknown: 125_000, maximum: 500_000, maximumPerSecond: 2_500_000 },
      });
      // 0.5 s of what it may spend; at the price of the dear ones 100 values would take 4.6 s.
      const costs = Array.from({ length: 100 }, (_, n) => (n % 10 === 0 ? 116_000 : 1_000));
      expect(await Promise.all(costs.map(read))).toEqual(costs);
    });

    test('are refused when no read took them in time, and the next one is answered', async () => {
      const gate = Promise.withResolvers<void>();
      const read = coalesce(
        async (keys: string[]) => {
          if (keys[0] === 'slow') await gate.promise;
          return keys;
        },
        { maximumBatch: 1, concurrency: 1, patience: 20 },
      );
      const slow = read('slow');
      await turns(2);
      const late = read('late');
      await new Promise((resolve) => setTimeout(resolve, 40));
      const next = read('next');
      gate.resolve();
      expect(await slow).toBe('slow');
      await expect(late).rejects.toMatchObject({ code: 'unavailable' });
      expect(await next).toBe('next');
    });
  });
});
