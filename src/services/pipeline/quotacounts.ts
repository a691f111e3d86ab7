import type { Clock } from '../../core/clock.ts';
import type { Database } from '../../database/connections.ts';
import type { QuotaKey, QuotaUse } from '../../store/namespaces/quotas.ts';
import { createQuotaTallies, formatQuotaKey, type Tally } from './quotatallies.ts';

/**
 * Counts of large collections. They are made outside of transactions and shared: a count inside a SERIALIZABLE transaction
 * would make every create of an organisation conflict with every other one, and a counter row would too.
 */
export interface QuotaCounts {
  /**
   * Runs `work`, which may `take` room of quotas for what it adds. What `take` needs a count for is counted, and `work` runs
   * again. When it fails, nothing was added.
   */
  runAdmitted<Result>(work: (admission: Admission) => Promise<Result>): Promise<Result>;
  /** A count that is at most as old as `take` would use it. */
  readUse(key: QuotaKey): Promise<QuotaUse>;
  /** Forgets the kept counts of an organisation: its quotas were changed. */
  forget(organization_id: string): void;
}

/** The room in quotas that one piece of work takes. */
export interface Admission {
  /** Gives back what was taken: the work begins anew, since its transaction lost against another one. */
  restart(): void;
  /**
   * Takes room for `amount` rows of each key. Returns undefined, or the first key without room, with its value. Throws
   * Uncounted, which only `admitting` may catch.
   */
  take(keys: readonly QuotaKey[], amount: number): { key: QuotaKey; value: number } | undefined;
}

/** Room that was taken in a count, to give it back when the work fails. */
interface Taken {
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

/** A kept count decides only up to this part of a quota: the rest is for what other replicas added meanwhile. */
const ample = 0.9;
/** Rows. To count more for every request near a quota would keep the database busy: there kept counts decide as well. */
const manyRows = 100_000;
/** How often one piece of work may run again to count another quota. */
const mostRuns = 20;

export function createQuotaCounts(parts: { database: Database; clock: Clock; many?: number }): QuotaCounts {
  const { many = manyRows } = parts;
  const tallies = createQuotaTallies(parts);

  /** The count that decides: one that was made for this work, or a kept one that leaves room enough. */
  function chooseTally(own: ReadonlyMap<string, Tally>, quota: string, amount: number): Tally | undefined {
    const mine = own.get(quota);
    // Uses the newest count. Room that was taken from a newer one is missing in an older one.
    const tally = mine === undefined ? tallies.findFresh(quota) : (tallies.findNewest(quota) ?? mine);
    const isNear = tally !== undefined && sumRows(tally, amount) > ample * tally.value;
    return mine === undefined && isNear && tally.used <= many ? undefined : tally;
  }

  /** `all` gets the room that is taken. */
  function createAdmission(own: ReadonlyMap<string, Tally>, all: Taken[]): Admission {
    return {
      restart: () => giveBack(all.splice(0)),
      take(keys, amount) {
        const found = keys.map((key) => {
          const quota = formatQuotaKey(key);
          return { key, quota, tally: chooseTally(own, quota, amount) };
        });
        const uncounted = found.filter(({ tally }) => tally === undefined).map(({ key }) => key);
        if (uncounted.length > 0) throw new Uncounted(uncounted);
        for (const { key, quota, tally } of found) {
          if (sumRows(tally!, amount) > tally!.value) return { key, value: tally!.value };
          tally!.taken += amount;
          tallies.countUnderWay(quota, amount);
          all.push({ quota, tally: tally!, amount });
        }
        return undefined;
      },
    };
  }

  /** Gives back the room of work that failed and added nothing. */
  function giveBack(all: Taken[]): void {
    for (const { quota, tally, amount } of all) {
      tally.taken -= amount;
      tallies.countUnderWay(quota, -amount);
    }
  }

  return {
    async runAdmitted(work) {
      const own = new Map<string, Tally>();
      for (let run = 1; ; run++) {
        const all: Taken[] = [];
        try {
          const result = await work(createAdmission(own, all));
          for (const { quota, amount } of all) tallies.countUnderWay(quota, -amount);
          return result;
        } catch (thrown) {
          giveBack(all);
          if (!(thrown instanceof Uncounted)) throw thrown;
          // Without this, a holder whose id changes with each run would be counted without end.
          if (run === mostRuns) throw new Error(`${thrown.message} after ${run} runs`);
          for (const key of thrown.keys) own.set(formatQuotaKey(key), await tallies.count(key));
        }
      }
    },
    async readUse(key) {
      const { used, value, taken } = tallies.findFresh(formatQuotaKey(key)) ?? (await tallies.count(key));
      return { used: used + taken, value };
    },
    forget: tallies.forget,
  };
}

function sumRows({ used, taken }: Tally, amount: number): number {
  return used + taken + amount;
}
