import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely';
import type { Database } from '../../../src/database/connections.ts';
import type { Tables } from '../../../src/database/tables.ts';
import { createAuditStore } from '../../../src/store/audit/events.ts';

/** A database on which searches of the organisation `grp_hostile` take for ever; says how many of them there are. */
function createSlowDatabase() {
  const searches = { count: 0 };
  const query = async (_text: string, values: unknown[]) => {
    if (!values.includes('grp_hostile')) return { command: 'SELECT', rowCount: 0, rows: [] };
    searches.count++;
    return await new Promise<never>(() => {});
  };
  const pool = { connect: async () => ({ query, release() {} }), options: {} } as unknown as PostgresPool;
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { database: { query: kysely } as Pick<Database, 'query'> as Database, searches };
}

test('F28 searches and exports of one organisation hold one place, so those of others are answered', async () => {
  const { database, searches } = createSlowDatabase();
  const audit = createAuditStore(database, { mac: () => Buffer.alloc(0) });
  const page = { limit: 10 };
  for (let n = 0; n < 10; n++) {
    audit.list({ organization_id: 'grp_hostile', action: 'none' }, page).catch(() => {});
    audit
      .pages({ organization_id: 'grp_hostile', action: 'none' }, 10)
      .next()
      .catch(() => {});
  }
  const others = Array.from({ length: 20 }, () => audit.list({ organization_id: 'grp_other' }, page));
  expect(await Promise.all(others)).toEqual(others.map(() => []));
  expect(searches.count).toBe(1);
});
