import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFairQueue } from '../../src/core/fairqueue.ts';

const tenant = fc.constantFrom('a', 'b', 'c', 'd');
const pushes = fc.array(tenant, { maxLength: 60 });

describe('F25 a fair queue', () => {
  test('lets no tenant wait for more than one item of each other tenant', () => {
    fc.assert(
      fc.property(pushes, tenant, (tenants, late) => {
        const queue = createFairQueue<{ tenant: string }>();
        for (const one of tenants) queue.push(one, { tenant: one });
        const ahead = tenants.filter((one) => one === late).length;
        const item = { tenant: late };
        queue.push(late, item);
        const before: string[] = [];
        for (let taken = queue.take()!; taken.item !== item; taken = queue.take()!) before.push(taken.tenant);
        for (const other of ['a', 'b', 'c', 'd'])
          expect(before.filter((one) => one === other).length).toBeLessThanOrEqual(ahead + 1);
      }),
    );
  });

  test('returns each item once, in the order of its tenant, and no removed item', () => {
    fc.assert(
      fc.property(pushes, fc.infiniteStream(fc.boolean()), (tenants, removals) => {
        const queue = createFairQueue<{ tenant: string; n: number }>();
        const items = tenants.map((one, n) => ({ tenant: one, n }));
        for (const item of items) queue.push(item.tenant, item);
        const kept = items.filter((item) => {
          const isRemoved = removals.next().value;
          if (isRemoved) queue.remove(item.tenant, item);
          return !isRemoved;
        });
        expect(queue.size).toBe(kept.length);
        const taken: { tenant: string }[] = [];
        for (let next = queue.take(); next !== undefined; next = queue.take()) taken.push(next.item);
        for (const one of ['a', 'b', 'c', 'd']) {
          const own = (list: { tenant: string }[]) => list.filter((item) => item.tenant === one);
          expect(own(taken)).toEqual(own(kept));
          expect(queue.sizeOf(one)).toBe(0);
        }
        expect(queue.size).toBe(0);
      }),
    );
  });

  test('skips tenants that may not take an item, and keeps their turn', () => {
    const queue = createFairQueue<{ n: number }>();
    for (const [n, one] of ['a', 'a', 'b'].entries()) queue.push(one, { n });
    expect(queue.take((one) => one !== 'a')).toEqual({ tenant: 'b', item: { n: 2 } });
    expect(queue.take(() => false)).toBeUndefined();
    expect([queue.take(), queue.take()]).toEqual([
      { tenant: 'a', item: { n: 0 } },
      { tenant: 'a', item: { n: 1 } },
    ]);
  });
});
