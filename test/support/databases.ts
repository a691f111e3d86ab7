import { randomBytes } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from '@jest/globals';
import type { Database } from '../../src/database/connections.ts';
import { createDatabase, type DatabaseOptions, openDatabase } from '../../src/database/database.ts';
import { openEmbedded } from '../../src/database/embedded.ts';
import { execute } from './postgres.ts';
import { testRoles, urlFor } from './roles.ts';
import { rounds } from './rounds.ts';

/** For `describe.each`: every test of the store runs on both databases. */
export const databaseKinds = ['embedded', 'postgres'] as const;
export type DatabaseKind = (typeof databaseKinds)[number];

/** For suites above the store, whose tests check that both databases behave alike: PostgreSQL, and both in the long run. */
export const servedKinds: readonly DatabaseKind[] = rounds(0, 1) === 1 ? databaseKinds : ['postgres'];

/** A migrated, empty database of one test file or test. It is dropped when the file ends. */
export interface TestDatabase {
  database: Database;
  /** PostgreSQL only: the URLs of the application's role, the owner and the superuser. */
  url?: string;
  ownerUrl?: string;
  adminUrl?: string;
  /** Returns another pool on the same database, as of another replica. The embedded database returns itself. */
  another(options?: DatabaseOptions): Promise<Database>;
}

const cleanUps: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
}, 30_000);

/** Creates a database as a copy of a migrated template. The first call of a run waits for the server or template. */
export async function freshDatabase(kind: DatabaseKind, options: DatabaseOptions = {}): Promise<TestDatabase> {
  return kind === 'embedded' ? await freshEmbedded() : await freshPostgres(options);
}

/** Returns the path of the dump of a migrated embedded database. */
export async function embeddedTemplate(): Promise<string> {
  return await ready('embedded');
}

async function freshEmbedded(): Promise<TestDatabase> {
  const template = await openAsBlob(await embeddedTemplate());
  const database = createDatabase(await openEmbedded({ template }));
  cleanUps.push(() => database.close());
  return { database, another: async () => database };
}

async function freshPostgres(options: DatabaseOptions): Promise<TestDatabase> {
  const { adminUrl, drop } = await freshPostgresDatabase(true);
  const name = new URL(adminUrl).pathname.slice(1);
  cleanUps.push(drop);
  const url = urlFor(adminUrl, name, testRoles.application);
  const another = async (more: DatabaseOptions = {}) => {
    const database = await openDatabase({ url, ...more });
    cleanUps.push(() => database.close());
    return database;
  };
  return {
    database: await another(options),
    url,
    ownerUrl: urlFor(adminUrl, name, testRoles.owner),
    adminUrl,
    another,
  };
}

/** Creates a database on the test server that the role of the owner owns: migrated, or empty. */
export async function freshPostgresDatabase(isMigrated: boolean): Promise<{
  adminUrl: string;
  ownerUrl: string;
  drop(): Promise<unknown>;
}> {
  const { admin, template } = JSON.parse(await readFile(await ready('postgres'), 'utf8'));
  const name = `arsia_test_${randomBytes(6).toString('hex')}`;
  await execute(
    admin,
    `CREATE DATABASE ${name} OWNER ${testRoles.owner} TEMPLATE ${isMigrated ? template : 'template0'}`,
  );
  const drop = () => execute(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  return { adminUrl: urlFor(admin, name), ownerUrl: urlFor(admin, name, testRoles.owner), drop };
}

/** Requests a database of this kind from servers.ts and waits until it exists. */
async function ready(kind: DatabaseKind): Promise<string> {
  const folder = process.env.ARSIA_TEST_FOLDER;
  if (folder === undefined) throw new Error('ARSIA_TEST_FOLDER is not set: jest did not run test/support/setup.ts');
  const path = join(folder, `ready-${kind}`);
  if (await exists(path)) return path;
  await writeFile(join(folder, `wanted-${kind}`), '');
  const failed = join(folder, `failed-${kind}`);
  for (let tries = 0; tries < 3000; tries++) {
    if (await exists(path)) return path;
    if (await exists(failed)) throw new Error(`The test database did not start:\n${await readFile(failed, 'utf8')}`);
    await sleep(20);
  }
  throw new Error(`The test database (${kind}) did not start within a minute.`);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
