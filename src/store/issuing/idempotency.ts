import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';

export interface KeptAnswer {
  content_hash: Uint8Array;
  answer: Record<string, unknown>;
}

export interface KeyRow {
  key_hash: Uint8Array;
  organization_id: string | null;
  content_hash: Uint8Array;
  expires_at: Date;
}

/**
 * Returns the answer that is kept under a key. Not for use in transactions: those see only what was committed at their start.
 */
export async function findAnswer(db: Queries, key_hash: Uint8Array, now: Date): Promise<KeptAnswer | undefined> {
  return await db
    .selectFrom('idempotency_keys')
    .select(['content_hash', 'answer'])
    .where('key_hash', '=', key_hash as never)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}

/** Locks a key until the transaction ends. Returns false where another transaction has locked it. */
export async function lockKey(tx: Queries, key_hash: Uint8Array): Promise<boolean> {
  const number = Buffer.from(key_hash).readBigInt64BE().toString();
  const { rows } = await sql<{ is_ours: boolean }>`
    SELECT pg_try_advisory_xact_lock(${number}::bigint) AS is_ours`.execute(tx);
  return rows[0]!.is_ours;
}

/** Inserts a key that is unused or expired. Returns the place (`ctid`) of its row; undefined where the key is in use. */
export async function takeKey(tx: Queries, row: KeyRow, now: Date): Promise<string | undefined> {
  // No SELECT before the INSERT and no look-up by key after it: in a SERIALIZABLE transaction these lock a whole page of the
  // index, and concurrent creates would fail on each other's keys.
  const { rows } = await sql<{ place: string }>`
    INSERT INTO idempotency_keys AS kept (key_hash, organization_id, content_hash, answer, expires_at)
    VALUES (${row.key_hash}, ${row.organization_id}, ${row.content_hash}, '{}', ${row.expires_at})
    ON CONFLICT (key_hash) DO UPDATE
      SET content_hash = excluded.content_hash, answer = excluded.answer, expires_at = excluded.expires_at
      WHERE kept.expires_at <= ${now}
    RETURNING ctid::text AS place`.execute(tx);
  return rows[0]?.place;
}

/** Stores the answer of a key that this transaction took. */
export async function keepAnswer(tx: Queries, place: string, answer: Record<string, unknown>): Promise<void> {
  await sql`
    UPDATE idempotency_keys SET answer = ${JSON.stringify(answer)}::jsonb WHERE ctid = ${place}::tid`.execute(tx);
}

/** Removes at most `limit` expired keys. Returns their number. */
export async function sweepKeys(db: Queries, now: Date, limit: number): Promise<number> {
  const gone = await sql`
    DELETE FROM idempotency_keys WHERE key_hash IN (
      SELECT key_hash FROM idempotency_keys WHERE expires_at <= ${now} LIMIT ${limit} FOR UPDATE SKIP LOCKED)`.execute(
    db,
  );
  return Number(gone.numAffectedRows ?? 0n);
}
