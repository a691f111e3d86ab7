import type { MintFacts } from '../core/mint.ts';
import { type CurrentJob, createCurrentJobs } from './currentjobs.ts';
import type { Database } from './database.ts';
import { costOfFacts, maximumKeptCost } from './mintcost.ts';
import { createMintFactsStatement, type DatedFacts } from './mintstatement.ts';
import type { Premise } from './premise.ts';

export interface MintFactsKey {
  /** SHA-256 of the job token. */
  token_hash: Uint8Array;
  /** The id or path of the identity that is asked for, or its type; null for a job that only shows itself. */
  identity: string | null;
  /** Which of a type, where the workspace has several; absent for the unnamed one. */
  profile?: string | undefined;
  /** Of the job, where it is known: organisations take turns in the reads. */
  organization_id?: string;
}

export interface MintRead {
  facts: MintFacts;
  /** The version of the key set `workload` at the same moment. */
  keySetVersion: number;
}

/** What was read for an earlier request, and may be over: a record on this premise is written only where it is not. */
export interface KeptRead {
  facts: MintFacts;
  premise: Premise;
}

export interface MintFactsReader {
  /** Everything that a mint is decided on, as committed after this call; null when no job has this token. */
  read(key: MintFactsKey): Promise<MintRead | null>;
  /** Of a job that asked for the same before; undefined where nothing is kept. */
  kept(key: MintFactsKey): KeptRead | undefined;
}

/**
 * A database that was set back to an earlier state counts its transactions from there again: what was kept of the state that
 * is no more could then look unchanged. Milliseconds.
 */
const maximumAge = 10_000;

/**
 * A thousand requests at once cost a few reads (coalesce.ts), and the facts of one serve the next ones for as long as the
 * database says, after each of them arrived, that nothing of them was changed (docs/decisions/0009, 0011): to a job that asks
 * again the statement says it that records the mint, to another one of the same user and workspace a read of its job.
 */
export function createMintFactsReader(
  database: Database,
  { maximumBatch = 256, concurrency = 2, maximumKept = 5_000 } = {},
): MintFactsReader {
  const readAll = createMintFactsStatement(database, { maximumBatch, concurrency });
  const readJob = createCurrentJobs(database, { maximumBatch, concurrency });
  /** By who asks where for what. */
  const ofRunners = createKept<DatedFacts>(maximumKept);
  /** By which job asks for what. */
  const ofJobs = createKept<KeptRead>(maximumKept);

  function keepForJob(key: MintFactsKey, now: CurrentJob, dated: DatedFacts, since: number): void {
    const { job, job_row, key_set_version } = now;
    const premise = { job_row, oldest_transaction: dated.oldest_transaction, key_set_version };
    const name = nameOfJob(key);
    if (isUnchanged(dated, now)) ofJobs.keep(name, { facts: { ...dated.facts, job }, premise }, since);
    // A premise that does not hold already would cost every request a record that is not written.
    else ofJobs.forget(name);
  }

  return {
    kept: (key) => (key.identity === null ? undefined : ofJobs.find(nameOfJob(key))?.value),
    async read(key) {
      if (key.identity === null) return asRead(await readAll(key));
      const now = await readJob(key.token_hash);
      if (now === null) return null;
      const name = nameOfRunner(now, key);
      const known = ofRunners.find(name);
      if (known !== undefined && holds(known.value, now)) {
        keepForJob(key, now, known.value, known.since);
        return { facts: { ...known.value.facts, job: now.job }, keySetVersion: now.key_set_version };
      }
      const since = performance.now();
      const dated = await readAll({ ...key, organization_id: now.organization_id });
      // What is not there may come into being unnoticed: only what was found is kept.
      if (dated?.facts.identity && costOfFacts(dated) <= maximumKeptCost) {
        ofRunners.keep(name, dated, since);
        keepForJob(key, now, dated, since);
      }
      return asRead(dated);
    },
  };
}

/** As `premiseHolds` says it to the database (premise.ts). */
function holds(dated: DatedFacts, now: CurrentJob): boolean {
  return isUnchanged(dated, now) && dated.oldest_transaction <= now.oldest_transaction;
}

function isUnchanged({ oldest_transaction }: DatedFacts, { last_change }: CurrentJob): boolean {
  return (last_change ?? 0) < oldest_transaction;
}

interface Kept<Value> {
  value: Value;
  /** When its reading began, in milliseconds of the process. */
  since: number;
}

/** At most so many, the oldest first to go, and none beyond its age. */
function createKept<Value>(maximum: number) {
  const entries = new Map<string, Kept<Value>>();
  return {
    find(name: string): Kept<Value> | undefined {
      const entry = entries.get(name);
      return entry !== undefined && performance.now() - entry.since < maximumAge ? entry : undefined;
    },
    forget(name: string): void {
      entries.delete(name);
    },
    keep(name: string, value: Value, since: number): void {
      entries.delete(name);
      if (entries.size >= maximum) entries.delete(entries.keys().next().value!);
      entries.set(name, { value, since });
    },
  };
}

function asRead(dated: DatedFacts | null): MintRead | null {
  return dated && { facts: dated.facts, keySetVersion: dated.key_set_version };
}

/** All that the facts depend on beside what stands in the tables that note their changes. */
function nameOfRunner({ job, launcher_id, workspace_id }: CurrentJob, { identity, profile }: MintFactsKey): string {
  return JSON.stringify([job.user_id, launcher_id, workspace_id, identity, profile]);
}

/** A hash has always as many letters, and an identity no blank: no two keys have one name. */
function nameOfJob({ token_hash, identity, profile = '' }: MintFactsKey): string {
  return `${Buffer.from(token_hash).toString('latin1')}${profile} ${identity}`;
}
