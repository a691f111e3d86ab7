import type { Clock } from '../../core/clock.ts';
import { coalesce } from '../../database/coalesce.ts';
import type { Database } from '../../database/connections.ts';
import { type QuotaKey, type QuotaUse, readQuotaUse } from '../../store/namespaces/quotas.ts';

/** The count of one quota's rows, and what this replica added since. */
export interface Tally extends QuotaUse {
  organization_id: string | null;
  /** Rows that this replica added, or is adding, beyond those that were counted. */
  taken: number;
  /** Milliseconds, by performance.now(). */
  until: number;
}

/** Counts rows, keeps the counts for a while, and corrects them by the rows that this replica adds meanwhile. */
export interface QuotaTallies {
  /** Counts; requests share a count that starts after each of them asked for it. */
  count(key: QuotaKey): Promise<Tally>;
  /** Returns the newest count, unless its time is over. */
  fresh(quota: string): Tally | undefined;
  /** Returns the newest count that is kept, however old. */
  newest(quota: string): Tally | undefined;
  /** Called with the rows that a request begins to add, and with their negative number once it has ended. */
  adding(quota: string, rows: number): void;
  /** Forgets the counts of an organisation. */
  forget(organization_id: string): void;
}

/** Milliseconds for which a count is kept; and as a multiple of the time that it took, so that counting stays cheap. */
const minimumAge = 1_000;
const ageByCost = 50;
const maximumKept = 10_000;

export function createQuotaTallies({ database, clock }: { database: Database; clock: Clock }): QuotaTallies {
  const kept = new Map<string, Tally>();
  /** Rows that are being added, by quota: a count may have missed them. */
  const underWay = new Map<string, number>();
  /** Rows that were being added at any time of a count that is being made. */
  const counting = new Map<string, { rows: number }>();

  async function count(key: QuotaKey): Promise<Tally> {
    const quota = nameOfQuota(key);
    const begun = performance.now();
    const missed = { rows: underWay.get(quota) ?? 0 };
    counting.set(quota, missed);
    const use = await readQuotaUse(database.query, key, new Date(clock.now())).finally(() => counting.delete(quota));
    const until = performance.now() + Math.max(minimumAge, ageByCost * (performance.now() - begun));
    const tally = { ...use, organization_id: key.organization_id, taken: missed.rows, until };
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
    fresh(quota) {
      const tally = kept.get(quota);
      return tally !== undefined && tally.until > performance.now() ? tally : undefined;
    },
    newest: (quota) => kept.get(quota),
    adding(quota, rows) {
      const sum = (underWay.get(quota) ?? 0) + rows;
      const missed = counting.get(quota);
      if (missed !== undefined && rows > 0) missed.rows += rows;
      if (sum > 0) underWay.set(quota, sum);
      else underWay.delete(quota);
    },
    forget(organization_id) {
      // Null: counted for a principal, by the quotas of an organisation that is known to the database alone.
      for (const [quota, tally] of kept)
        if ([organization_id, null].includes(tally.organization_id)) kept.delete(quota);
    },
  };
}

/** Lets requests for the same quota share one count, for as long as any of them waits. */
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
    const quota = nameOfQuota(key);
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

/** Names the quota of a holder, to keep its count by. */
export function nameOfQuota({ name, organization_id, holder }: QuotaKey): string {
  return `${name} ${organization_id} ${holder}`;
}
