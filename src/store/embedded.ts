import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite, type Results } from '@electric-sql/pglite';
import type { PostgresQueryResult } from 'kysely';
import { within } from './breaker.ts';
import type { Connection, Connections } from './database.ts';
import { unavailable } from './failures.ts';
import { type FolderLock, lockFolder } from './lock.ts';

const int8 = 20;

export interface EmbeddedOptions {
  /** Without a folder the database lives in memory. */
  folder?: string;
  /** A dump (`dumpDataDir`) to start a new database from, instead of three seconds of initdb. */
  template?: Blob;
}

/** PGlite, PostgreSQL in this process, as a pool of one connection. */
export async function openEmbedded({ folder, template }: EmbeddedOptions): Promise<Connections> {
  const lock = folder === undefined ? undefined : takeFolder(folder);
  try {
    if (folder !== undefined) await makeWhole(folder, template);
    const pglite = await openFiles(
      folder === undefined ? undefined : join(folder, 'pgdata'),
      folder ? undefined : template,
    );
    return poolOfOne(pglite, lock);
  } catch (error) {
    lock?.release();
    throw error;
  }
}

function takeFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return lockFolder(folder);
}

/** A database that was killed while it was made would never open: it is made aside and renamed when it is whole. */
async function makeWhole(folder: string, template: Blob | undefined): Promise<void> {
  const files = join(folder, 'pgdata');
  if (existsSync(files)) return;
  const unfinished = join(folder, 'pgdata.new');
  rmSync(unfinished, { recursive: true, force: true });
  await (await openFiles(unfinished, template)).close();
  renameSync(unfinished, files);
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
      // Whoever gave up passes the turn on when it comes.
      await within(before, patience, turn.resolve).finally(() => waiting--);
      return connectionTo(pglite, turn.resolve);
    },
    async end() {
      await tail;
      if (!pglite.closed) await pglite.close();
      lock?.release();
    },
  };
}

function connectionTo(pglite: PGlite, release: () => void): Connection {
  const run = async <Row>(text: string, values: readonly unknown[]) => {
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
