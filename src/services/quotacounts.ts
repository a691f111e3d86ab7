import type { Clock } from '../clock.ts';
import { ArsiaError } from '../core/errors.ts';
import { type QuotaName, quotaRefusal, quotas } from '../core/quotas.ts';
import { coalesce } from '../store/coalesce.ts';
import type { Database, Queries } from '../store/database.ts';
import { findNamespace } from '../store/namespaces.ts';
import { type QuotaKey, type QuotaUse, quotaUse } from '../store/quotas.ts';

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

/** The room that one piece of work takes. */
export interface Admission {
  /** Gives back what was taken: the work begins anew, since its transaction lost against another one. */
  restart(): void;
  /**
   * Takes room for `amount` rows. Returns undefined, or the value of the quota where there is no room. Throws Uncounted, which
   * only `admitting` may catch.
   */
  take(key: QuotaKey, amount: number): number | undefined;
}

interface Tally extends QuotaUse {
  organization_id: string | null;
  /** Rows that this replica added, or is adding, beyond those that were counted. */
  taken: number;
  /** Milliseconds, by performance.now(). */
  until: number;
}

/** Where room was taken: what is given back when the work fails. */
interface Taken {
  text: string;
  tally: Tally;
  amount: number;
}

class Uncounted extends Error {
  readonly key: QuotaKey;

  constructor(key: QuotaKey) {
    super(`the quota ${key.name} is not counted yet`);
    this.key = key;
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

export function createQuotaCounts(parts: { database: Database; clock: Clock; many?: number }): QuotaCounts {
  const { database, clock, many = manyRows } = parts;
  const kept = new Map<string, Tally>();
  /** Rows that are being added, by quota: a count may have missed them. */
  const underWay = new Map<string, number>();
  /** Rows that were committed while a count of their quota was under way: it may have begun before. */
  const committedMeanwhile = new Map<string, number>();
  const reads = new Map<string, { read(key: QuotaKey): Promise<Tally>; waiting: number }>();

  async function count(key: QuotaKey): Promise<Tally> {
    const text = textOf(key);
    const begun = performance.now();
    committedMeanwhile.set(text, 0);
    const use = await quotaUse(database.query, key, new Date(clock.now())).catch((error: unknown) => {
      committedMeanwhile.delete(text);
      throw error;
    });
    const missed = (underWay.get(text) ?? 0) + committedMeanwhile.get(text)!;
    committedMeanwhile.delete(text);
    const until = performance.now() + Math.max(minimumAge, ageByCost * (performance.now() - begun));
    const tally = { ...use, organization_id: key.organization_id, taken: missed, until };
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
    if (sum > 0) underWay.set(text, sum);
    else underWay.delete(text);
  }

  function fresh(text: string): Tally | undefined {
    const tally = kept.get(text);
    return tally !== undefined && tally.until > performance.now() ? tally : undefined;
  }

  /**
   * `counted`: what was counted for this piece of work. Room is taken of the newest count alone: an older one misses what was
   * taken of a newer.
   */
  function admission(counted: ReadonlySet<string>, all: Taken[]): Admission {
    return {
      restart: () => giveBack(all.splice(0)),
      take(key, amount) {
        const text = textOf(key);
        const isCounted = counted.has(text);
        const tally = isCounted ? kept.get(text) : fresh(text);
        if (tally === undefined) throw new Uncounted(key);
        const sum = tally.used + tally.taken + amount;
        const isNear = sum > ample * tally.value;
        if (!isCounted && isNear && tally.used <= many) throw new Uncounted(key);
        if (sum > tally.value) return tally.value;
        tally.taken += amount;
        add(text, amount);
        all.push({ text, tally, amount });
        return undefined;
      },
    };
  }

  /** What failed was not added. */
  function giveBack(all: Taken[]): void {
    for (const { text, tally, amount } of all) {
      tally.taken -= amount;
      add(text, -amount);
    }
  }

  return {
    async admitting(work) {
      const counted = new Set<string>();
      for (;;) {
        const all: Taken[] = [];
        try {
          const result = await work(admission(counted, all));
          for (const { text, amount } of all) {
            add(text, -amount);
            const meanwhile = committedMeanwhile.get(text);
            if (meanwhile !== undefined) committedMeanwhile.set(text, meanwhile + amount);
          }
          return result;
        } catch (thrown) {
          giveBack(all);
          if (!(thrown instanceof Uncounted)) throw thrown;
          await countShared(thrown.key);
          counted.add(textOf(thrown.key));
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

/** All of a batch ask for the same. */
function sharedRead(count: (key: QuotaKey) => Promise<Tally>): (key: QuotaKey) => Promise<Tally> {
  return coalesce<QuotaKey, Tally>(
    async (keys) => {
      const tally = await count(keys[0]!);
      return keys.map(() => tally);
    },
    { maximumBatch: Number.POSITIVE_INFINITY, concurrency: 1 },
  );
}

function textOf({ name, organization_id, holder }: QuotaKey): string {
  return `${name} ${organization_id} ${holder}`;
}

/** What a quota is counted for, where that is not the organisation: `name` is for people. */
export interface QuotaHolderRef {
  id: string;
  name: string;
}

/** Takes room for `amount` that is about to be added; throws `quota_exceeded` where there is none. */
export type Admit = (
  name: QuotaName,
  organization_id: string | null,
  holder?: QuotaHolderRef,
  amount?: number,
) => Promise<void>;

/** `adds`: the quotas that may be taken from; another one is a mistake in the code. */
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
    const id = holder?.id ?? organization_id;
    // Operators belong to no organisation, and nothing of theirs is counted for one.
    if (id === null) return;
    const key = { name, organization_id, holder: id };
    const full =
      quotas[name].counted === 'before'
        ? admission.take(key, amount)
        : fullBy(await quotaUse(db, key, new Date(now)), amount);
    if (full !== undefined) throw await quotaExceeded(db, key, full, holder);
  };
}

function fullBy({ used, value }: QuotaUse, amount: number): number | undefined {
  return used + amount > value ? value : undefined;
}

export async function quotaExceeded(
  db: Queries,
  { name, organization_id }: QuotaKey,
  value: number,
  holder: QuotaHolderRef | undefined,
): Promise<ArsiaError> {
  const organization = organization_id === null ? undefined : await findNamespace(db, 'group', organization_id);
  const { detail, advice } = quotaRefusal(name, {
    value,
    holder: holder?.name ?? organization?.path ?? 'unknown',
    organization: organization?.path,
  });
  return new ArsiaError('quota_exceeded', detail, { advice });
}
