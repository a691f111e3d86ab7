import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { constants, type FileHandle, link, mkdir, open, realpath, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../core/thrown.ts';
import { refuseSharedFolder } from '../../files/privatefolders.ts';
import type { KeyEncryptionKey } from './sealing.ts';

const keyBytes = 32;
const textPattern = /^[A-Za-z0-9+/]{43}=$/;
const howToMake = 'Make one with `head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE`.';

/** What is wrong with the key file, in one line that names the file and what to do. */
class SealingKeyFileError extends Error {
  override readonly name = 'SealingKeyFileError';
}

/**
 * The key-encryption key in a local file: 32 bytes as base64, readable by its owner alone. Held in memory from then on: a file
 * that goes away at run time stops the next start, not the running replica.
 */
export async function readSealingKeyFile(path: string): Promise<KeyEncryptionKey> {
  const text = await readPrivateText(path);
  if (text === '') throw new SealingKeyFileError(`The sealing key file ${path} is empty. Restore it from its backup.`);
  if (!textPattern.test(text))
    throw new SealingKeyFileError(
      `The sealing key file ${path} does not hold ${keyBytes} bytes as base64 (44 characters, the last \`=\`): it is truncated or something else. Restore it from its backup.`,
    );
  return fileKey(Buffer.from(text, 'base64'));
}

/**
 * Makes the key file where none is, at most once however many processes try, and with its full content or not at all.
 * True when this call made it. Parent directories are made with mode 0700.
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
    throw new SealingKeyFileError(`The sealing key file ${path} cannot be made: ${reasonOf(cause)}.`, { cause });
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

/** A link, unlike a rename, never replaces a key that another process has made in the meantime. */
async function linkOnce(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return false;
    throw thrown;
  }
}

/** Mode and content are read from one open file, so that neither can be exchanged between the two looks. */
async function readPrivateText(path: string): Promise<string> {
  try {
    const file = await openAtOnce(path);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new SealingKeyFileError(`The sealing key file ${path} is not a file. ${howToMake}`);
      if ((stat.mode & 0o077) !== 0)
        throw new SealingKeyFileError(
          `The sealing key file ${path} has mode 0${(stat.mode & 0o777).toString(8)}: others than its owner may open it. Run \`chmod 600 ${path}\`.`,
        );
      const user = process.getuid?.() ?? stat.uid;
      if (stat.uid !== user && stat.uid !== 0)
        throw new SealingKeyFileError(
          `The sealing key file ${path} belongs to the user with the id ${stat.uid}, and Arsia runs as ${user}. Run \`chown ${user} ${path}\`.`,
        );
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
      `The sealing key file ${path} cannot be read: ${reasonOf(thrown)}. ${advice}`.trim(),
      {
        cause: thrown,
      },
    );
  }
}

/** AES key wrap (RFC 3394): made for wrapping keys, and without a nonce that could repeat over billions of secrets. */
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
  EEXIST: 'a part of its path is no directory',
  ENOTDIR: 'a part of its path is no directory',
  EISDIR: 'it is a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

/** For reading. Without O_NONBLOCK a named pipe that nobody writes to would hold up the start for ever. */
export function openAtOnce(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** Why the file system refused, in words. */
export function reasonOf(thrown: unknown): string {
  const code = errorCode(thrown) ?? 'unknown';
  return reasons[code] ?? code;
}
