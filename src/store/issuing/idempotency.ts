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

/** The answer that is kept under a key. Not for transactions: there it would see what was committed at their start. */
export async function findAnswer(db: Queries, key_hash: Uint8Array, now: Date): Promise<KeptAnswer | undefined> {
  return await db
    .selectFrom('idempotency_keys')
    .select(['content_hash', 'answer'])
    .where('key_hash', '=', key_hash as never)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}

/** Until the transaction ends nobody else answers under this key; false when somebody does already. */
export async function lockKey(tx: Queries, key_hash: Uint8Array): Promise<boolean> {
  const number = Buffer.from(key_hash).readBigInt64BE().toString();
  const { rows } = await sql<{ is_ours: boolean }>`
    SELECT pg_try_advisory_xact_lock(${number}::bigint) AS is_ours`.execute(tx);
  return rows[0]!.is_ours;
}

/** Takes a key that nobody has used in its time; returns the place of its row, undefined when it was used. */
export async function takeKey(tx: Queries, row: KeyRow, now: Date): Promise<string | undefined> {
  // No SELECT before it and no look by key after it: in a SERIALIZABLE transaction these lock the whole page of the index,
  // and all creates at once would fail on each other's keys.
  const { rows } = await sql<{ place: string }>`
    INSERT INTO idempotency_keys AS kept (key_hash, organization_id, content_hash, answer, expires_at)
    VALUES (${row.key_hash}, ${row.organization_id}, ${row.content_hash}, '{}', ${row.expires_at})
    ON CONFLICT (key_hash) DO UPDATE
      SET content_hash = excluded.content_hash, answer = excluded.answer, expires_at = excluded.expires_at
      WHERE kept.expires_at <= ${now}
    RETURNING ctid::text AS place`.execute(tx);
  return rows[0]?.place;
}

/** Keeps the answer of a key that this transaction took. */
export async function keepAnswer(tx: Queries, place: string, answer: Record<string, unknown>): Promise<void> {
  await sql`
    UPDATE idempotency_keys SET answer = ${JSON.stringify(answer)}::jsonb WHERE ctid = ${place}::tid`.execute(tx);
}

/** Removes keys whose time is over, `limit` at most; returns how many. */
export async function sweepKeys(db: Queries, now: Date, limit: number): Promise<number> {
  const gone = await sql`
    DELETE FROM idempotency_keys WHERE key_hash IN (
      SELECT key_hash FROM idempotency_keys WHERE expires_at <= ${now} LIMIT ${limit} FOR UPDATE SKIP LOCKED)`.execute(
    db,
  );
  return Number(gone.numAffectedRows ?? 0n);
}
