import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite, type Results } from '@electric-sql/pglite';
import type { PostgresQueryResult } from 'kysely';
import { makePrivate, refuseSharedFolder } from '../files/privatefolders.ts';
import { limitWait } from './breaker.ts';
import type { Connection, Connections } from './connections.ts';
import { LockLost, unavailable } from './failures.ts';
import { type FolderLock, lockFolder } from './lock.ts';

const int8 = 20;

export interface EmbeddedOptions {
  /** Without a folder the database is in memory. */
  folder?: string;
  /** A dump (`dumpDataDir`) from which a new database is created, which saves the three seconds of initdb. */
  template?: Blob;
  /** Called at every statement once another process may have opened the folder. The process must end. */
  onLockLost?: ((error: Error) => void) | undefined;
}

/** Folders beside the lock file: the database, and a database that is being created. */
const files = 'pgdata';
const unfinished = 'pgdata.new';

/** Returns whether a folder has an embedded database. */
export function hasEmbeddedDatabase(folder: string): boolean {
  return existsSync(join(folder, files));
}

/**
 * Opens PGlite, PostgreSQL in this process, as a pool of one connection. Throws an Error when another process has the folder.
 */
export async function openEmbedded({ folder, template, onLockLost = () => {} }: EmbeddedOptions): Promise<Connections> {
  const lock = folder === undefined ? undefined : takeFolder(folder);
  try {
    if (folder !== undefined) await createIfMissing(folder, template);
    const pglite = await openFiles(
      folder === undefined ? undefined : join(folder, files),
      folder ? undefined : template,
    );
    // After all files exist: PGlite creates the files of a new database with write permission for all users, despite the umask.
    if (folder !== undefined) makeOwnPrivate(folder);
    return createSingleConnectionPool(pglite, lock && reportLoss(lock, onLockLost));
  } catch (error) {
    lock?.release();
    throw error;
  }
}

function takeFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  refuseSharedFolder(folder);
  return lockFolder(folder, [files, unfinished]);
}

/** Changes the modes of the folder and of Arsia's own files in it. Other files stay as they are: the folder may be shared. */
function makeOwnPrivate(folder: string): void {
  chmodSync(folder, 0o700);
  const own = [files, 'lock', 'lock-journal', 'lock.pid'].map((name) => join(folder, name));
  for (const path of own) if (existsSync(path)) makePrivate(path);
}

/** Creates the database under another name and renames it when it is complete. A partly created database would not open. */
async function createIfMissing(folder: string, template: Blob | undefined): Promise<void> {
  const complete = join(folder, files);
  if (existsSync(complete)) return;
  const draft = join(folder, unfinished);
  rmSync(draft, { recursive: true, force: true });
  await (await openFiles(draft, template)).close();
  renameSync(draft, complete);
}

function reportLoss(lock: FolderLock, onLost: (error: Error) => void): FolderLock {
  return {
    ...lock,
    verify() {
      try {
        lock.verify();
      } catch (error) {
        if (error instanceof LockLost) onLost(error);
        throw error;
      }
    },
  };
}

function openFiles(dataDir: string | undefined, template: Blob | undefined): Promise<PGlite> {
  return PGlite.create({
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(template === undefined ? {} : { loadDataDir: template }),
    parsers: { [int8]: Number },
  });
}

/** Milliseconds that a caller waits for the session. */
const patience = 15_000;
/** Maximum number of callers that wait for the session. */
const maximumWaiting = 2_000;

/** Creates a pool that admits one caller at a time: PGlite has one session, and a transaction belongs to the session. */
export function createSingleConnectionPool(pglite: PGlite, lock: FolderLock | undefined): Connections {
  // Each caller waits for the caller before it; `tail` resolves when the last one releases the session.
  let tail: Promise<void> = Promise.resolve();
  let waiting = 0;
  return {
    kind: 'embedded',
    async connect() {
      if (waiting >= maximumWaiting) throw unavailable('Too many requests are waiting for the database.');
      const before = tail;
      const released = Promise.withResolvers<void>();
      tail = released.promise;
      waiting++;
      // A caller that timed out releases the session as soon as it gets it.
      await limitWait(before, patience, released.resolve).finally(() => waiting--);
      return createConnection(pglite, lock, released.resolve);
    },
    async end() {
      await tail;
      // Closing writes to the folder too.
      if (!pglite.closed && isHeld(lock)) await pglite.close();
      lock?.release();
    },
  };
}

function isHeld(lock: FolderLock | undefined): boolean {
  try {
    lock?.verify();
    return true;
  } catch {
    return false;
  }
}

function createConnection(pglite: PGlite, lock: FolderLock | undefined, release: () => void): Connection {
  const run = async <Row>(text: string, values: readonly unknown[]) => {
    // Before every statement, including COMMIT. The check takes 5 µs.
    lock?.verify();
    // Only the simple query protocol accepts several statements in one text, as migrations have them.
    const results = values.length > 0 ? await pglite.query(text, [...values]) : await pglite.exec(text);
    return convertResults<Row>(Array.isArray(results) ? results.at(-1) : results);
  };
  return { query: run, prepared: (_name, text, values) => run(text, values), release };
}

function convertResults<Row>(results: Results<unknown> | undefined): PostgresQueryResult<Row> {
  return {
    command: (results?.command ?? 'SELECT') as PostgresQueryResult<Row>['command'],
    rowCount: results?.rowCount ?? results?.affectedRows ?? 0,
    rows: (results?.rows ?? []) as Row[],
  };
}
