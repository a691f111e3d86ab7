import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { codeOf } from './failures.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Holds a folder for this process. PGlite has no lock of its own, and a second process that opens its files destroys them
 * (threats.md M5). The lock is the operating system's (fcntl, by way of SQLite, since Node offers none): the kernel drops it
 * with the process, kill -9 included, so no stale lock exists, no pid is compared that may be somebody else's by now, and
 * two containers on one volume exclude each other. `lock.pid` beside it only says who holds it; nothing is decided by it.
 *
 * Throws an Error with one line that names the holder and says what to do.
 */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, 'lock');
  const holder = join(folder, 'lock.pid');
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw isHeld(error) ? new Error(heldBy(folder, holder)) : error;
  }
  writeFileSync(holder, `${process.pid}\n`);
  return {
    release() {
      if (!lock.isOpen) return;
      rmSync(holder, { force: true });
      lock.close();
    },
  };
}

const sqliteBusy = 5;

function isHeld(error: unknown): boolean {
  return codeOf(error) === 'ERR_SQLITE_ERROR' && (error as { errcode?: number }).errcode === sqliteBusy;
}

function heldBy(folder: string, holder: string): string {
  const pid = readPid(holder);
  const who = pid === undefined ? 'Another process' : `Process ${pid}`;
  return `${who} holds the embedded database in ${folder}, and only one may: stop it, set ARSIA_DATA to another folder, or set DATABASE_URL to share a PostgreSQL.`;
}

function readPid(holder: string): string | undefined {
  try {
    return readFileSync(holder, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
