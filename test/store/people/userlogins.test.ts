import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { Database } from '../../../src/database/connections.ts';
import { createDatabase, openDatabase } from '../../../src/database/database.ts';
import { openEmbedded } from '../../../src/database/embedded.ts';
import { migrate } from '../../../src/database/migrate.ts';
import { listSignInUsers } from '../../../src/store/people/useridentities.ts';
import { findUser } from '../../../src/store/people/users.ts';
import { databaseKinds, freshPostgresDatabase } from '../../support/databases.ts';

const migrations = new URL('../../../migrations/', import.meta.url);

describe.each(databaseKinds)('users from before migration 0014: %s', (kind) => {
  let database: Database;
  let folder: string;
  let drop: () => Promise<unknown> = async () => {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'arsia-before-'));
    if (kind === 'embedded') database = createDatabase(await openEmbedded({}));
    else {
      const fresh = await freshPostgresDatabase(false);
      drop = fresh.drop;
      database = await openDatabase({ url: fresh.ownerUrl });
    }
    for (const name of await readdir(migrations))
      if (name < '0014') await copyFile(new URL(name, migrations), join(folder, name));
  }, 90_000);

  afterAll(async () => {
    await database.close();
    await drop();
    await rm(folder, { recursive: true, force: true });
  });

  const user = (id: string, organization: string | null, login: string) =>
    sql`INSERT INTO users (id, organization_id, login, created_at) VALUES (${id}, ${organization}, ${login}, now())`.execute(
      database.query,
    );
  const tie = (id: string) =>
    sql`INSERT INTO user_identities (iss, sub, user_id, created_at, signed_in_at)
      VALUES ('https://login.example.com', '1', ${id}, now(), now())`.execute(database.query);

  test('N69 N75 keep their sign-in, and the person and login may be added in another organisation', async () => {
    await migrate(database, { folder });
    for (const id of ['evil', 'acme'])
      await sql`INSERT INTO namespaces (id, kind, organization_id, name, path, lineage, created_at)
        VALUES (${id}, 'group', ${id}, ${id}, ${id}, ARRAY[${id}], now())`.execute(database.query);
    await user('first', 'evil', 'ada');
    await user('root', null, 'root');
    await tie('first');
    await migrate(database);
    const known = () => listSignInUsers(database.query, 'https://login.example.com', '1');
    expect(await known()).toMatchObject([{ id: 'first', organization: 'evil' }]);
    await user('second', 'acme', 'ada');
    await tie('second');
    expect(await known()).toMatchObject([{ organization: 'evil' }, { organization: 'acme' }]);
    await user('third', null, 'ada');
    for (const [organization, id] of [
      ['evil', 'first'],
      ['acme', 'second'],
      [null, 'third'],
    ] as const) {
      expect(await findUser(database.query, organization, 'ada')).toMatchObject({ id });
      await expect(user('more', organization, 'ada')).rejects.toThrow(/users_login/);
    }
    await expect(tie('second')).rejects.toThrow(/user_identities_pkey/);
  }, 60_000);
});
