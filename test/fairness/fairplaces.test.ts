import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFairPlaces, type FairPlacesOptions } from '../../src/fairness/fairplaces.ts';

const options: FairPlacesOptions = {
  tasks: 'tasks',
  most: 4,
  mostPerTenant: 2,
  maximumWaiting: 100,
  maximumWaitingPerTenant: 50,
  patience: 10_000,
};
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};
const hang = () => new Promise<never>(() => {});

/** A task that ends when it is told to. */
function task(begun: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const run = () => {
    begun.push(name);
    return promise;
  };
  return { run, end: () => resolve(name), fail: () => reject(new Error(name)) };
}

describe('F25 fair places', () => {
  test('never runs more tasks at once than it has places, runs every task, and loses no place when tasks fail', async () => {
    const asked = fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(4), fails: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), async (tasks, most) => {
        const mostPerTenant = Math.ceil(most / 2);
        const within = createFairPlaces({ ...options, most, mostPerTenant });
        const running = new Map<string, number>();
        const count = (tenant: string, by: number) => running.set(tenant, (running.get(tenant) ?? 0) + by);
        const outcomes = await Promise.allSettled(
          tasks.map(async ({ tenant, turns: length, fails }) => {
            await turns(length % 2);
            return await within(tenant, async () => {
              count(tenant, 1);
              expect(running.get(tenant)).toBeLessThanOrEqual(mostPerTenant);
              expect([...running.values()].reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(most);
              await turns(length);
              count(tenant, -1);
              if (fails) throw new Error('failed');
            });
          }),
        );
        expect(outcomes.map(({ status }) => status === 'rejected')).toEqual(tasks.map(({ fails }) => fails));
        // All places are free again.
        const begun: string[] = [];
        const after = Array.from({ length: most }, (_, n) => task(begun, `${n}`));
        const results = after.map(({ run }, n) => within(`tenant ${n}`, run));
        await turns(2);
        expect(begun).toHaveLength(most);
        for (const { end } of after) end();
        await Promise.all(results);
      }),
      { numRuns: 100 },
    );
  });

  test('a tenant whose tasks hang leaves places to the others', async () => {
    const within = createFairPlaces({ ...options, patience: 200 });
    for (let n = 0; n < 20; n++) within('hostile', hang).catch(() => {});
    expect(await Promise.all(Array.from({ length: 10 }, (_, n) => within('other', async () => n)))).toHaveLength(10);
  });

  test('gives free places to the waiting tenants in turn, however many tasks each has', async () => {
    const within = createFairPlaces({ ...options, most: 1, mostPerTenant: 1 });
    const begun: string[] = [];
    const tasks = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1'].map((name) => task(begun, name));
    const results = tasks.map(({ run }, n) => within(['a', 'a', 'a', 'a', 'b', 'c'][n]!, run));
    for (const { end } of tasks) end();
    await Promise.all(results);
    expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'a4']);
  });

  test('rests the place of a tenant after a task that held the event loop, and leaves those of others free', async () => {
    const within = createFairPlaces({
      ...options,
      most: 1,
      mostPerTenant: 1,
      rest: { measure: 'loop', after: 20, factor: 100 },
    });
    const begun: string[] = [];
    await within('a', async () => {
      await sleep(1);
      const end = performance.now() + 40;
      while (performance.now() < end);
    });
    const next = within('a', async () => void begun.push('a'));
    await within('b', async () => void begun.push('b'));
    await within('b', async () => void begun.push('b again'));
    await next;
    expect(begun).toEqual(['b', 'b again', 'a']);
  });

  test.each([
    ['loop', ['a', 'b']],
    ['time', ['b', 'a']],
  ] as const)('a task that waits for something slow, with a rest of the kind %s', async (measure, order) => {
    const within = createFairPlaces({
      ...options,
      most: 1,
      mostPerTenant: 1,
      rest: { measure, after: 20, factor: 20 },
    });
    const begun: string[] = [];
    await within('a', () => sleep(60));
    const next = within('a', async () => void begun.push('a'));
    await within('b', async () => void begun.push('b'));
    await next;
    expect(begun).toEqual(order);
  });

  test('names the limit that was reached, with a Retry-After, and does not run the task', async () => {
    const limits = { most: 1, mostPerTenant: 1, maximumWaiting: 3, maximumWaitingPerTenant: 2, patience: 50 };
    const within = createFairPlaces({ ...options, ...limits });
    const begun: string[] = [];
    const first = task(begun, 'first');
    const running = within('a', first.run);
    const never = task(begun, 'never').run;
    const refused = await Promise.allSettled([
      within('a', never),
      within('a', never),
      within('a', never),
      within('b', never),
      within('b', never),
    ]);
    const late = 'No place for tasks became free within 0.05 seconds.';
    const messages = [
      late,
      late,
      '2 tasks of this organisation are waiting already.',
      late,
      '3 tasks are waiting already.',
    ];
    expect(refused).toMatchObject(
      messages.map((message) => ({ reason: { code: 'unavailable', message, more: { retry_after: 1 } } })),
    );
    first.end();
    expect(await running).toBe('first');
    expect(await within('a', async () => 'free')).toBe('free');
    expect(begun).toEqual(['first']);
  });
});
