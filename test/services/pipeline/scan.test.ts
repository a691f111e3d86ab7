import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { scan } from '../../../src/services/pipeline/scan.ts';

/** A list of which every row is kept whose value says so; counts what was read. */
function listOf(kept: boolean[]) {
  const rows = kept.map((isKept, n) => ({ id: String(n).padStart(6, '0'), isKept }));
  const list = {
    count: 0,
    async read({ after = '', limit }: { after: string | undefined; limit: number }) {
      const page = rows.filter(({ id }) => id > after).slice(0, limit);
      list.count += page.length;
      return page;
    },
    keep: (page: typeof rows) => page.filter(({ isKept }) => isKept),
    positionOf: ({ id }: { id: string }) => id,
  };
  return { list, expected: rows.filter(({ isKept }) => isKept).map(({ id }) => id) };
}

describe('F27 a page of a filtered list', () => {
  test('returns each kept row once, in order, and no page longer than asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 300 }),
        fc.integer({ min: 1, max: 50 }),
        async (kept, size) => {
          const { list, expected } = listOf(kept);
          const seen: string[] = [];
          for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
            const { rows, next } = await scan({ after, limit: size + 1 }, list);
            expect(rows.length).toBeLessThanOrEqual(size);
            seen.push(...rows.map(({ id }) => id));
            after = next;
          }
          expect(seen).toEqual(expected);
        },
      ),
    );
  });

  test('reads a bounded number of rows where none is kept, and returns the next cursor', async () => {
    const { list } = listOf([...Array(5_000).fill(false), true]);
    const { rows, next } = await scan({ after: undefined, limit: 2 }, list);
    expect(rows).toEqual([]);
    expect(next).toBeDefined();
    expect(list.count).toBeLessThanOrEqual(750);
  });
});
