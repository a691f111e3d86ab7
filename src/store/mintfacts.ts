import type { MintFacts } from '../core/mint.ts';
import { type CurrentJob, createCurrentJobs } from './currentjobs.ts';
import type { Database } from './database.ts';
import { createMintFactsStatement, type DatedFacts } from './mintstatement.ts';

export interface MintFactsKey {
  /** SHA-256 of the job token. */
  token_hash: Uint8Array;
  /** The id or path of the identity that is asked for, or its type; null for a job that only shows itself. */
  identity: string | null;
  /** Which of a type, where the workspace has several; absent for the unnamed one. */
  profile?: string | undefined;
}

export interface MintRead {
  facts: MintFacts;
  /** The version of the key set `workload` at the same moment. */
  keySetVersion: number;
}

export interface MintFactsReader {
  /** Everything that a mint is decided on, as committed after this call; null when no job has this token. */
  read(key: MintFactsKey): Promise<MintRead | null>;
}

interface Kept extends DatedFacts {
  /** Milliseconds of the process. */
  at: number;
}

/**
 * A database that was set back to an earlier state counts its transactions from there again: what was kept of the state that
 * is no more could then look unchanged. Milliseconds.
 */
const maximumAge = 10_000;

/**
 * A thousand requests at once cost a few reads (coalesce.ts), and every request makes one that begins after it arrived: of
 * its job, and of what was changed in its organisation since its facts were read (docs/decisions/0009). Only where something
 * was, or nothing is kept, are all facts read.
 */
export function createMintFactsReader(
  database: Database,
  { maximumBatch = 256, concurrency = 2, maximumKept = 5_000 } = {},
): MintFactsReader {
  const readAll = createMintFactsStatement(database, { maximumBatch, concurrency });
  const readJob = createCurrentJobs(database, { maximumBatch, concurrency });
  /** By who asks where for what; the oldest first. */
  const kept = new Map<string, Kept>();

  function keep(name: string, dated: DatedFacts): void {
    kept.delete(name);
    if (kept.size >= maximumKept) kept.delete(kept.keys().next().value!);
    kept.set(name, { ...dated, at: performance.now() });
  }

  function holds({ oldest_transaction, at }: Kept, now: CurrentJob): boolean {
    return (
      (now.last_change ?? 0) < oldest_transaction &&
      oldest_transaction <= now.oldest_transaction &&
      performance.now() - at < maximumAge
    );
  }

  return {
    async read(key) {
      if (key.identity === null) return asRead(await readAll(key));
      const now = await readJob(key.token_hash);
      if (now === null) return null;
      const name = nameOf(now, key);
      const known = kept.get(name);
      if (known !== undefined && holds(known, now))
        return { facts: { ...known.facts, job: now.job }, keySetVersion: now.key_set_version };
      const dated = await readAll(key);
      // What is not there may come into being unnoticed: only what was found is kept.
      if (dated?.facts.identity) keep(name, dated);
      return asRead(dated);
    },
  };
}

function asRead(dated: DatedFacts | null): MintRead | null {
  return dated && { facts: dated.facts, keySetVersion: dated.key_set_version };
}

/** All that the facts depend on beside what stands in the tables that note their changes. */
function nameOf({ job, launcher_id, workspace_id }: CurrentJob, { identity, profile }: MintFactsKey): string {
  return JSON.stringify([job.user_id, launcher_id, workspace_id, identity, profile]);
}
