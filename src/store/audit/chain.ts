import { sql } from 'kysely';
import { type AuditEvent, eventFields } from '../../core/audit.ts';
import type { Database, Queries } from '../../database/connections.ts';
import { asEvent } from './events.ts';
import { readLastPosition, settlePositions } from './positions.ts';

/** A stored checkpoint. Its content is the payload of `signed`. */
export interface StoredCheckpoint {
  number: number;
  /** A compact JWS. */
  signed: string;
}

/** The events in a range of positions. */
export interface Stretch {
  count: number;
  /** SHA-256 over position and MAC of each event, hex. */
  digest: string;
  /** Ids in the order of positions, separated by spaces. */
  event_ids: string;
}

export interface ChainedEvent {
  position: number;
  mac: Uint8Array;
  event: AuditEvent;
}

export interface AuditChainStore {
  newest(): Promise<StoredCheckpoint | undefined>;
  /** Returns the position of the last committed event; 0 without one. */
  lastPosition(): Promise<number>;
  /** Returns the last position of the events that were recorded before the chain existed; 0 without one. */
  lastBeforeChain(): Promise<number>;
  /**
   * Resolves true once no event can be committed at a position that was assigned before the call; false where a transaction
   * that may commit one lasts longer than `patience` milliseconds.
   */
  settle(patience: number): Promise<boolean>;
  /**
   * Adds the checkpoint that `make` signs. Returns false where another replica is adding one, or `make` returns undefined
   * because there is nothing to add.
   */
  append(make: MakeCheckpoint): Promise<boolean>;
  /** Counts the events from the first position up to and including this one. */
  countUpTo(position: number): Promise<number>;
  /**
   * Lists the ids of events that a read in the order of positions misses: those without a position, or below the first. Only
   * the owner of the table can insert them.
   */
  misplaced(limit: number): Promise<string[]>;
  /** Lists checkpoints in the order of their numbers. */
  checkpoints(after: number, limit: number): Promise<(StoredCheckpoint & { event_ids: string })[]>;
  /**
   * Lists the events above `after`, up to and including `upto`, in the order of positions. Exceeds `limit` only by further
   * events at the last position.
   */
  events(after: number, upto: number, limit: number): Promise<ChainedEvent[]>;
}

export type MakeCheckpoint = (chain: ChainEnd) => Promise<(StoredCheckpoint & { event_ids: string }) | undefined>;

/** The end of the chain, for making the next checkpoint. */
export interface ChainEnd {
  newest: StoredCheckpoint | undefined;
  lastBeforeChain(): Promise<number>;
  stretch(after: number, upto: number): Promise<Stretch>;
}

/** The lock by which one replica makes checkpoints at a time. Arbitrary, and must be the same in every release. */
const advisoryLock = 4_727_618;

export function createAuditChainStore(database: Database): AuditChainStore {
  const { query } = database;
  return {
    newest: () => readNewest(query),
    lastPosition: () => readLastPosition(query),
    lastBeforeChain: () => readLastBeforeChain(query),
    async countUpTo(position) {
      const { count } = await query
        .selectFrom('audit_events')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('position', '>=', 1)
        .where('position', '<=', position)
        .executeTakeFirstOrThrow();
      return count;
    },
    async misplaced(limit) {
      const { rows } = await sql<{ id: string }>`
        SELECT id FROM audit_events WHERE position IS NULL OR position < 1 ORDER BY position, id LIMIT ${limit}`.execute(
        query,
      );
      return rows.map(({ id }) => id);
    },
    settle: (patience) => settlePositions(query, patience),
    append: (make) =>
      database.transaction(
        async (tx) => {
          const { rows } = await sql<{ is_mine: boolean }>`
            SELECT pg_try_advisory_xact_lock(${sql.lit(advisoryLock)}) AS is_mine`.execute(tx);
          if (rows[0]?.is_mine !== true) return false;
          const made = await make({
            newest: await readNewest(tx),
            lastBeforeChain: () => readLastBeforeChain(tx),
            stretch: (after, upto) => readStretch(tx, after, upto),
          });
          if (made === undefined) return false;
          await tx.insertInto('audit_checkpoints').values(made).execute();
          return true;
        },
        // The newest checkpoint must be read as of the moment after the lock, not as of the start of the transaction.
        { isolation: 'read committed' },
      ),
    checkpoints: (after, limit) =>
      query
        .selectFrom('audit_checkpoints')
        .selectAll()
        .where('number', '>', after)
        .orderBy('number')
        .limit(limit)
        .execute(),
    async events(after, upto, limit) {
      const rows = await query
        .selectFrom('audit_events')
        .select(eventFields)
        .select(['position', 'mac'])
        .where('position', '>', after)
        .where('position', '<=', upto)
        .orderBy('position')
        // The owner of the table can drop the index that makes positions unique: further events at a position must be found.
        .fetch(limit, 'with ties')
        .execute();
      return rows.map(({ position, mac, ...row }) => ({ position, mac: mac ?? noMac, event: asRecorded(row) }));
    },
  };
}

function readNewest(queries: Queries): Promise<StoredCheckpoint | undefined> {
  return queries
    .selectFrom('audit_checkpoints')
    .select(['number', 'signed'])
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function readLastBeforeChain(queries: Queries): Promise<number> {
  const { last } = await queries
    .selectFrom('audit_events')
    .select(({ fn }) => fn.max('position').as('last'))
    .where(sql<boolean>`mac = ''`)
    .executeTakeFirstOrThrow();
  return last ?? 0;
}

const noMac = new Uint8Array(0);

/**
 * Converts a row as `asEvent` does, also one with the time `infinity`, which only the owner of the table can have written.
 */
function asRecorded(row: Parameters<typeof asEvent>[0]): AuditEvent {
  return asEvent({ ...row, at: new Date(Number(row.at)) });
}

async function readStretch(queries: Queries, after: number, upto: number): Promise<Stretch> {
  const { rows } = await sql<Stretch>`
    SELECT count(*) AS count,
      encode(sha256(coalesce(string_agg(int8send(position) || mac, ''::bytea ORDER BY position), '')), 'hex') AS digest,
      coalesce(string_agg(id, ' ' ORDER BY position), '') AS event_ids
    FROM audit_events WHERE position > ${after} AND position <= ${upto}`.execute(queries);
  return rows[0]!;
}
