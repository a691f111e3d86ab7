import { hostname } from 'node:os';
import { sql } from 'kysely';
import type { Queries } from './connections.ts';

/** Beginning of the `application_name` of every connection to PostgreSQL, and the whole name in earlier releases. */
const prefix = 'arsia';

/** The `application_name` of this process: `arsia 17@host`. */
export const sessionName = `${prefix} ${process.pid}@${hostname()}`;

/**
 * Returns the session names of the other processes of Arsia that are connected to this database. Does not see those whose
 * DATABASE_URL sets another `application_name`; behind a connection pooler it may list some that have ended.
 */
export async function listOtherProcesses(db: Queries): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`SELECT DISTINCT application_name AS name FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, ${prefix})
      AND application_name <> current_setting('application_name')
    ORDER BY name`.execute(db);
  return rows.map(({ name }) => name);
}
