import { estimateHeapBytes } from '../../core/heapsize.ts';
import { isId } from '../../core/ids.ts';
import type { MintFacts } from '../../core/mintfacts.ts';
import { parentPath } from '../../core/namespace.ts';
import type { Database } from '../../database/connections.ts';
import { createFairCache, type Held } from '../../fairness/faircache.ts';
import { type CurrentJob, createCurrentJobs } from '../jobs/currentjobs.ts';
import { estimateFactsCost, maximumKeptCost } from './mintcost.ts';
import { createMintFactsStatement, type DatedFacts, type MintFactsKey } from './mintstatement.ts';
import type { Premise } from './premise.ts';

export interface MintRead {
  facts: MintFacts;
  /** The version of the key set, read in the same statement. */
  keySetVersion: number;
  /** Keeps the facts for the next requests. Call it only after a token was granted. */
  keep(): void;
}

/** Facts that were read for an earlier request and may be outdated. A record is written only while `premise` holds. */
export interface KeptRead {
  facts: MintFacts;
  premise: Premise;
}

export interface MintFactsReader {
  /** Returns all facts of a mint, as committed after this call; null where no job has this token. */
  read(key: MintFactsKey): Promise<MintRead | null>;
  /** Returns the kept facts of a job that was granted a token before; undefined where none are kept. */
  kept(key: MintFactsKey): KeptRead | undefined;
  /** Returns the size of the kept facts of all organisations. */
  held(): Held;
}

interface MintFactsReaderOptions {
  /** The name of the key set that signs workload tokens. Its version is read with the facts. */
  keySet: string;
  maximumBatch?: number;
  concurrency?: number;
  /** Bounds of the kept facts: of all organisations together, and of each. */
  maximumBytes?: number;
  shareBytes?: number;
}

/** Facts that the jobs of the same user and launcher in the same workspace share. */
interface RunnerFacts {
  facts: Omit<MintFacts, 'job'>;
  oldest_transaction: number;
}

/** The identity that a path or type resolved to for a runner. */
interface Meaning {
  identity_id: string;
  oldest_transaction: number;
}

interface KeptJob {
  now: CurrentJob;
  runner: string;
}

/**
 * Milliseconds. A database that is restored to an earlier state reuses transaction ids, so that facts kept from the lost
 * state could look unchanged: their age is bounded.
 */
const maximumAge = 10_000;

const mebibyte = 2 ** 20;

/** Bytes of a kept job without its facts, and of a kept name. Both are at least what `estimateHeapBytes` returns. */
const jobBytes = 1_200;

const meaningBytes = 300;

/**
 * Creates the reader of mint facts. Concurrent requests share reads (coalesce.ts). Facts that were read for one request serve
 * later ones as long as the database confirms, after each request arrived, that they are unchanged (docs/decisions/0009,
 * 0011). For a job that asks again, the statement that records the mint confirms it; for another job of the same user and
 * workspace, the read of that job does.
 *
 * Facts are kept under the identity that was found, not under the name in the request, and only after a token was granted:
 * callers cannot choose cache keys. The bounds are in bytes, with a share for each organisation.
 */
export function createMintFactsReader(
  database: Database,
  {
    keySet,
    maximumBatch = 256,
    concurrency = 2,
    maximumBytes = 32 * mebibyte,
    shareBytes = 16 * mebibyte,
  }: MintFactsReaderOptions,
): MintFactsReader {
  const readAll = createMintFactsStatement(database, { keySet, maximumBatch, concurrency });
  const readJob = createCurrentJobs(database, { keySet, maximumBatch, concurrency });
  const cache = createFairCache({ maximumBytes, shareBytes, maximumAge });
  const jobs = cache.map<KeptJob>();
  const runners = cache.map<RunnerFacts>();
  const meanings = cache.map<Meaning>();

  function find(runner: string, { identity, profile }: MintFactsKey): RunnerFacts | undefined {
    const meaning = isId('managed_identity', identity!)
      ? undefined
      : meanings.find(meaningKey(runner, identity!, profile));
    const identity_id = meaning === undefined ? identity! : meaning.value.identity_id;
    const found = runners.find(`${runner} ${identity_id}`)?.value;
    if (found === undefined || meaning === undefined) return found;
    // Uses the older of both: a change after either read could change the answer.
    const oldest_transaction = Math.min(found.oldest_transaction, meaning.value.oldest_transaction);
    return { facts: found.facts, oldest_transaction };
  }

  function keepJob({ token_hash }: MintFactsKey, now: CurrentJob, since: number, dated: RunnerFacts): void {
    // With a premise that no longer holds, every request would try a record that is not written.
    if (!isUnchanged(dated, now)) return;
    const { id: organization_id } = dated.facts.organization;
    const value = { now, runner: runnerKey(now) };
    const bytes = jobBytes + estimateHeapBytes(now.job);
    jobs.keep(jobKey(token_hash), { organization_id, value, since, bytes });
  }

  function keepFacts({ identity, profile }: MintFactsKey, runner: string, since: number, dated: RunnerFacts): void {
    const { facts, oldest_transaction } = dated;
    if (facts.identity === null || estimateFactsCost(dated) > maximumKeptCost) return;
    const shared = { organization_id: facts.organization.id, since };
    const identity_id = facts.identity.id;
    const name = `${runner} ${identity_id}`;
    // Requests that shared a read have the same facts.
    if (runners.find(name)?.value.oldest_transaction !== oldest_transaction)
      runners.keep(name, { ...shared, value: dated, bytes: estimateHeapBytes(dated) });
    if (identity === identity_id) return;
    const value = { identity_id, oldest_transaction };
    meanings.keep(meaningKey(runner, identity!, profile), { ...shared, value, bytes: meaningBytes });
  }

  return {
    held: () => cache.held(),
    kept(key) {
      const job = key.identity === null ? undefined : jobs.find(jobKey(key.token_hash))?.value;
      const found = job && find(job.runner, key);
      if (found === undefined) return undefined;
      const { job: own, job_row, key_set_version } = job!.now;
      const { facts, oldest_transaction } = found;
      return {
        facts: { ...facts, job: own },
        premise: { job_row, oldest_transaction, key_set: keySet, key_set_version },
      };
    },
    async read(key) {
      const asked = performance.now();
      const now = await readJob(key.token_hash);
      if (now === null) return null;
      const { organization_id } = now;
      if (key.identity === null) return withKeep(await readAll({ ...key, organization_id }), () => undefined);
      const runner = runnerKey(now);
      const known = find(runner, key);
      if (known !== undefined && isCurrent(known, now)) {
        const facts = { ...known.facts, job: now.job };
        return { facts, keySetVersion: now.key_set_version, keep: () => keepJob(key, now, asked, known) };
      }
      // Forgets outdated facts at once: with them every request would try a record that is not written.
      jobs.forget(jobKey(key.token_hash));
      if (known !== undefined) runners.forget(`${runner} ${known.facts.identity!.id}`);
      const since = performance.now();
      const dated = await readAll({ ...key, organization_id });
      return withKeep(dated, ({ facts: { job: _, ...facts }, oldest_transaction }) => {
        keepFacts(key, runner, since, { facts, oldest_transaction });
        keepJob(key, now, asked, { facts, oldest_transaction });
      });
    },
  };
}

/** Returns whether facts still hold, by the rule of `premiseHolds` (premise.ts). */
function isCurrent(dated: RunnerFacts, now: CurrentJob): boolean {
  return isUnchanged(dated, now) && dated.oldest_transaction <= now.oldest_transaction;
}

function isUnchanged({ oldest_transaction }: RunnerFacts, { last_change }: CurrentJob): boolean {
  return (last_change ?? 0) < oldest_transaction;
}

function withKeep(dated: DatedFacts | null, keep: (dated: DatedFacts) => void): MintRead | null {
  return dated && { facts: dated.facts, keySetVersion: dated.key_set_version, keep: () => keep(dated) };
}

/** Returns the cache key of a runner's facts. Changes of the other tables that the facts depend on are noted. */
function runnerKey({ job, launcher_id, workspace_id }: CurrentJob): string {
  return `${job.user_id} ${launcher_id} ${workspace_id}`;
}

/** Returns the cache key of a name. References contain no spaces, so keys are distinct. A profile applies only to a type. */
function meaningKey(runner: string, identity: string, profile = ''): string {
  return parentPath(identity) === undefined ? `${runner} ${identity} ${profile}` : `${runner} ${identity}`;
}

function jobKey(token_hash: Uint8Array): string {
  return Buffer.from(token_hash).toString('latin1');
}
