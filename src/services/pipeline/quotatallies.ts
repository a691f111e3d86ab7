import type { Clock } from '../../core/clock.ts';
import { coalesce } from '../../database/coalesce.ts';
import type { Database } from '../../database/connections.ts';
import { type QuotaKey, type QuotaUse, readQuotaUse } from '../../store/namespaces/quotas.ts';

/** The count of one quota's rows, and the rows that this replica added since. */
export interface Tally extends QuotaUse {
  organization_id: string | null;
  /** Rows that this replica added or is adding, and that the count may not include. */
  reserved: number;
  /** The end of its life: milliseconds of performance.now(). */
  until: number;
}

/** Counts rows, keeps the counts for a while, and corrects them by the rows that this replica adds meanwhile. */
export interface QuotaTallies {
  /** Counts the rows. Concurrent requests share one count, which starts after each of them has asked. */
  count(key: QuotaKey): Promise<Tally>;
  /** Returns the newest count while it is young enough. */
  findFresh(quota: string): Tally | undefined;
  /** Returns the newest kept count of any age. */
  findNewest(quota: string): Tally | undefined;
  /** Called with the rows that a request begins to add, and with the negative number when it ends. */
  countUnderWay(quota: string, rows: number): void;
  /** Drops the counts of an organisation. */
  forget(organization_id: string): void;
}

/**
 * A count is kept for this many milliseconds, or for this multiple of the time that counting took, whichever is more:
 * so counting stays a small part of the load.
 */
const minimumAge = 1_000;
const ageByCost = 50;
const maximumKept = 10_000;

export function createQuotaTallies({ database, clock }: { database: Database; clock: Clock }): QuotaTallies {
  const kept = new Map<string, Tally>();
  /** Rows that requests are adding now, by quota: a running count may miss them. */
  const underWay = new Map<string, number>();
  /** Rows that were being added at any time during the running count of a quota. */
  const counting = new Map<string, { rows: number }>();

  async function count(key: QuotaKey): Promise<Tally> {
    const quota = formatQuotaKey(key);
    const begun = performance.now();
    const missed = { rows: underWay.get(quota) ?? 0 };
    counting.set(quota, missed);
    const use = await readQuotaUse(database.query, key, new Date(clock.now())).finally(() => counting.delete(quota));
    const until = performance.now() + Math.max(minimumAge, ageByCost * (performance.now() - begun));
    const tally = { ...use, organization_id: key.organization_id, reserved: missed.rows, until };
    keep(quota, tally);
    return tally;
  }

  function keep(quota: string, tally: Tally): void {
    kept.delete(quota);
    kept.set(quota, tally);
    for (const [oldest, { until }] of kept) {
      if (until > performance.now() && kept.size <= maximumKept) break;
      kept.delete(oldest);
    }
  }

  return {
    count: createSharedCount(count),
    findFresh(quota) {
      const tally = kept.get(quota);
      return tally !== undefined && tally.until > performance.now() ? tally : undefined;
    },
    findNewest: (quota) => kept.get(quota),
    countUnderWay(quota, rows) {
      const sum = (underWay.get(quota) ?? 0) + rows;
      const missed = counting.get(quota);
      if (missed !== undefined && rows > 0) missed.rows += rows;
      if (sum > 0) underWay.set(quota, sum);
      else underWay.delete(quota);
    },
    forget(organization_id) {
      // Null: counted for a principal. Only the database knows the organisation whose quota applies, so these are
      // dropped too.
      for (const [quota, tally] of kept)
        if ([organization_id, null].includes(tally.organization_id)) kept.delete(quota);
    },
  };
}

/** Lets concurrent requests for the same quota share one count. */
function createSharedCount(count: (key: QuotaKey) => Promise<Tally>): (key: QuotaKey) => Promise<Tally> {
  const reads = new Map<string, { read(key: QuotaKey): Promise<Tally>; waiting: number }>();
  const read = () =>
    coalesce<QuotaKey, Tally>(
      async (keys) => {
        const tally = await count(keys[0]!);
        return keys.map(() => tally);
      },
      { maximumBatch: Number.POSITIVE_INFINITY, concurrency: 1 },
    );
  return async (key) => {
    const quota = formatQuotaKey(key);
    const one = reads.get(quota) ?? { read: read(), waiting: 0 };
    reads.set(quota, one);
    one.waiting++;
    try {
      return await one.read(key);
    } finally {
      if (--one.waiting === 0) reads.delete(quota);
    }
  };
}

/** Returns the key of the count of one holder's quota. */
export function formatQuotaKey({ name, organization_id, holder }: QuotaKey): string {
  return `${name} ${organization_id} ${holder}`;
}
