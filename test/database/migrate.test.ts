import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { Database } from '../../src/database/connections.ts';
import { createDatabase, openDatabase } from '../../src/database/database.ts';
import { openEmbedded } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';
import { makeHome, startArsia } from '../support/arsia.ts';
import { request } from '../support/client.ts';
import { databaseKinds, freshDatabase, freshPostgresDatabase } from '../support/databases.ts';
import { execute } from '../support/postgres.ts';
import { testRoles, urlFor } from '../support/roles.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arsia-migrations-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const write = (name: string, text: string) => writeFile(join(folder, name), text);

describe.each(databaseKinds)('migrations: %s', (kind) => {
  let database: Database;
  let drop: () => Promise<unknown> = async () => {};

  beforeAll(async () => {
    if (kind === 'embedded') {
      database = createDatabase(await openEmbedded({}));
    } else {
      const fresh = await freshPostgresDatabase(false);
      drop = fresh.drop;
      database = await openDatabase({ url: fresh.ownerUrl });
    }
  }, 90_000);

  afterEach(async () => {
    await sql`DROP SCHEMA public CASCADE; CREATE SCHEMA public`.execute(database.query);
  });

  afterAll(async () => {
    await database.close();
    await drop();
  });

  const tables = async () => {
    const { rows } = await sql<{ name: string }>`
      SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`.execute(database.query);
    return rows.map((row) => row.name);
  };

  test('bring an empty database to the schema of this release, and change nothing the second time', async () => {
    const names = (await readdir(new URL('../../migrations', import.meta.url))).filter((name) => name.endsWith('.sql'));
    expect(await migrate(database)).toEqual(names.sort());
    expect(await tables()).toEqual(expect.arrayContaining(['audit_events', 'jobs', 'migrations', 'signing_keys']));
    expect(await migrate(database)).toEqual([]);
  });

  test('N74: 0019 gives the identities their audiences and frees the claims that none uses', async () => {
    const all = new URL('../../migrations/', import.meta.url);
    const names = (await readdir(all)).filter((name) => name.endsWith('.sql')).sort();
    for (const name of names.filter((name) => name < '0019')) await cp(new URL(name, all), join(folder, name));
    await migrate(database, { folder });
    await sql`
      INSERT INTO namespaces (id, kind, organization_id, name, path, lineage, created_at)
        SELECT id, 'group', id, id, id, ARRAY[id], now() FROM unnest(ARRAY['grp_a', 'grp_b']) AS id;
      INSERT INTO audiences (audience, organization_id)
        VALUES ('https://used.example', 'grp_a'), ('https://left.example', 'grp_a'), ('https://other.example', 'grp_b');
      INSERT INTO managed_identities (id, organization_id, group_id, name, type, settings, subject_scope, delivery, token_lifetime, created_at)
        SELECT name, 'grp_a', 'grp_a', name, type, jsonb_build_object('audience', audience), 'identity', 'token', 600, now()
        FROM (VALUES ('one', 'oidc', 'https://used.example'), ('two', 'kubernetes', 'https://used.example'),
          ('aws', 'aws', 'https://left.example'), ('stranger', 'oidc', 'https://other.example')) AS v (name, type, audience)
    `.execute(database.query);
    for (const name of names.filter((name) => name.startsWith('0019')))
      await cp(new URL(name, all), join(folder, name));
    expect(await migrate(database, { folder })).toEqual(['0019_audiences.sql']);
    const identities = await sql`SELECT name, audience FROM managed_identities ORDER BY name`.execute(database.query);
    expect(identities.rows).toEqual([
      { name: 'aws', audience: null },
      { name: 'one', audience: 'https://used.example' },
      { name: 'stranger', audience: null },
      { name: 'two', audience: 'https://used.example' },
    ]);
    const claims = await sql`SELECT audience, freed_at IS NULL AS held FROM audiences ORDER BY 1`.execute(
      database.query,
    );
    expect(claims.rows).toEqual([
      { audience: 'https://left.example', held: false },
      { audience: 'https://other.example', held: false },
      { audience: 'https://used.example', held: true },
    ]);
  });

  test('run in the order of their numbers, and only those that are missing', async () => {
    await write('0002_second.sql', 'ALTER TABLE a ADD COLUMN b text; INSERT INTO a VALUES (1, $$;$$);');
    await write('0001_first.sql', 'CREATE TABLE a (id integer);');
    await write('README.md', 'not a migration');
    expect(await migrate(database, { folder })).toEqual(['0001_first.sql', '0002_second.sql']);
    await write('0003_third.sql', 'DROP TABLE a; CREATE TABLE c (id integer);');
    expect(await migrate(database, { folder })).toEqual(['0003_third.sql']);
    expect(await tables()).toEqual(['c', 'migrations']);
  });

  test('that fail leave no change, and run once they are corrected', async () => {
    await write('0001_first.sql', 'CREATE TABLE a (id integer);');
    await write('0002_second.sql', 'CREATE TABLE b (id integer); SELECT nonsense;');
    await expect(migrate(database, { folder })).rejects.toMatchObject({ code: '42703' });
    expect(await tables()).toEqual(['a', 'migrations']);
    await write('0002_second.sql', 'CREATE TABLE b (id integer);');
    expect(await migrate(database, { folder })).toEqual(['0002_second.sql']);
  });

  test('N61: of a newer release are refused by an older one with one line', async () => {
    await write('0001_first.sql', 'CREATE TABLE a (id integer);');
    await write('0002_newer.sql', 'CREATE TABLE b (id integer);');
    await migrate(database, { folder });
    await rm(join(folder, '0002_newer.sql'));
    const line = 'The database has the migration 0002_newer.sql, which this release of Arsia does not have. Run';
    await expect(migrate(database, { folder })).rejects.toThrow(line);
  });

  test('whose text was edited after they ran are refused with one line', async () => {
    await write('0001_first.sql', 'CREATE TABLE a (id integer);');
    await migrate(database, { folder });
    await write('0001_first.sql', 'CREATE TABLE a (id bigint);');
    const line = 'The migration 0001_first.sql was applied to the database with another text than in this release. Run';
    await expect(migrate(database, { folder })).rejects.toThrow(line);
  });
});

describe('migrations on PostgreSQL', () => {
  let fresh: Awaited<ReturnType<typeof freshPostgresDatabase>>;

  beforeEach(async () => {
    fresh = await freshPostgresDatabase(false);
  }, 90_000);

  afterEach(async () => {
    await fresh.drop();
  });

  test('run once when four processes start them together', async () => {
    for (const name of ['0001_a.sql', '0002_b.sql', '0003_c.sql'])
      await write(name, `CREATE TABLE ${name.slice(5, 6)} (id integer); SELECT pg_sleep(0.05);`);
    const runs = Array.from({ length: 4 }, () => migrate(fresh.ownerUrl, { folder, grantTo: testRoles.application }));
    expect((await Promise.all(runs)).flat().sort()).toEqual(['0001_a.sql', '0002_b.sql', '0003_c.sql']);
  });

  test('that are interrupted leave no change, and run again', async () => {
    await write('0001_slow.sql', 'CREATE TABLE a (id integer); SELECT pg_sleep(60);');
    const running = migrate(fresh.ownerUrl, { folder }).catch((error) => error);
    for (let killed = 0; killed === 0; await sleep(10)) {
      const { rowCount } = await execute(
        fresh.adminUrl,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`,
      );
      killed = rowCount ?? 0;
    }
    expect(await running).toMatchObject({ code: 'unavailable' });
    await write('0001_slow.sql', 'CREATE TABLE a (id integer);');
    expect(await migrate(fresh.ownerUrl, { folder })).toEqual(['0001_slow.sql']);
  });

  test('build an index CONCURRENTLY while others write to its table, and again where a build was interrupted', async () => {
    await write('0001_first.sql', 'CREATE TABLE a (id integer); INSERT INTO a VALUES (1);');
    await migrate(fresh.ownerUrl, { folder });
    await write(
      '0002_index.sql',
      'CREATE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id);\nALTER TABLE a ADD COLUMN b text;',
    );
    // The build waits for the transaction that holds a lock on the table.
    const writer = await openDatabase({ url: fresh.ownerUrl });
    const [written, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const writing = writer.transaction(async (tx) => {
      await sql`INSERT INTO a VALUES (2)`.execute(tx);
      written.resolve();
      await released.promise;
    });
    await written.promise;
    const [one, two] = [migrate(fresh.ownerUrl, { folder }), migrate(fresh.ownerUrl, { folder })];
    const interrupted = Promise.allSettled([one, two]);
    const isBuilding = async () =>
      (await execute(fresh.adminUrl, `SELECT FROM pg_index WHERE indexrelid = to_regclass('a_id') AND NOT indisvalid`))
        .rowCount === 1;
    while (!(await isBuilding())) await sleep(10);
    await execute(fresh.ownerUrl, 'INSERT INTO a VALUES (3)');
    await execute(
      fresh.adminUrl,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX%'`,
    );
    await sleep(500);
    released.resolve();
    await writing;
    const done = (await interrupted).map((result) =>
      result.status === 'fulfilled' ? result.value : result.reason.code,
    );
    expect(done).toEqual(expect.arrayContaining(['unavailable', ['0002_index.sql']]));
    expect(await isBuilding()).toBe(false);
    expect((await execute(fresh.ownerUrl, 'SELECT id, b FROM a ORDER BY id')).rows.map(({ id }) => id)).toEqual([
      1, 2, 3,
    ]);
    await writer.close();
  }, 30_000);

  test('may take longer than the limit of a statement', async () => {
    await write('0001_slow.sql', "SELECT current_setting('statement_timeout') AS s INTO TABLE seen;");
    await migrate(fresh.ownerUrl, { folder });
    expect((await execute(fresh.adminUrl, 'SELECT s FROM seen')).rows).toEqual([{ s: '0' }]);
  });

  test('N61: tell a role that may not migrate to wait, and pass where nothing is to do', async () => {
    const url = urlFor(fresh.ownerUrl, new URL(fresh.ownerUrl).pathname.slice(1), testRoles.application);
    await expect(migrate(url)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('Run `arsia server migrate`'),
    });
    await migrate(fresh.ownerUrl, { grantTo: testRoles.application });
    expect(await migrate(url)).toEqual([]);
  });
});

describe('the migrations of this release', () => {
  test('from 0034 on build an index on a table of an earlier one CONCURRENTLY', async () => {
    const all = new URL('../../migrations/', import.meta.url);
    const names = (await readdir(all)).filter((name) => name >= '0034' && name.endsWith('.sql'));
    const texts = await Promise.all(names.map(async (name) => await readFile(new URL(name, all), 'utf8')));
    const blocking = texts.flatMap((text) =>
      [...text.matchAll(/CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY IF NOT EXISTS)\w+\s+ON (\w+)/g)]
        .filter(([, table]) => !text.includes(`CREATE TABLE ${table} `))
        .map(([found]) => found),
    );
    expect(names.length).toBeGreaterThan(0);
    expect(blocking).toEqual([]);
  });
});

describe('a replica of a newer release', () => {
  test('N61: is not ready and says why until the database is migrated', async () => {
    const home = await makeHome('postgres');
    const { ARSIA_MIGRATION_DATABASE_URL: _, ...settings } = home.settings;
    // What the release before left: all but the last migration.
    const undo = 'DROP TABLE authority_changes; DROP FUNCTION note_authority_change CASCADE;';
    await execute(home.urls!.owner, `${undo} DELETE FROM migrations WHERE name = '0010_authority_changes.sql'`);
    const { origin, logged } = await startArsia({ home: { ...home, settings } });
    const ready = () => request(`${origin}/readyz`);
    const reason = expect.stringMatching(/not yet migrated to this release.+arsia server migrate/);
    expect(await ready()).toMatchObject({ status: 503, body: { status: 'not ready', reason } });
    expect((await request(`${origin}/healthz`)).status).toBe(200);
    expect(logged()).toMatch(/not yet migrated to this release/);
    await migrate(home.urls!.owner, { grantTo: testRoles.application });
    while ((await ready()).status !== 200) await sleep(50);
  }, 60_000);
});

describe('the rights of the application on PostgreSQL', () => {
  let application: Database;
  let ownerUrl: string;
  const refused = (statement: string) =>
    // The words of PostgreSQL's own rights: the trigger, which has the same SQLSTATE, is only the second wall.
    expect(sql.raw(statement).execute(application.query)).rejects.toThrow(/permission denied|must be owner/);

  beforeAll(async () => {
    const fresh = await freshDatabase('postgres');
    application = fresh.database;
    ownerUrl = fresh.ownerUrl!;
  }, 90_000);

  test('N63: allow it to read and add audit events, not to change, remove or truncate them', async () => {
    await refused("UPDATE audit_events SET outcome = 'success'");
    await refused('DELETE FROM audit_events');
    await refused('TRUNCATE audit_events');
    await refused('ALTER TABLE audit_events DISABLE TRIGGER ALL');
    await refused('DROP TRIGGER audit_events_append_only ON audit_events');
    await refused("SET session_replication_role = 'replica'");
    await sql`SELECT * FROM audit_events`.execute(application.query);
  });

  test('N63: allow it to add shared secrets, not to remove them', async () => {
    await sql`INSERT INTO shared_secrets (name, sealed) VALUES ('kept', '') ON CONFLICT (name) DO NOTHING`.execute(
      application.query,
    );
    await refused("DELETE FROM shared_secrets WHERE name = 'kept'");
    await refused("UPDATE shared_secrets SET sealed = '' WHERE name = 'kept'");
    await refused('TRUNCATE shared_secrets');
  });

  test('allow it to set and change the issuer, not to forget it', async () => {
    await sql`INSERT INTO installation_facts (name, value) VALUES ('issuer', 'https://arsia.example.com')`.execute(
      application.query,
    );
    await sql`UPDATE installation_facts SET value = 'https://id.example.com'`.execute(application.query);
    await refused('DELETE FROM installation_facts');
    await refused('TRUNCATE installation_facts');
  });

  test('allow no DDL, and no change of the applied migrations', async () => {
    await refused('CREATE TABLE extra (id integer)');
    await refused('ALTER TABLE users ADD COLUMN extra text');
    await refused('DROP TABLE users');
    await refused('DELETE FROM migrations');
    await refused("UPDATE migrations SET checksum = ''");
  });

  test('allow it to read and change everything else', async () => {
    const { rows } = await sql<{ name: string; rights: boolean }>`
      SELECT tablename AS name, has_table_privilege(tablename, 'SELECT')
        AND has_table_privilege(tablename, 'INSERT') AND has_table_privilege(tablename, 'UPDATE')
        AND has_table_privilege(tablename, 'DELETE') AS rights
      FROM pg_tables WHERE schemaname = 'public'`.execute(application.query);
    const lesser = rows.filter((row) => !row.rights).map((row) => row.name);
    expect(lesser.sort()).toEqual([
      'audit_checkpoints',
      'audit_events',
      'installation_facts',
      'migrations',
      'shared_secrets',
    ]);
  });

  test('N63: are reduced to these by the next migration', async () => {
    await execute(ownerUrl, `GRANT ALL ON audit_events TO ${testRoles.application}`);
    await migrate(ownerUrl, { grantTo: testRoles.application });
    await refused('TRUNCATE audit_events');
    await refused('DELETE FROM audit_events');
  });
});
