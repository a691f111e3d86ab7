import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { coalesce } from '../../database/coalesce.ts';
import type { Queries } from '../../database/connections.ts';
import { unavailable } from '../../database/failures.ts';

/** Milliseconds between two reads of the running transactions. */
const pause = 20;
/** Milliseconds that an export waits for running transactions to end. */
const patience = 5_000;

/** Returns the position of the last committed event; 0 without one. */
export async function readLastPosition(queries: Queries): Promise<number> {
  const { last } = await queries
    .selectFrom('audit_events')
    .select(({ fn }) => fn.max('position').as('last'))
    .executeTakeFirstOrThrow();
  return last ?? 0;
}

/**
 * Resolves true once no event can be committed at a position that was assigned before the call; false where a transaction
 * that may commit one lasts longer than `patience` milliseconds. A later position may be committed before an earlier one.
 */
export async function settlePositions(queries: Queries, patience: number): Promise<boolean> {
  const until = performance.now() + patience;
  for (let writers = await listWriters(queries); writers.length > 0; writers = await listWriters(queries, writers)) {
    if (performance.now() > until) return false;
    await sleep(pause);
  }
  return true;
}

/**
 * Returns the function that reads the final position: every event that was committed before the call is at or below it, and
 * none will be added there. It throws `unavailable` where a transaction that writes events lasts longer than 5 s. Concurrent
 * calls share one wait.
 */
export function createFinalPosition(queries: Queries): () => Promise<number> {
  return coalesce<void, number>(
    async (asked) => {
      const last = await readLastPosition(queries);
      if (!(await settlePositions(queries, patience)))
        throw unavailable(
          'A transaction that writes audit events has not ended yet, so later events cannot be exported.',
        );
      return asked.map(() => last);
    },
    { maximumBatch: Number.POSITIVE_INFINITY, concurrency: 1 },
  );
}

/**
 * Lists the running transactions that may have been assigned a position; with `among`, only those of these. Every INSERT
 * locks its table in this mode before it is assigned a position, and holds the lock until its transaction ends. Its row is
 * visible to others before the lock is released (PostgreSQL manual, 13.3.1 and `pg_locks`).
 */
async function listWriters(queries: Queries, among?: string[]): Promise<string[]> {
  const { rows } = await sql<{ transaction: string }>`
    SELECT DISTINCT virtualtransaction AS transaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'audit_events'::regclass AND mode = 'RowExclusiveLock' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      ${among === undefined ? sql`` : sql`AND virtualtransaction = ANY (${among})`}`.execute(queries);
  return rows.map(({ transaction }) => transaction);
}
