import type { Clock } from '../../core/clock.ts';
import type { Database } from '../../database/connections.ts';
import type { QuotaKey, QuotaUse } from '../../store/namespaces/quotas.ts';
import { createQuotaTallies, formatQuotaKey, type Tally } from './quotatallies.ts';

/**
 * Counts the rows of large collections, outside of transactions, and shares the counts. A count inside a SERIALIZABLE
 * transaction would make all creates of an organisation conflict, and so would a counter row.
 */
export interface QuotaCounts {
  /**
   * Runs `work`, which may `reserve` room in quotas for the rows that it adds. When `reserve` needs a count, the rows are
   * counted and `work` runs again. When `work` throws, it must have added nothing.
   */
  runAdmitted<Result>(work: (admission: Admission) => Promise<Result>): Promise<Result>;
  /** Returns a count that is no older than `reserve` would accept. */
  readUse(key: QuotaKey): Promise<QuotaUse>;
  /** Drops the counts of an organisation whose quotas were changed. */
  forget(organization_id: string): void;
}

/** The room in quotas that one piece of work reserves. */
export interface Admission {
  /** Returns the reserved room: the transaction lost against another one, and the work begins again. */
  restart(): void;
  /**
   * Reserves room for `amount` rows of each key. Returns undefined, or the first key without room, with its value.
   * Throws Uncounted, which only `runAdmitted` may catch.
   */
  reserve(keys: readonly QuotaKey[], amount: number): { key: QuotaKey; value: number } | undefined;
}

/** Room that was reserved in a count, to return it when the work fails. */
interface Reservation {
  quota: string;
  tally: Tally;
  amount: number;
}

class Uncounted extends Error {
  readonly keys: readonly QuotaKey[];

  constructor(keys: readonly QuotaKey[]) {
    super(`the quota ${keys[0]?.name} is not counted yet`);
    this.keys = keys;
  }
}

/**
 * The part of a quota up to which a kept count decides. Above it, other replicas may have added the rest meanwhile, so
 * the rows are counted again.
 */
const ample = 0.9;
/**
 * Rows. Above this number kept counts decide near the quota too: counting for every request would keep the database
 * busy.
 */
const manyRows = 100_000;
/** How often one piece of work may run again because another quota must be counted. */
const mostRuns = 20;

export function createQuotaCounts(parts: { database: Database; clock: Clock; many?: number }): QuotaCounts {
  const { many = manyRows } = parts;
  const tallies = createQuotaTallies(parts);

  /** Returns the count that decides: one that was made for this work, or a kept one that is far below the quota. */
  function chooseTally(own: ReadonlyMap<string, Tally>, quota: string, amount: number): Tally | undefined {
    const mine = own.get(quota);
    // Uses the newest count: room that was reserved in a newer one is missing in an older one.
    const tally = mine === undefined ? tallies.findFresh(quota) : (tallies.findNewest(quota) ?? mine);
    const isNear = tally !== undefined && sumRows(tally, amount) > ample * tally.value;
    return mine === undefined && isNear && tally.used <= many ? undefined : tally;
  }

  /** `all` collects the reserved room. */
  function createAdmission(own: ReadonlyMap<string, Tally>, all: Reservation[]): Admission {
    return {
      restart: () => release(all.splice(0)),
      reserve(keys, amount) {
        const found = keys.map((key) => {
          const quota = formatQuotaKey(key);
          return { key, quota, tally: chooseTally(own, quota, amount) };
        });
        const uncounted = found.filter(({ tally }) => tally === undefined).map(({ key }) => key);
        if (uncounted.length > 0) throw new Uncounted(uncounted);
        for (const { key, quota, tally } of found) {
          if (sumRows(tally!, amount) > tally!.value) return { key, value: tally!.value };
          tally!.reserved += amount;
          tallies.countUnderWay(quota, amount);
          all.push({ quota, tally: tally!, amount });
        }
        return undefined;
      },
    };
  }

  /** Returns the room of work that failed and added nothing. */
  function release(all: Reservation[]): void {
    for (const { quota, tally, amount } of all) {
      tally.reserved -= amount;
      tallies.countUnderWay(quota, -amount);
    }
  }

  return {
    async runAdmitted(work) {
      const own = new Map<string, Tally>();
      for (let run = 1; ; run++) {
        const all: Reservation[] = [];
        try {
          const result = await work(createAdmission(own, all));
          for (const { quota, amount } of all) tallies.countUnderWay(quota, -amount);
          return result;
        } catch (thrown) {
          release(all);
          if (!(thrown instanceof Uncounted)) throw thrown;
          // Without this limit, work whose holder gets a new id in each run would run without end.
          if (run === mostRuns) throw new Error(`${thrown.message} after ${run} runs`);
          for (const key of thrown.keys) own.set(formatQuotaKey(key), await tallies.count(key));
        }
      }
    },
    async readUse(key) {
      const { used, value, reserved } = tallies.findFresh(formatQuotaKey(key)) ?? (await tallies.count(key));
      return { used: used + reserved, value };
    },
    forget: tallies.forget,
  };
}

function sumRows({ used, reserved }: Tally, amount: number): number {
  return used + reserved + amount;
}
