import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { explainQuota, type QuotaName, quotas } from '../../core/quotas.ts';
import { coalesce } from '../../database/coalesce.ts';
import type { Database, Queries } from '../../database/connections.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { type QuotaKey, type QuotaUse, quotaUse } from '../../store/namespaces/quotas.ts';

/**
 * Counts of large collections. They are made outside of transactions and shared: a count inside a SERIALIZABLE transaction
 * would make every create of an organisation conflict with every other one, and a counter row would too.
 */
export interface QuotaCounts {
  /**
   * Runs `work`, which may `take` room of quotas for what it adds. What `take` needs a count for is counted, and `work` runs
   * again. When it fails, nothing was added.
   */
  admitting<Result>(work: (admission: Admission) => Promise<Result>): Promise<Result>;
  /** A count that is at most as old as `take` would use it. */
  use(key: QuotaKey): Promise<QuotaUse>;
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

interface Tally extends QuotaUse {
  organization_id: string | null;
  /** Rows that this replica added, or is adding, beyond those that were counted. */
  taken: number;
  /** Milliseconds, by performance.now(). */
  until: number;
}

/** Room that was taken in a count, to give it back when the work fails. */
interface Taken {
  text: string;
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

/** Milliseconds for which a count is kept; and as a multiple of the time that it took, so that counting stays cheap. */
const minimumAge = 1_000;
const ageByCost = 50;
/** A kept count decides only up to this part of a quota: the rest is for what other replicas added meanwhile. */
const ample = 0.9;
/** Rows. To count more for every request near a quota would keep the database busy: there kept counts decide as well. */
const manyRows = 100_000;
const maximumKept = 10_000;
/** How often one piece of work may run again to count another quota. */
const mostRuns = 20;

export function createQuotaCounts(parts: { database: Database; clock: Clock; many?: number }): QuotaCounts {
  const { database, clock, many = manyRows } = parts;
  const kept = new Map<string, Tally>();
  /** Rows that are being added, by quota: a count may have missed them. */
  const underWay = new Map<string, number>();
  /** Rows that were being added at any time of a count that is being made. */
  const counting = new Map<string, { rows: number }>();
  const reads = new Map<string, { read(key: QuotaKey): Promise<Tally>; waiting: number }>();

  async function count(key: QuotaKey): Promise<Tally> {
    const text = textOf(key);
    const begun = performance.now();
    const missed = { rows: underWay.get(text) ?? 0 };
    counting.set(text, missed);
    const use = await quotaUse(database.query, key, new Date(clock.now())).finally(() => counting.delete(text));
    const until = performance.now() + Math.max(minimumAge, ageByCost * (performance.now() - begun));
    const tally = { ...use, organization_id: key.organization_id, taken: missed.rows, until };
    kept.delete(text);
    kept.set(text, tally);
    for (const [oldest, { until }] of kept) {
      if (until > performance.now() && kept.size <= maximumKept) break;
      kept.delete(oldest);
    }
    return tally;
  }

  /** Requests share a count that starts after each of them asked for it. */
  async function countShared(key: QuotaKey): Promise<Tally> {
    const text = textOf(key);
    const shared = reads.get(text) ?? { read: sharedRead(count), waiting: 0 };
    reads.set(text, shared);
    shared.waiting++;
    try {
      return await shared.read(key);
    } finally {
      if (--shared.waiting === 0) reads.delete(text);
    }
  }

  function add(text: string, amount: number): void {
    const sum = (underWay.get(text) ?? 0) + amount;
    const missed = counting.get(text);
    if (missed !== undefined && amount > 0) missed.rows += amount;
    if (sum > 0) underWay.set(text, sum);
    else underWay.delete(text);
  }

  function fresh(text: string): Tally | undefined {
    const tally = kept.get(text);
    return tally !== undefined && tally.until > performance.now() ? tally : undefined;
  }

  /** The count that decides: one that was made for this work, or a kept one that leaves room enough. */
  function usable(own: ReadonlyMap<string, Tally>, text: string, amount: number): Tally | undefined {
    const mine = own.get(text);
    // Uses the newest count. Room that was taken from a newer one is missing in an older one.
    const tally = mine === undefined ? fresh(text) : (kept.get(text) ?? mine);
    const isNear = tally !== undefined && sumOf(tally, amount) > ample * tally.value;
    return mine === undefined && isNear && tally.used <= many ? undefined : tally;
  }

  function admission(own: ReadonlyMap<string, Tally>, all: Taken[]): Admission {
    return {
      restart: () => giveBack(all.splice(0)),
      take(keys, amount) {
        const tallies = keys.map((key) => ({ key, text: textOf(key), tally: usable(own, textOf(key), amount) }));
        const uncounted = tallies.filter(({ tally }) => tally === undefined).map(({ key }) => key);
        if (uncounted.length > 0) throw new Uncounted(uncounted);
        for (const { key, text, tally } of tallies) {
          if (sumOf(tally!, amount) > tally!.value) return { key, value: tally!.value };
          tally!.taken += amount;
          add(text, amount);
          all.push({ text, tally: tally!, amount });
        }
        return undefined;
      },
    };
  }

  /** Gives back the room of work that failed and added nothing. */
  function giveBack(all: Taken[]): void {
    for (const { text, tally, amount } of all) {
      tally.taken -= amount;
      add(text, -amount);
    }
  }

  return {
    async admitting(work) {
      const own = new Map<string, Tally>();
      for (let run = 1; ; run++) {
        const all: Taken[] = [];
        try {
          const result = await work(admission(own, all));
          for (const { text, amount } of all) add(text, -amount);
          return result;
        } catch (thrown) {
          giveBack(all);
          if (!(thrown instanceof Uncounted)) throw thrown;
          // Without this, a holder whose id changes with each run would be counted without end.
          if (run === mostRuns) throw new Error(`${thrown.message} after ${run} runs`);
          for (const key of thrown.keys) own.set(textOf(key), await countShared(key));
        }
      }
    },
    async use(key) {
      const { used, value, taken } = fresh(textOf(key)) ?? (await countShared(key));
      return { used: used + taken, value };
    },
    forget(organization_id) {
      // Null: counted for a principal, by the quotas of an organisation that is known to the database alone.
      for (const [text, tally] of kept) if ([organization_id, null].includes(tally.organization_id)) kept.delete(text);
    },
  };
}

/** Lets requests for the same key share one count. */
function sharedRead(count: (key: QuotaKey) => Promise<Tally>): (key: QuotaKey) => Promise<Tally> {
  return coalesce<QuotaKey, Tally>(
    async (keys) => {
      const tally = await count(keys[0]!);
      return keys.map(() => tally);
    },
    { maximumBatch: Number.POSITIVE_INFINITY, concurrency: 1 },
  );
}

function sumOf({ used, taken }: Tally, amount: number): number {
  return used + taken + amount;
}

function textOf({ name, organization_id, holder }: QuotaKey): string {
  return `${name} ${organization_id} ${holder}`;
}

/** The holder of a quota, where that is not the organisation. `name` is for people. */
export interface QuotaHolderRef {
  id: string;
  name: string;
}

/**
 * Takes room for `amount` rows that are about to be added; throws `quota_exceeded` where there is none. Takes as much for
 * each of several holders. The holder is the organisation where it is left out.
 */
export type Admit = (
  name: QuotaName,
  organization_id: string | null,
  holder?: QuotaHolderRef | readonly QuotaHolderRef[],
  amount?: number,
) => Promise<void>;

/** `adds`: the quotas that the action declares. Another one is a fault in the code. */
export function createAdmit(parts: {
  db: Queries;
  now: number;
  adds: readonly QuotaName[];
  admission: Admission | undefined;
}): Admit {
  const { db, now, adds, admission } = parts;
  return async (name, organization_id, holder, amount = 1) => {
    if (admission === undefined || !adds.includes(name))
      throw new Error(`the action does not declare the quota ${name}`);
    // Operators belong to no organisation, and nothing of theirs is counted for one.
    const holders = holder === undefined ? [] : [holder].flat();
    const ids = holder === undefined ? [organization_id].filter((id) => id !== null) : holders.map(({ id }) => id);
    const keys = ids.map((id) => ({ name, organization_id, holder: id }));
    const full =
      quotas[name].counted === 'before'
        ? admission.take(keys, amount)
        : await firstFull(db, keys, amount, new Date(now));
    if (full === undefined) return;
    throw await quotaExceeded(
      db,
      full.key,
      full.value,
      holders.find(({ id }) => id === full.key.holder),
    );
  };
}

async function firstFull(
  db: Queries,
  keys: readonly QuotaKey[],
  amount: number,
  now: Date,
): Promise<{ key: QuotaKey; value: number } | undefined> {
  for (const key of keys) {
    const { used, value } = await quotaUse(db, key, now);
    if (used + amount > value) return { key, value };
  }
  return undefined;
}

export async function quotaExceeded(
  db: Queries,
  { name, organization_id }: QuotaKey,
  value: number,
  holder: QuotaHolderRef | undefined,
): Promise<ArsiaError> {
  const organization = organization_id === null ? undefined : await findNamespace(db, 'group', organization_id);
  const { detail, advice } = explainQuota(name, {
    value,
    holder: holder?.name ?? organization?.path ?? 'unknown',
    organization: organization?.path,
  });
  return new ArsiaError('quota_exceeded', detail, { advice });
}
