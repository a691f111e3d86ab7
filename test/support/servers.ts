import { access, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { createDatabase } from '../../src/database/database.ts';
import { createSingleConnectionPool } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';
import { execute, type PostgresServer, startPostgres } from './postgres.ts';
import { testRoles, urlFor } from './roles.ts';

/**
 * The process that creates the test databases. Test files request one by a file `wanted-*` and wait for `ready-*`, so that
 * runs of pure tests start no database, and the first file that needs one starts it while others run. The process ends with
 * its parent.
 */
const folder = process.argv[2]!;
/** The server is thrown away after the run, and no test lets the machine fail: a killed process loses nothing without fsync. */
const fastSettings = ['fsync=off', 'full_page_writes=off', 'wal_level=minimal', 'max_wal_senders=0'];
let postgres: PostgresServer | undefined;
let cleanUp: () => Promise<unknown> = async () => {};

process.on('disconnect', () => void end());
process.on('SIGINT', () => void end());
process.on('SIGTERM', () => void end());

await Promise.all([provide('embedded', makeTemplate), provide('postgres', makeServer)]);

async function end(): Promise<never> {
  await (postgres?.remove() ?? cleanUp().catch(() => {}));
  await rm(folder, { recursive: true, force: true });
  process.exit(0);
}

async function provide(kind: string, make: () => Promise<string | Buffer>): Promise<void> {
  while (!(await exists(join(folder, `wanted-${kind}`)))) await sleep(20);
  try {
    await publish(`ready-${kind}`, await make());
  } catch (error) {
    await publish(`failed-${kind}`, String(error instanceof Error ? error.stack : error));
  }
}

/** Creates the dump of a migrated embedded database. It opens in a third of a second; a new one takes three seconds. */
async function makeTemplate(): Promise<Buffer> {
  const pglite = await PGlite.create();
  await migrate(createDatabase(createSingleConnectionPool(pglite, undefined)));
  const dump = await pglite.dumpDataDir('none');
  await pglite.close();
  return Buffer.from(await dump.arrayBuffer());
}

/** Starts a server with the two roles of production and a migrated template database. */
async function makeServer(): Promise<string> {
  const given = process.env.ARSIA_TEST_DATABASE_URL;
  if (given === undefined) postgres = await startPostgres(fastSettings);
  const admin = given ?? postgres!.socketUrl('postgres');
  for (const role of Object.values(testRoles)) await execute(admin, createRole(role));
  const template = `arsia_test_template_${process.pid}`;
  await execute(admin, `CREATE DATABASE ${template} OWNER ${testRoles.owner}`);
  cleanUp = () => execute(admin, `DROP DATABASE IF EXISTS ${template}`);
  await migrate(urlFor(admin, template, testRoles.owner), { grantTo: testRoles.application });
  return JSON.stringify({ admin, template });
}

function createRole(role: string): string {
  return `DO $$ BEGIN CREATE ROLE ${role} LOGIN PASSWORD '${role}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`;
}

async function publish(name: string, content: string | Buffer): Promise<void> {
  await writeFile(join(folder, `${name}.new`), content);
  await rename(join(folder, `${name}.new`), join(folder, name));
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
