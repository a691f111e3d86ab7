import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite, type Results } from '@electric-sql/pglite';
import type { PostgresQueryResult } from 'kysely';
import { makePrivate, refuseSharedFolder } from '../files/privatefolders.ts';
import { within } from './breaker.ts';
import type { Connection, Connections } from './connections.ts';
import { LockLost, unavailable } from './failures.ts';
import { type FolderLock, lockFolder } from './lock.ts';

const int8 = 20;

export interface EmbeddedOptions {
  /** Without a folder the database lives in memory. */
  folder?: string;
  /** A dump (`dumpDataDir`) to start a new database from, instead of three seconds of initdb. */
  template?: Blob;
  /** Called with every statement once another process may have opened the folder: this one must end at once. */
  onLockLost?: ((error: Error) => void) | undefined;
}

/** Files in the folder beside the lock: the database, and one that is being made. */
const files = 'pgdata';
const unfinished = 'pgdata.new';

/** PGlite, PostgreSQL in this process, as a pool of one connection. */
export async function openEmbedded({ folder, template, onLockLost = () => {} }: EmbeddedOptions): Promise<Connections> {
  const lock = folder === undefined ? undefined : takeFolder(folder);
  try {
    if (folder !== undefined) await makeWhole(folder, template);
    const pglite = await openFiles(
      folder === undefined ? undefined : join(folder, files),
      folder ? undefined : template,
    );
    // Now that all of it is there: PGlite makes the files of a new database writable by everybody, whatever the umask.
    if (folder !== undefined) makeOwnPrivate(folder);
    return poolOfOne(pglite, lock && watched(lock, onLockLost));
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

/** The folder and what Arsia has in it, and nothing else: somebody may have named a folder of their own. */
function makeOwnPrivate(folder: string): void {
  chmodSync(folder, 0o700);
  const own = [files, 'lock', 'lock-journal', 'lock.pid'].map((name) => join(folder, name));
  for (const path of own) if (existsSync(path)) makePrivate(path);
}

/** A database that was killed while it was made would never open: it is made aside and renamed when it is whole. */
async function makeWhole(folder: string, template: Blob | undefined): Promise<void> {
  const whole = join(folder, files);
  if (existsSync(whole)) return;
  const draft = join(folder, unfinished);
  rmSync(draft, { recursive: true, force: true });
  await (await openFiles(draft, template)).close();
  renameSync(draft, whole);
}

function watched(lock: FolderLock, onLost: (error: Error) => void): FolderLock {
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

/** Milliseconds that a caller waits for the session, and callers that wait for it, at most. */
const patience = 15_000;
const maximumWaiting = 2_000;

/** One caller at a time: PGlite has one session, and a transaction is the session's. */
export function poolOfOne(pglite: PGlite, lock: FolderLock | undefined): Connections {
  // The tail of the queue: each holder waits for the one before it.
  let tail: Promise<void> = Promise.resolve();
  let waiting = 0;
  return {
    kind: 'embedded',
    async connect() {
      if (waiting >= maximumWaiting) throw unavailable('Too many requests wait for the database.');
      const before = tail;
      const turn = Promise.withResolvers<void>();
      tail = turn.promise;
      waiting++;
      // A caller that gave up passes its turn on when it comes.
      await within(before, patience, turn.resolve).finally(() => waiting--);
      return connectionTo(pglite, lock, turn.resolve);
    },
    async end() {
      await tail;
      // Closing writes as well.
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

function connectionTo(pglite: PGlite, lock: FolderLock | undefined, release: () => void): Connection {
  const run = async <Row>(text: string, values: readonly unknown[]) => {
    // Before every statement, a COMMIT among them. A look costs 5 µs.
    lock?.verify();
    // Only the simple protocol takes several statements at once, as migrations have them.
    const results = values.length > 0 ? await pglite.query(text, [...values]) : await pglite.exec(text);
    return asResult<Row>(Array.isArray(results) ? results.at(-1) : results);
  };
  return { query: run, prepared: (_name, text, values) => run(text, values), release };
}

function asResult<Row>(results: Results<unknown> | undefined): PostgresQueryResult<Row> {
  return {
    command: (results?.command ?? 'SELECT') as PostgresQueryResult<Row>['command'],
    rowCount: results?.rowCount ?? results?.affectedRows ?? 0,
    rows: (results?.rows ?? []) as Row[],
  };
}
