import { estimateHeapBytes } from '../../core/heapsize.ts';
import { isId } from '../../core/ids.ts';
import type { MintFacts } from '../../core/mintfacts.ts';
import { parentPath } from '../../core/namespace.ts';
import type { Database } from '../../database/connections.ts';
import { createFairCache, type Held } from '../../fairness/faircache.ts';
import { type CurrentJob, createCurrentJobs } from '../jobs/currentjobs.ts';
import { costOfFacts, maximumKeptCost } from './mintcost.ts';
import { createMintFactsStatement, type DatedFacts, type MintFactsKey } from './mintstatement.ts';
import type { Premise } from './premise.ts';

export interface MintRead {
  facts: MintFacts;
  /** The version of the key set at the same moment. */
  keySetVersion: number;
  /** Keeps the facts for the next requests. Call it only after a token was granted. */
  keep(): void;
}

/** What was read for an earlier request, and may be over: a record on this premise is written only where it is not. */
export interface KeptRead {
  facts: MintFacts;
  premise: Premise;
}

export interface MintFactsReader {
  /** Everything that a mint is decided on, as committed after this call; null when no job has this token. */
  read(key: MintFactsKey): Promise<MintRead | null>;
  /** Returns what is kept of a job that was granted a token before; undefined where nothing is kept. */
  kept(key: MintFactsKey): KeptRead | undefined;
  /** Returns the size of what is kept for all organisations. */
  held(): Held;
}

interface MintFactsReaderOptions {
  /** The name of the key set that signs for identities: its version is read with the facts. */
  keySet: string;
  maximumBatch?: number;
  concurrency?: number;
  /** Of what is kept, for all organisations and for each of them. */
  maximumBytes?: number;
  shareBytes?: number;
}

/** Facts of all jobs that run for the same user and launcher in the same workspace. */
interface RunnerFacts {
  facts: Omit<MintFacts, 'job'>;
  oldest_transaction: number;
}

/** The identity that a path or type meant for a runner. */
interface Meaning {
  identity_id: string;
  oldest_transaction: number;
}

interface KeptJob {
  now: CurrentJob;
  runner: string;
}

/**
 * A database that was set back to an earlier state counts its transactions from there again: what was kept of the state that
 * is no more could then look unchanged. Milliseconds.
 */
const maximumAge = 10_000;

const mebibyte = 2 ** 20;

/** Bytes of a kept job without its facts, and of a kept name: at least the estimate of `estimateHeapBytes`. */
const jobBytes = 1_200;

const meaningBytes = 300;

/**
 * A thousand requests at once cost a few reads (coalesce.ts), and the facts of one serve the next ones for as long as the
 * database says, after each of them arrived, that nothing of them was changed (docs/decisions/0009, 0011): to a job that asks
 * again the statement says it that records the mint, to another one of the same user and workspace a read of its job.
 *
 * Facts are kept by the identity that was found, never by what a request named, and after a token was granted: a caller
 * chooses no keys. The bounds are in bytes, with a share for each organisation.
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
      : meanings.find(nameOfMeaning(runner, identity!, profile));
    const identity_id = meaning === undefined ? identity! : meaning.value.identity_id;
    const found = runners.find(`${runner} ${identity_id}`)?.value;
    if (found === undefined || meaning === undefined) return found;
    // Takes the older of both: a change after either read could change the answer.
    const oldest_transaction = Math.min(found.oldest_transaction, meaning.value.oldest_transaction);
    return { facts: found.facts, oldest_transaction };
  }

  function keepJob({ token_hash }: MintFactsKey, now: CurrentJob, since: number, dated: RunnerFacts): void {
    // A premise that does not hold already would cost every request a record that is not written.
    if (!isUnchanged(dated, now)) return;
    const { id: organization_id } = dated.facts.organization;
    const value = { now, runner: nameOfRunner(now) };
    const bytes = jobBytes + estimateHeapBytes(now.job);
    jobs.keep(nameOfJob(token_hash), { organization_id, value, since, bytes });
  }

  function keepFacts({ identity, profile }: MintFactsKey, runner: string, since: number, dated: RunnerFacts): void {
    const { facts, oldest_transaction } = dated;
    if (facts.identity === null || costOfFacts(dated) > maximumKeptCost) return;
    const shared = { organization_id: facts.organization.id, since };
    const identity_id = facts.identity.id;
    const name = `${runner} ${identity_id}`;
    // Requests that shared a read have all read the same.
    if (runners.find(name)?.value.oldest_transaction !== oldest_transaction)
      runners.keep(name, { ...shared, value: dated, bytes: estimateHeapBytes(dated) });
    if (identity === identity_id) return;
    const value = { identity_id, oldest_transaction };
    meanings.keep(nameOfMeaning(runner, identity!, profile), { ...shared, value, bytes: meaningBytes });
  }

  return {
    held: () => cache.held(),
    kept(key) {
      const job = key.identity === null ? undefined : jobs.find(nameOfJob(key.token_hash))?.value;
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
      const runner = nameOfRunner(now);
      const known = find(runner, key);
      if (known !== undefined && holds(known, now)) {
        const facts = { ...known.facts, job: now.job };
        return { facts, keySetVersion: now.key_set_version, keep: () => keepJob(key, now, asked, known) };
      }
      // Forgets at once what no longer holds: it would cost each request a record that is not written.
      jobs.forget(nameOfJob(key.token_hash));
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

/** As `premiseHolds` says it to the database (premise.ts). */
function holds(dated: RunnerFacts, now: CurrentJob): boolean {
  return isUnchanged(dated, now) && dated.oldest_transaction <= now.oldest_transaction;
}

function isUnchanged({ oldest_transaction }: RunnerFacts, { last_change }: CurrentJob): boolean {
  return (last_change ?? 0) < oldest_transaction;
}

function withKeep(dated: DatedFacts | null, keep: (dated: DatedFacts) => void): MintRead | null {
  return dated && { facts: dated.facts, keySetVersion: dated.key_set_version, keep: () => keep(dated) };
}

/** Returns the key of the facts of a runner. The tables whose changes are noted hold everything else that they depend on. */
function nameOfRunner({ job, launcher_id, workspace_id }: CurrentJob): string {
  return `${job.user_id} ${launcher_id} ${workspace_id}`;
}

/** Returns the key of a name. References have no blanks, so keys differ. A profile matters only with a type. */
function nameOfMeaning(runner: string, identity: string, profile = ''): string {
  return parentPath(identity) === undefined ? `${runner} ${identity} ${profile}` : `${runner} ${identity}`;
}

function nameOfJob(token_hash: Uint8Array): string {
  return Buffer.from(token_hash).toString('latin1');
}
