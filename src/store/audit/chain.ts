import { sql } from 'kysely';
import { type AuditEvent, eventFields } from '../../core/audit.ts';
import type { Database, Queries } from '../../database/connections.ts';
import { asEvent } from './events.ts';
import { lastPositionOf, settlePositions } from './positions.ts';

/** A checkpoint as it is stored; what it says is in `signed`. */
export interface StoredCheckpoint {
  number: number;
  /** A compact JWS. */
  signed: string;
}

/** What stands in a stretch of positions. */
export interface Stretch {
  count: number;
  /** SHA-256 over position and MAC of each event, hex. */
  digest: string;
  /** In the order of positions, with blanks between. */
  event_ids: string;
}

export interface ChainedEvent {
  position: number;
  mac: Uint8Array;
  event: AuditEvent;
}

export interface AuditChainStore {
  newest(): Promise<StoredCheckpoint | undefined>;
  /** The position of the last event that is committed; 0 without one. */
  lastPosition(): Promise<number>;
  /** The last position of the events that were recorded before there was a chain; 0 without one. */
  lastBeforeChain(): Promise<number>;
  /**
   * Resolves true once no event can come to a position that was given out before now; false where a transaction that may
   * bring one goes on for longer than `patience` milliseconds.
   */
  settle(patience: number): Promise<boolean>;
  /**
   * Adds the checkpoint that `make` signs, unless another replica does the same right now, or there is nothing to add
   * (undefined): then false.
   */
  append(make: MakeCheckpoint): Promise<boolean>;
  /** Events from the first position up to and with this one. */
  countUpTo(position: number): Promise<number>;
  /**
   * The ids of events where no walk along the positions comes: without one, or before the first. Only who owns the table can
   * put them there.
   */
  misplaced(limit: number): Promise<string[]>;
  /** In the order of numbers. */
  checkpoints(after: number, limit: number): Promise<(StoredCheckpoint & { event_ids: string })[]>;
  /** Above `after`, up to and with `upto`; in the order of positions, and beyond `limit` all that are at the last one. */
  events(after: number, upto: number, limit: number): Promise<ChainedEvent[]>;
}

export type MakeCheckpoint = (chain: ChainEnd) => Promise<(StoredCheckpoint & { event_ids: string }) | undefined>;

/** The chain for whoever adds to it. */
export interface ChainEnd {
  newest: StoredCheckpoint | undefined;
  lastBeforeChain(): Promise<number>;
  stretch(after: number, upto: number): Promise<Stretch>;
}

/** Any number, the same in every release: one replica makes checkpoints at a time. */
const advisoryLock = 4_727_618;

export function createAuditChainStore(database: Database): AuditChainStore {
  const { query } = database;
  return {
    newest: () => newestOf(query),
    lastPosition: () => lastPositionOf(query),
    lastBeforeChain: () => lastBeforeChain(query),
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
            newest: await newestOf(tx),
            lastBeforeChain: () => lastBeforeChain(tx),
            stretch: (after, upto) => stretchOf(tx, after, upto),
          });
          if (made === undefined) return false;
          await tx.insertInto('audit_checkpoints').values(made).execute();
          return true;
        },
        // The newest checkpoint is that of the moment after the lock, not that of the transaction's begin.
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
        // The index that keeps a position to one event is the table owner's: another one there must not be passed over.
        .fetch(limit, 'with ties')
        .execute();
      return rows.map(({ position, mac, ...row }) => ({ position, mac: mac ?? noMac, event: asRecorded(row) }));
    },
  };
}

function newestOf(queries: Queries): Promise<StoredCheckpoint | undefined> {
  return queries
    .selectFrom('audit_checkpoints')
    .select(['number', 'signed'])
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function lastBeforeChain(queries: Queries): Promise<number> {
  const { last } = await queries
    .selectFrom('audit_events')
    .select(({ fn }) => fn.max('position').as('last'))
    .where(sql<boolean>`mac = ''`)
    .executeTakeFirstOrThrow();
  return last ?? 0;
}

const noMac = new Uint8Array(0);

/** As `asEvent`, also of a row that only the owner of the table can have written: `infinity` is no Date. */
function asRecorded(row: Parameters<typeof asEvent>[0]): AuditEvent {
  return asEvent({ ...row, at: new Date(Number(row.at)) });
}

async function stretchOf(queries: Queries, after: number, upto: number): Promise<Stretch> {
  const { rows } = await sql<Stretch>`
    SELECT count(*) AS count,
      encode(sha256(coalesce(string_agg(int8send(position) || mac, ''::bytea ORDER BY position), '')), 'hex') AS digest,
      coalesce(string_agg(id, ' ' ORDER BY position), '') AS event_ids
    FROM audit_events WHERE position > ${after} AND position <= ${upto}`.execute(queries);
  return rows[0]!;
}
