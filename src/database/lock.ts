import { type BigIntStats, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorCode } from '../core/thrown.ts';
import { LockLost } from './failures.ts';

export interface FolderLock {
  /**
   * Throws LockLost when another process may have opened the folder: from then on this one must write nothing more there.
   * To be called before each write.
   */
  verify(): void;
  release(): void;
}

/**
 * Holds a folder for this process. PGlite has no lock of its own, and a second process that opens its files destroys them
 * (threats.md M5). The lock is the operating system's (fcntl, by way of SQLite, since Node offers none): the kernel drops it
 * with the process, kill -9 included, so no stale lock exists, no pid is compared that may be somebody else's by now, and
 * two containers on one volume exclude each other. `lock.pid` beside it only says who holds it; nothing is decided by it.
 *
 * The lock is on a file, and files can be deleted (threats.md N84). So the file is made together with the folder's
 * contents alone: where `contents` exist without it, nobody opens them. The holder looks before each write whether the
 * file is still the one that it locked. It makes a deleted file again, since nobody can have opened the contents without
 * it. A file in its place that another process made is a LockLost.
 *
 * The lock file must not be opened in this process by anything but SQLite: closing any descriptor of a file drops all
 * fcntl locks that the process has on it.
 *
 * Throws an Error with one line that names the holder and says what to do.
 */
export function lockFolder(folder: string, contents: readonly string[]): FolderLock {
  const file = join(folder, 'lock');
  const holder = join(folder, 'lock.pid');
  // The order matters: the lock file is made before the contents.
  const content = contents.map((name) => join(folder, name)).find((path) => existsSync(path));
  const before = identityOf(file);
  if (before === undefined && content !== undefined) throw new Error(unlocked(folder, content, file, holder));
  let held = take(file, () => new Error(heldBy(folder, holder)));
  if (before !== undefined && !isSame(before, held.identity)) {
    held.release();
    throw new Error(`The lock file ${file} was replaced while it was opened: start again.`);
  }
  writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 });
  let isLost = false;
  return {
    verify() {
      const found = identityOf(file);
      if (!isLost && found !== undefined && isSame(found, held.identity)) return;
      const renewed = isLost || found !== undefined ? undefined : takeAgain(file);
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

/** Locks the file, which is made where none is; throws what `refusal` returns when another process has it locked. */
function take(file: string, refusal: () => Error) {
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

/** Returns undefined when that fails, for whatever reason. */
function takeAgain(file: string) {
  try {
    return take(file, () => new LockLost(file));
  } catch {
    return undefined;
  }
}

type Identity = Pick<BigIntStats, 'dev' | 'ino'>;

function identityOf(file: string): Identity | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false });
}

/** Compares inodes. While a file is open no other file gets its inode, even after it was deleted. */
function isSame(left: Identity, right: Identity): boolean {
  return left.dev === right.dev && left.ino === right.ino;
}

const sqliteBusy = 5;

function isHeld(error: unknown): boolean {
  return errorCode(error) === 'ERR_SQLITE_ERROR' && (error as { errcode?: number }).errcode === sqliteBusy;
}

function heldBy(folder: string, holder: string): string {
  const pid = readPid(holder);
  const who = pid === undefined ? 'Another process' : `Process ${pid}`;
  return `${who} holds the embedded database in ${folder}, and only one may: stop it, set ARSIA_DATA to another folder, or set DATABASE_URL to share a PostgreSQL.`;
}

function unlocked(folder: string, content: string, file: string, holder: string): string {
  const pid = readPid(holder);
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return `The lock file ${file} was deleted, and ${who} may still have ${content} open: stop every arsia that uses ${folder}, then run \`touch ${file}\` and start again.`;
}

function readPid(holder: string): string | undefined {
  try {
    return readFileSync(holder, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
