import { beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { Database } from '../../../src/database/connections.ts';
import { deleteTree } from '../../../src/store/namespaces/moves.ts';
import { freshDatabase } from '../../support/databases.ts';
import { assign, insertIdentity, insertOrganization } from '../organization.ts';

/** Rows of other organisations in each table that a deletion looks at. */
const many = 10_000;

describe('deletions on PostgreSQL', () => {
  let database: Database;

  beforeAll(async () => {
    const fresh = await freshDatabase('postgres');
    database = fresh.database;
    const other = await insertOrganization(database);
    const identity = await insertIdentity(database, other, other.lab, 'sim');
    const at = `timestamptz '2026-01-01'`;
    const rows = (table: string, columns: string, values: string) =>
      sql.raw(`INSERT INTO ${table} (${columns}) SELECT ${values} FROM generate_series(1, ${many}) AS n`);
    const space = `'${other.root}', ${at}`;
    for (const statement of [
      rows(
        'jobs',
        'id, organization_id, created_at, workspace_id, launcher_id, started_by, stage, labels, token_hash, deadline',
        `'job_' || n, ${space}, '${other.workspace}', '${other.launcher}', 'x', 'run', '{}', int8send(n), ${at}`,
      ),
      rows(
        'memberships',
        'id, organization_id, created_at, namespace_id, principal_id, role',
        `'mem_' || n, ${space}, '${other.lab}', 'usr_' || n, 'viewer'`,
      ),
      rows(
        'use_grants',
        'id, organization_id, created_at, identity_id, principal_id',
        `'grt_' || n, ${space}, '${identity}', 'usr_' || n`,
      ),
      rows(
        'assignments',
        'id, organization_id, created_at, workspace_id, identity_id, type, principal_id',
        `'asg_' || n, ${space}, '${other.workspace}', '${identity}', 'aws', 'usr_' || n`,
      ),
      rows(
        'namespaces',
        'id, organization_id, created_at, kind, parent_id, name, path, lineage',
        `'ws_' || n, ${space}, 'workspace', '${other.lab}', 'w' || n, '${other.name}/w' || n,
          ARRAY['${other.root}', 'grp_' || n / 50, 'ws_' || n]`,
      ),
      rows(
        'managed_identities',
        'id, organization_id, created_at, group_id, name, type, settings, subject_scope, delivery, token_lifetime',
        `'mi_' || n, ${space}, '${other.lab}', 'i' || n, 'aws', '{}', 'workspace', 'token', 600`,
      ),
      rows(
        'service_accounts',
        'id, organization_id, created_at, group_id, name',
        `'sa_' || n, ${space}, '${other.lab}', 's' || n`,
      ),
      rows(
        'may_act',
        'id, organization_id, created_at, service_account_id, namespace_id, users, stages, labels',
        `'act_' || n, ${space}, '${other.launcher}', '${other.lab}', '{*}', '{*}', '{}'`,
      ),
      rows(
        'identity_aliases',
        'id, organization_id, created_at, identity_id, group_id, name',
        `'als_' || n, ${space}, '${identity}', 'ws_' || n, 'i'`,
      ),
    ])
      await statement.execute(database.query);
    const analyzing = await fresh.another({ url: fresh.adminUrl });
    await sql`ANALYZE`.execute(analyzing.query);
  }, 90_000);

  test('F26 of a tree with service accounts and jobs scan no table', async () => {
    const acme = await insertOrganization(database);
    const identity = await insertIdentity(database, acme, acme.lab, 'sim');
    await assign(database, acme, identity, '', acme.launcher);
    const read = await database.transaction(async (tx) => {
      expect(await deleteTree(tx, acme.lab)).toMatchObject({
        jobs: 1,
        choices: 1,
        'managed identities': 1,
        'service accounts': 1,
        'groups and workspaces': 2,
      });
      const { rows } = await sql<{ relname: string; seq_tup_read: number }>`
        SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE seq_tup_read >= ${many}`.execute(tx);
      return rows;
    });
    expect(read).toEqual([]);
  });

  test('F26 find an index on every foreign key, but those to users, who are never deleted', async () => {
    const { rows } = await sql<{ key: string }>`
      SELECT key.conrelid::regclass || '.' || (
        SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = key.conrelid AND attnum = ANY (key.conkey)) AS key
      FROM pg_constraint AS key
      WHERE key.contype = 'f' AND key.confrelid <> 'users'::regclass AND NOT EXISTS (
        SELECT FROM pg_index WHERE indrelid = key.conrelid
          AND (indkey::int2[])[0:cardinality(key.conkey) - 1] @> key.conkey)
      ORDER BY 1`.execute(database.query);
    expect(rows.map(({ key }) => key)).toEqual([]);
  });
});
