import { type BigIntStats, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorCode } from '../core/thrown.ts';
import { LockLost } from './failures.ts';

export interface FolderLock {
  /**
   * Throws LockLost when another process may have opened the folder; this process must then not write to it any more. Callers
   * call it before each write.
   */
  verify(): void;
  release(): void;
}

/**
 * Locks a folder for this process. PGlite has no lock, and a second process that opens its files destroys them (threats.md
 * M5). The lock is an fcntl lock of the operating system, taken through SQLite because Node has no API for it. The kernel
 * releases it when the process ends, also after kill -9: there are no stale locks, no pid is compared that may belong to
 * another process by now, and two containers on one volume exclude each other. `lock.pid` is for messages only.
 *
 * The lock is on a file, and a file can be deleted (threats.md N84). The file is therefore created only before the contents:
 * `contents` without the file are refused. The holder checks before each write that the file is still the one that it locked.
 * It creates a deleted file again, because no process can have opened the contents without it. If another process has created
 * a file in its place, the lock is lost.
 *
 * Only SQLite may open the lock file in this process: closing any descriptor of a file releases all fcntl locks that the
 * process has on it.
 *
 * Throws an Error with one line that names the holder and the remedy.
 */
export function lockFolder(folder: string, contents: readonly string[]): FolderLock {
  const file = join(folder, 'lock');
  const holder = join(folder, 'lock.pid');
  // The order matters: the lock file is created before the contents.
  const content = contents.map((name) => join(folder, name)).find((path) => existsSync(path));
  const before = identityOf(file);
  if (before === undefined && content !== undefined) throw new Error(explainMissingLock(folder, content, file, holder));
  let held = lockFile(file, () => new Error(explainHolder(folder, holder)));
  if (before !== undefined && !isSame(before, held.identity)) {
    held.release();
    throw new Error(
      `The lock file ${file} was replaced while this process opened it. Another arsia may be starting: check, and start again.`,
    );
  }
  writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 });
  let isLost = false;
  return {
    verify() {
      const found = identityOf(file);
      if (!isLost && found !== undefined && isSame(found, held.identity)) return;
      const renewed = isLost || found !== undefined ? undefined : tryLockFile(file);
      isLost = renewed === undefined;
      if (renewed === undefined) throw new LockLost(file);
      held.release();
      held = renewed;
    },
    release() {
      if (!held.isOpen()) return;
      if (!isLost) rmSync(holder, { force: true });
      held.release();
    },
  };
}

/** Locks the file and creates it if it is missing. Throws the error of `refusal` when another process has the lock. */
function lockFile(file: string, refusal: () => Error) {
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    const identity = identityOf(file);
    if (identity === undefined) throw refusal();
    return { identity, isOpen: () => lock.isOpen, release: () => lock.close() };
  } catch (error) {
    lock.close();
    throw isHeld(error) ? refusal() : error;
  }
}

/** Locks the file, or returns undefined when that fails for any reason. */
function tryLockFile(file: string) {
  try {
    return lockFile(file, () => new LockLost(file));
  } catch {
    return undefined;
  }
}

type Identity = Pick<BigIntStats, 'dev' | 'ino'>;

function identityOf(file: string): Identity | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false });
}

/** Compares inodes. While a file is open, no other file gets its inode, even after the file was deleted. */
function isSame(left: Identity, right: Identity): boolean {
  return left.dev === right.dev && left.ino === right.ino;
}

const sqliteBusy = 5;

function isHeld(error: unknown): boolean {
  return errorCode(error) === 'ERR_SQLITE_ERROR' && (error as { errcode?: number }).errcode === sqliteBusy;
}

function explainHolder(folder: string, holder: string): string {
  const pid = readPid(holder);
  const who = pid === undefined ? 'Another process' : `Process ${pid}`;
  return `${who} holds the embedded database in ${folder}, and only one process can open it. Stop that process, set ARSIA_DATA to another folder, or set DATABASE_URL to share a PostgreSQL.`;
}

function explainMissingLock(folder: string, content: string, file: string, holder: string): string {
  const pid = readPid(holder);
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return `The lock file ${file} was deleted, and ${who} may still have ${content} open. Stop every arsia that uses ${folder}, run \`touch ${file}\` and start again.`;
}

function readPid(holder: string): string | undefined {
  try {
    return readFileSync(holder, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
