import { sql } from 'kysely';
import type { Queries } from './connections.ts';

interface OnlineIndex {
  name: string;
  text: string;
}

const statement = /^CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+)\s+ON [^;]+;/gm;

/**
 * Splits the text of a migration into the indexes that are built while requests write to their tables, and the rest, which
 * runs in one transaction after them. PostgreSQL builds no index `CONCURRENTLY` in a transaction.
 */
export function splitOnlineIndexes(text: string): { indexes: OnlineIndex[]; rest: string } {
  const indexes = [...text.matchAll(statement)].map(([found, name]) => ({ name: name!, text: found }));
  return { indexes, rest: text.replaceAll(statement, '') };
}

/**
 * Builds the indexes that are missing. `session` is one connection outside a transaction, which holds the lock of migrators:
 * an index that another migrator is building is invalid too.
 */
export async function buildOnlineIndexes(session: Queries, indexes: OnlineIndex[]): Promise<void> {
  if (indexes.length === 0) return;
  // The build waits for transactions that are older than itself. Nobody waits for it, so that it may take its time.
  await sql`SET statement_timeout = 0`.execute(session);
  await sql`SET lock_timeout = 0`.execute(session);
  for (const { name, text } of indexes) {
    if (await isInvalid(session, name)) await sql`DROP INDEX CONCURRENTLY ${sql.id(name)}`.execute(session);
    await sql.raw(text).execute(session);
  }
  await sql`RESET statement_timeout`.execute(session);
  await sql`RESET lock_timeout`.execute(session);
}

/** Returns whether a build of the index was interrupted. What it left is never used, and `IF NOT EXISTS` would keep it. */
async function isInvalid(session: Queries, name: string): Promise<boolean> {
  const { rows } = await sql<{ is_invalid: boolean }>`
    SELECT NOT indisvalid AS is_invalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relname = ${name} AND relnamespace = current_schema()::regnamespace`.execute(session);
  return rows[0]?.is_invalid === true;
}
