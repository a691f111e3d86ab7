import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { errorCode } from '../core/thrown.ts';
import type { Database, Queries } from './connections.ts';
import { openDatabase } from './database.ts';
import { unavailable } from './failures.ts';
import { buildOnlineIndexes, splitOnlineIndexes } from './onlineindexes.ts';
import { auditColumns } from './tables/audit.ts';

/** `migrations/` is beside `src/` and beside `dist/`; this file is two folders deep in both. */
const defaultFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Key of the advisory lock that migrators hold. It must be the same in every release. */
const advisoryLock = 4_727_617;
/** Milliseconds between two attempts to get it. */
const lockPause = 100;

export interface MigrateOptions {
  /** The role of the application when another role owns the tables. It is granted only the rights that it needs. */
  grantTo?: string | undefined;
  folder?: string;
  /** Called before and after each migration. */
  onProgress?: ((progress: MigrationProgress) => void) | undefined;
}

export interface MigrationProgress {
  name: string;
  state: 'started' | 'applied';
}

interface Migration {
  name: string;
  checksum: string;
  text: string;
}

/**
 * Migrates the database to the schema of this release: applies each file of `migrations/` in order, in one transaction with
 * its row in `migrations`, after the indexes that it builds `CONCURRENTLY` (onlineindexes.ts). Returns the names of the applied files. It can be interrupted, repeated and run concurrently.
 *
 * `target` is a database whose role owns the tables, or its URL. Throws an Error with one line when the database has a
 * migration that this release does not have, or one with another text; throws `unavailable` when the role may not migrate.
 */
export async function migrate(target: Database | string, options: MigrateOptions = {}): Promise<string[]> {
  if (typeof target !== 'string') return await migrateDatabase(target, options);
  const database = await openDatabase({ url: target, poolSize: 1, isPatient: true });
  try {
    return await migrateDatabase(database, options);
  } finally {
    await database.close();
  }
}

/** Returns the migrations of this release that the database does not have. Changes nothing, and throws what `migrate` throws. */
export async function pendingMigrations(database: Database): Promise<string[]> {
  return (await pendingOf(database.query, readMigrations(defaultFolder))).map(({ name }) => name);
}

async function migrateDatabase(database: Database, options: MigrateOptions): Promise<string[]> {
  const migrations = readMigrations(options.folder ?? defaultFolder);
  // The check without a lock lets a role without ownership pass when all migrations are applied.
  const isPending = (await pendingOf(database.query, migrations)).length > 0;
  if (!isPending && options.grantTo === undefined) return [];
  return await withLock(database, async (session) => {
    const applied: string[] = [];
    for (;;) {
      const name = await applyNext(session, migrations, options).catch(explainWait);
      if (name === undefined) break;
      applied.push(name);
      options.onProgress?.({ name, state: 'applied' });
    }
    if (options.grantTo !== undefined) await grant(session, options.grantTo);
    return applied;
  });
}

/**
 * Runs `work` on one connection that holds the lock of migrators. The lock is polled for: a statement that waits for it would
 * keep a snapshot, and a build of an index `CONCURRENTLY` waits for the end of each snapshot.
 */
async function withLock<Result>(database: Database, work: (session: Queries) => Promise<Result>): Promise<Result> {
  return await database.query.connection().execute(async (session) => {
    const lock = sql<{ is_locked: boolean }>`SELECT pg_try_advisory_lock(${sql.lit(advisoryLock)}) AS is_locked`;
    while ((await lock.execute(session)).rows[0]?.is_locked !== true) await sleep(lockPause);
    try {
      return await work(session);
    } finally {
      // A connection that was lost has lost the lock too.
      await sql`SELECT pg_advisory_unlock(${sql.lit(advisoryLock)})`.execute(session).catch(() => {});
    }
  });
}

const insufficientPrivilege = '42501';

/**
 * A replica that starts before the migration of its release must wait, not ready, and must not end or serve (threats.md N61).
 */
function explainWait(error: unknown): never {
  if (errorCode(error) !== insufficientPrivilege) throw error;
  throw unavailable(
    'The database is not yet migrated to this release, and the role of DATABASE_URL may not migrate it. Run `arsia server migrate` with ARSIA_MIGRATION_DATABASE_URL set to the URL of the role that owns the tables.',
    error,
  );
}

async function applyNext(
  session: Queries,
  migrations: Migration[],
  { onProgress }: MigrateOptions,
): Promise<string | undefined> {
  const [migration] = await pendingOf(session, migrations);
  if (migration === undefined) return undefined;
  const { name, checksum, text } = migration;
  onProgress?.({ name, state: 'started' });
  const { indexes, rest } = splitOnlineIndexes(text);
  await buildOnlineIndexes(session, indexes);
  return await session
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (tx) => {
      // A migration has no timeout. The wait for a table lock has one, because every request queues behind a waiting ALTER TABLE.
      await sql`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'`.execute(tx);
      await sql`CREATE TABLE IF NOT EXISTS migrations (
        name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL)`.execute(tx);
      await sql.raw(rest).execute(tx);
      await tx.insertInto('migrations').values({ name, checksum, applied_at: sql<Date>`now()` }).execute();
      return name;
    });
}

async function pendingOf(queries: Queries, migrations: Migration[]): Promise<Migration[]> {
  const applied = new Map((await appliedRows(queries)).map((row) => [row.name, row.checksum]));
  for (const [name, checksum] of applied) {
    const known = migrations.find((migration) => migration.name === name);
    if (known === undefined)
      throw new Error(
        `The database has the migration ${name}, which this release of Arsia does not have. Run the release that applied it, or a newer one.`,
      );
    if (known.checksum !== checksum)
      throw new Error(
        `The migration ${name} was applied to the database with another text than in this release. Run the release that applied it. An applied migration must not be edited.`,
      );
  }
  return migrations.filter((migration) => !applied.has(migration.name));
}

async function appliedRows(queries: Queries): Promise<{ name: string; checksum: string }[]> {
  // Not to_regclass, which reads a cache that can be older than the wait for the lock.
  const { rows } = await sql<{ exists: boolean }>`SELECT EXISTS (
    SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'migrations') AS exists`.execute(queries);
  if (rows[0]?.exists !== true) return [];
  return await queries.selectFrom('migrations').select(['name', 'checksum']).orderBy('name').execute();
}

function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_\w+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    });
}

/** Tables on which the role of the application gets less than SELECT, INSERT, UPDATE and DELETE. */
const lesserGrants: Readonly<Record<string, string>> = {
  // An attacker with the application's password cannot change recorded events (threats.md N63).
  audit_events: `SELECT, INSERT (${auditColumns})`,
  audit_checkpoints: 'SELECT, INSERT',
  // If the secret of the audit keys were deleted, no event could be verified any more.
  shared_secrets: 'SELECT, INSERT',
  migrations: 'SELECT',
  // Without its issuer, an installation would take the next one that a server names.
  installation_facts: 'SELECT, INSERT, UPDATE',
};

async function grant(session: Queries, role: string): Promise<void> {
  const { rows } = await sql<{ schema: string; name: string; is_owner: boolean }>`
    SELECT schemaname AS schema, tablename AS name, current_user = ${role} AS is_owner
    FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`.execute(session);
  if (rows[0] === undefined || rows[0].is_owner) return;
  const to = sql.id(role);
  await session.transaction().execute(async (tx) => {
    await sql`GRANT USAGE ON SCHEMA ${sql.id(rows[0]!.schema)} TO ${to}`.execute(tx);
    for (const { schema, name } of rows) {
      const rights = sql.raw(lesserGrants[name] ?? 'SELECT, INSERT, UPDATE, DELETE');
      await sql`REVOKE ALL ON ${sql.id(schema, name)} FROM ${to}`.execute(tx);
      await sql`GRANT ${rights} ON ${sql.id(schema, name)} TO ${to}`.execute(tx);
    }
  });
}
