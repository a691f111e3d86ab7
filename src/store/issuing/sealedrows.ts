import { sql } from 'kysely';
import type { Database } from '../../database/connections.ts';

/** Every table with a column that a sealing key seals. */
const sealedTables = ['signing_keys', 'shared_secrets', 'oidc_artifacts'] as const;

/** Returns whether the database has a row that only its sealing key opens. It may have no tables yet. */
export async function hasSealedRows({ query }: Pick<Database, 'query'>): Promise<boolean> {
  const { rows } = await sql<{ name: string }>`SELECT tablename AS name FROM pg_tables
    WHERE schemaname = current_schema() AND tablename IN (${sql.join(sealedTables)})`.execute(query);
  for (const { name } of rows) {
    const first = await sql`SELECT 1 FROM ${sql.table(name)} LIMIT 1`.execute(query);
    if (first.rows.length > 0) return true;
  }
  return false;
}
