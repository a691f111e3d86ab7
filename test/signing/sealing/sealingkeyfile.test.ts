import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createSealer } from '../../../src/signing/sealing/sealing.ts';
import {
  findAccessFault,
  makeSealingKeyFile,
  readSealingKeyFile,
} from '../../../src/signing/sealing/sealingkeyfile.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arsia-sealing-'));
  path = join(folder, 'sealing.key');
});
afterEach(() => rm(folder, { recursive: true }));

const context = { table: 't', row: 'r', purpose: 'p' };

describe('the folder of the sealing key', () => {
  test.each(['777', '770', '702'])('N73: is refused with mode 0%s', async (mode) => {
    await makeSealingKeyFile(path);
    await chmod(folder, Number.parseInt(mode, 8));
    await expect(readSealingKeyFile(path)).rejects.toThrow(`The folder ${folder} has mode 0${mode}: `);
    const link = join(await mkdtemp(join(tmpdir(), 'arsia-sealing-')), 'link');
    await symlink(path, link);
    await expect(readSealingKeyFile(link)).rejects.toThrow(`The folder ${folder} has mode 0${mode}: `);
    await rm(dirname(link), { recursive: true });
  });

  test('N73: may be open to others with the sticky bit, as secrets are mounted', async () => {
    await makeSealingKeyFile(path);
    await chmod(folder, 0o1777);
    await readSealingKeyFile(path);
  });

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot('N73: a key of another user is refused with the command', async () => {
    await makeSealingKeyFile(path);
    await chown(path, 65_534, 65_534);
    await expect(readSealingKeyFile(path)).rejects.toThrow(`Run \`chown 0 ${path}\``);
  });
});

describe('who may open the sealing key', () => {
  const root = 0;
  const arsia = { user: 1000, groups: [1000, 2000] };
  const own = 1000;

  test.each<[string, number, number, number]>([
    ['0600 of its own user', 0o600, own, 1000],
    ['0400 of its own user', 0o400, own, 1000],
    ['0400 of root', 0o400, root, root],
    ['0640 of root, as PostgreSQL takes its key', 0o640, root, 2000],
    ['0440 of root through a group of the process, as Kubernetes mounts a Secret with fsGroup', 0o440, root, 2000],
    ['0440 of its own user through a group of the process', 0o440, own, 2000],
  ])('F19 N73 allows %s', (_, mode, uid, gid) => {
    expect(findAccessFault({ mode: 0o100_000 | mode, uid, gid }, arsia)).toBe(undefined);
  });

  test.each<[string, number, number, number, RegExp]>([
    ['0644 of root', 0o644, root, root, /^has mode 0644: .*Run `chmod 640 KEY`\.$/],
    ['0444 of root, as Docker Swarm mounts secrets', 0o444, root, root, /^has mode 0444: users other than its owner/],
    ['0604 of its own user', 0o604, own, 1000, /^has mode 0604: .*Run `chmod 600 KEY`\.$/],
    ['0601 of its own user', 0o601, own, 1000, /^has mode 0601: users other than its owner/],
    ['0660 of root', 0o660, root, 2000, /^has mode 0660: its group may change it\. Run `chmod 600 KEY`/],
    ['0620 of its own user', 0o620, own, 1000, /^has mode 0620: its group may change it/],
    ['0640 of its own user', 0o640, own, 1000, /^has mode 0640: users other than its owner.*Run `chmod 600 KEY`/],
    [
      '0440 of its own user through a group that is not of the process',
      0o440,
      own,
      3000,
      /^has mode 0440: users other/,
    ],
    [
      '0400 of another user',
      0o400,
      1001,
      1000,
      /^belongs to user id 1001, but Arsia runs as 1000\. Run `chown 1000 KEY`/,
    ],
    ['0440 of another user', 0o440, 1001, 2000, /^belongs to user id 1001/],
  ])('F19 N73 refuses %s, with the command that corrects it', (_, mode, uid, gid, fault) => {
    expect(findAccessFault({ mode: 0o100_000 | mode, uid, gid }, arsia)!('KEY')).toMatch(fault);
  });

  test('F19 reads a file of mode 0440, in a folder and behind links as Kubernetes mounts a Secret', async () => {
    const version = join(folder, '..2026_11_29');
    await mkdir(version);
    await makeSealingKeyFile(join(version, 'sealing.key'));
    await chmod(join(version, 'sealing.key'), 0o440);
    await chmod(version, 0o2755);
    await symlink('..2026_11_29', join(folder, '..data'));
    await symlink('..data/sealing.key', path);
    await chmod(folder, 0o3777);
    expect((await readSealingKeyFile(path)).id).toMatch(/^file-/);
  });
});

describe('making the sealing key', () => {
  test('writes 32 bytes as base64, for the owner only, and no other file', async () => {
    expect(await makeSealingKeyFile(path)).toBe(true);
    expect(await readFile(path, 'utf8')).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['sealing.key']);
  });

  test('makes folders for the owner only', async () => {
    const deep = join(folder, 'a', 'b', 'sealing.key');
    await makeSealingKeyFile(deep);
    expect((await stat(join(folder, 'a', 'b'))).mode & 0o777).toBe(0o700);
    await readSealingKeyFile(deep);
  });

  test('keeps an existing key, even a damaged one', async () => {
    await writeFile(path, 'damaged');
    expect(await makeSealingKeyFile(path)).toBe(false);
    expect(await readFile(path, 'utf8')).toBe('damaged');
    expect(await readdir(folder)).toEqual(['sealing.key']);
  });

  test('makes one key when 20 start at once, which all read', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const isMade = await makeSealingKeyFile(path);
        return { isMade, id: (await readSealingKeyFile(path)).id };
      }),
    );
    expect(made.filter((one) => one.isMade)).toHaveLength(1);
    expect(new Set(made.map((one) => one.id)).size).toBe(1);
  });

  test.each(['777', '770', '702'])('N73: refuses a folder with mode 0%s, with the command', async (mode) => {
    await chmod(folder, Number.parseInt(mode, 8));
    await expect(makeSealingKeyFile(path)).rejects.toThrow(
      `The folder ${folder} has mode 0${mode}: users other than its owner can replace its files. Run \`chmod 700 ${folder}\``,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  test('reports why it cannot', async () => {
    await writeFile(path, '');
    await expect(makeSealingKeyFile(join(path, 'sealing.key'))).rejects.toThrow(
      /cannot be created: a part of its path is/,
    );
    await rm(path);
    await expect(makeSealingKeyFile(join(folder, 'x'.repeat(300)))).rejects.toThrow(/cannot be created: ENAMETOOLONG/);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('reading the sealing key', () => {
  test('gives the same key for the same file, and another for another', async () => {
    const other = join(folder, 'other.key');
    await makeSealingKeyFile(path);
    await makeSealingKeyFile(other);
    const sealed = await createSealer(await readSealingKeyFile(path)).seal(Buffer.from('x'), context);
    const again = createSealer(await readSealingKeyFile(path));
    expect(Buffer.from(await again.open(sealed, context)).toString()).toBe('x');
    await expect(createSealer(await readSealingKeyFile(other)).open(sealed, context)).rejects.toThrow(
      /is sealed under/,
    );
    expect((await readSealingKeyFile(path)).id).not.toBe((await readSealingKeyFile(other)).id);
  });

  test('follows a symbolic link, as Kubernetes mounts secrets', async () => {
    await makeSealingKeyFile(path);
    await symlink(path, join(folder, 'link'));
    expect((await readSealingKeyFile(join(folder, 'link'))).id).toBe((await readSealingKeyFile(path)).id);
  });

  const good = Buffer.alloc(32, 7).toString('base64');
  test.each<[string, string, number, RegExp]>([
    ['readable by everyone', good, 0o604, /has mode 0604/],
    ['writable by its group', good, 0o620, /has mode 0620/],
    ['empty', '', 0o600, /is empty\. Restore it/],
    ['empty but for a newline', '\n', 0o600, /is empty/],
    ['truncated', good.slice(0, 20), 0o600, /does not hold 32 bytes as base64/],
    ['truncated by one character', good.slice(0, -1), 0o600, /does not hold 32 bytes/],
    ['of 16 bytes', Buffer.alloc(16, 7).toString('base64'), 0o600, /does not hold 32 bytes/],
    ['of 33 bytes', Buffer.alloc(33, 7).toString('base64'), 0o600, /does not hold 32 bytes/],
    ['of 32 raw bytes', '\x07'.repeat(32), 0o600, /does not hold 32 bytes/],
    ['in hex', Buffer.alloc(32, 7).toString('hex'), 0o600, /does not hold 32 bytes/],
    ['twice in the file', `${good}\n${good}`, 0o600, /does not hold 32 bytes/],
    ['far too large', good.repeat(1_000), 0o600, /is larger than a key/],
  ])('F19 one that is %s is refused in one line', async (_, text, mode, expected) => {
    await writeFile(path, text);
    await chmod(path, mode);
    const { message } = await readSealingKeyFile(path).then(
      () => new Error('it was read'),
      (error: Error) => error,
    );
    expect(message).toMatch(expected);
    expect(message).toContain(path);
    expect(message).not.toContain('\n');
    if (text.length > 1) expect(message).not.toContain(text.slice(0, 16));
  });

  test('F19 refuses a missing file and a directory with one line', async () => {
    await expect(readSealingKeyFile(path)).rejects.toThrow(/cannot be read: it does not exist\. Mount it there/);
    await mkdir(path);
    await expect(readSealingKeyFile(path)).rejects.toThrow(/is not a file/);
  });

  test('F19 goes on when the file goes away at run time', async () => {
    await makeSealingKeyFile(path);
    const sealer = createSealer(await readSealingKeyFile(path));
    await rm(path);
    const sealed = await sealer.seal(Buffer.from('x'), context);
    expect(Buffer.from(await sealer.open(sealed, context)).toString()).toBe('x');
    await expect(readSealingKeyFile(path)).rejects.toThrow(/does not exist/);
  });
});
