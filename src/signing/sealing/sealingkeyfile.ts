import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { constants, type FileHandle, link, mkdir, open, realpath, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../core/thrown.ts';
import { refuseSharedFolder } from '../../files/privatefolders.ts';
import type { KeyEncryptionKey } from './sealing.ts';

const keyBytes = 32;
const textPattern = /^[A-Za-z0-9+/]{43}=$/;
const howToMake = 'Make one with `head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE`.';

/** A fault of the key file. The message is one line that names the file and the remedy. */
class SealingKeyFileError extends Error {
  override readonly name = 'SealingKeyFileError';
}

/**
 * Reads the key-encryption key from a local file: 32 bytes as base64, not readable by others (`findAccessFault`). The key stays
 * in memory: a file that is removed later prevents the next start, but does not stop the running replica. Throws an Error that
 * names the file and the remedy.
 */
export async function readSealingKeyFile(path: string): Promise<KeyEncryptionKey> {
  const text = await readPrivateText(path);
  if (text === '') throw new SealingKeyFileError(`The sealing key file ${path} is empty. Restore it from its backup.`);
  if (!textPattern.test(text))
    throw new SealingKeyFileError(
      `The sealing key file ${path} does not hold ${keyBytes} bytes as base64 (44 characters, the last \`=\`): it is truncated or not a key. Restore it from its backup.`,
    );
  return fileKey(Buffer.from(text, 'base64'));
}

/**
 * Creates the key file where none exists, atomically and at most once among concurrent processes. Returns whether this call
 * created it. Creates parent directories with mode 0700.
 */
export async function makeSealingKeyFile(path: string): Promise<boolean> {
  const folder = dirname(path);
  const draft = join(folder, `.sealing-${randomBytes(8).toString('hex')}.tmp`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    refuseShared(folder);
    await writeDraft(draft);
    const isMade = await linkOnce(draft, path);
    if (isMade) await syncFolder(folder);
    return isMade;
  } catch (cause) {
    if (cause instanceof SealingKeyFileError) throw cause;
    throw new SealingKeyFileError(`The sealing key file ${path} cannot be created: ${explainFileError(cause)}.`, {
      cause,
    });
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

/**
 * Refuses a folder in which others can replace the file: they could choose the key. A sticky bit prevents that, and
 * orchestrators mount secrets in such folders.
 */
function refuseShared(folder: string): void {
  try {
    refuseSharedFolder(folder, { stickySuffices: true });
  } catch (cause) {
    throw new SealingKeyFileError((cause as Error).message, { cause });
  }
}

async function writeDraft(draft: string): Promise<void> {
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(keyBytes).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Links the draft to the path. Unlike a rename, a link never replaces a key that another process has created meanwhile. */
async function linkOnce(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return false;
    throw thrown;
  }
}

/** Reads mode and content from one open file, so that the file cannot be replaced between the two reads. */
async function readPrivateText(path: string): Promise<string> {
  try {
    const file = await openWithoutBlocking(path);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new SealingKeyFileError(`The sealing key file ${path} is not a file. ${howToMake}`);
      const fault = findAccessFault(stat, readOwnIds(stat));
      if (fault !== undefined) throw new SealingKeyFileError(`The sealing key file ${path} ${fault(path)}`);
      for (const folder of new Set([dirname(path), dirname(await realpath(path))])) refuseShared(folder);
      if (stat.size > 1024)
        throw new SealingKeyFileError(`The sealing key file ${path} is larger than a key. ${howToMake}`);
      return (await file.readFile('latin1')).trim();
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof SealingKeyFileError) throw thrown;
    const advice = errorCode(thrown) === 'ENOENT' ? `Mount it there, or restore it from its backup. ${howToMake}` : '';
    throw new SealingKeyFileError(
      `The sealing key file ${path} cannot be read: ${explainFileError(thrown)}. ${advice}`.trim(),
      {
        cause: thrown,
      },
    );
  }
}

/** The user of this process, and every group that it is a member of. */
export interface ProcessIds {
  user: number;
  groups: readonly number[];
}

function readOwnIds(file: Pick<Stats, 'uid'>): ProcessIds {
  return {
    // Windows has neither ids nor modes.
    user: process.geteuid?.() ?? file.uid,
    groups: [process.getegid?.() ?? [], process.getgroups?.() ?? []].flat(),
  };
}

/**
 * Returns why a key file is open to too many, as the end of a message about the path; undefined when it is not. Allowed:
 * - 0600 or less, of the user of the process or of root;
 * - 0640 or less, of root, as PostgreSQL takes its key: root chose the group, and systemd credentials have a mask there;
 * - 0440, through a group of the process, as Kubernetes mounts a Secret with `fsGroup`.
 */
export function findAccessFault(
  { mode, uid, gid }: Pick<Stats, 'mode' | 'uid' | 'gid'>,
  { user, groups }: ProcessIds,
): ((path: string) => string) | undefined {
  if (uid !== user && uid !== 0)
    return (path) => `belongs to user id ${uid}, but Arsia runs as ${user}. Run \`chown ${user} ${path}\`.`;
  const shown = `has mode 0${(mode & 0o777).toString(8)}`;
  if ((mode & 0o007) !== 0)
    return (path) =>
      `${shown}: users other than its owner may open it. Run \`chmod ${uid === user ? 600 : 640} ${path}\`.`;
  if ((mode & 0o030) !== 0) return (path) => `${shown}: its group may change it. Run \`chmod 600 ${path}\`.`;
  const isOpenToGroup = (mode & 0o040) !== 0;
  if (!isOpenToGroup || uid === 0 || ((mode & 0o200) === 0 && groups.includes(gid))) return undefined;
  return (path) =>
    `${shown}: users other than its owner may open it. Run \`chmod 600 ${path}\`; for a file of root 0640 is allowed, and 0440 for a group of the user that Arsia runs as.`;
}

/** Returns a key that uses AES key wrap (RFC 3394), which needs no nonce that could repeat over billions of secrets. */
function fileKey(key: Buffer): KeyEncryptionKey {
  const initialValue = Buffer.alloc(8, 0xa6);
  return {
    id: `file-${createHash('sha256').update('arsia sealing key').update(key).digest('hex').slice(0, 16)}`,
    async wrap(dataKey) {
      const cipher = createCipheriv('id-aes256-wrap', key, initialValue);
      return Buffer.concat([cipher.update(dataKey), cipher.final()]);
    },
    async unwrap(wrapped) {
      const decipher = createDecipheriv('id-aes256-wrap', key, initialValue);
      return Buffer.concat([decipher.update(wrapped), decipher.final()]);
    },
  };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'this user lacks the permission',
  EEXIST: 'a part of its path is not a directory',
  ENOTDIR: 'a part of its path is not a directory',
  EISDIR: 'it is a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

/** Opens a file for reading. Without O_NONBLOCK, opening a named pipe without a writer would block the start forever. */
export function openWithoutBlocking(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** Returns the reason of a file system error in words. */
export function explainFileError(thrown: unknown): string {
  const code = errorCode(thrown) ?? 'unknown';
  return reasons[code] ?? code;
}
