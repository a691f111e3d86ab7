import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { embeddedSealingKeyPath } from '../../src/server/compose/embeddedkey.ts';
import { atEnd, makeHome } from '../support/arsia.ts';
import { ended, expectOneLine } from './commands.ts';

async function makeFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'arsia-key-')));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test.each([
  ['.arsia', 'keys/sealing.key'],
  ['/var/lib/arsia', '/var/lib/keys/sealing.key'],
  ['/srv/arsia/data/', '/srv/arsia/keys/sealing.key'],
  ['.', '../keys/sealing.key'],
])('F19 the sealing key of an embedded database in %s is beside it, in %s', (folder, path) => {
  expect(embeddedSealingKeyPath(folder)).toBe(path);
});

describe('F19 the sealing key of an embedded database', () => {
  let home: string;
  let elsewhere: string;
  let data: string;
  let key: string;

  const arsia = (words: string, cwd: string) => ended(words.split(' '), { ARSIA_DATA: data }, cwd);

  beforeAll(async () => {
    elsewhere = await makeFolder();
    // The database has the schema, and no key has sealed anything in it.
    const embedded = await makeHome('embedded');
    [home, data] = [embedded.folder, embedded.settings.ARSIA_DATA!];
    key = join(home, 'keys', 'sealing.key');
  }, 60_000);

  test('is created at the first start, not by `migrate` and `check`, and its path is printed', async () => {
    expect(await arsia('server migrate', elsewhere)).toMatchObject({ code: 0 });
    const checked = await arsia('server check', elsewhere);
    expect(checked.stdout.trimEnd().split('\n').at(-1)).toBe(
      `ok  database  embedded, in ${data}; the first start creates its sealing key ${key}`,
    );
    expect([checked.code, existsSync(key)]).toEqual([0, false]);
    const made = await arsia('server bootstrap --organization acme', elsewhere);
    expect(made.stderr).toMatch(`sealing key   ${key} (created; `);
    expect([made.code, existsSync(key)]).toEqual([0, true]);
  }, 120_000);

  test('is the same one in every working directory', async () => {
    for (const cwd of [home, elsewhere]) {
      const { code, stderr } = await arsia('server keys list', cwd);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    expect(await readdir(elsewhere)).toEqual([]);
    const checked = await arsia('server check', elsewhere);
    expect(checked.stdout).toContain(`embedded, in ${data}, with the sealing key ${key};`);
  }, 120_000);

  test('is not made again when it is missing: the start is refused with both paths', async () => {
    const kept = await readFile(key, 'utf8');
    await rename(key, `${key}.kept`);
    for (const words of ['serve', 'server keys list']) {
      const refused = await arsia(words, elsewhere);
      expectOneLine(refused, /Restore it from its backup, or name its place in ARSIA_SEALING_KEY_FILE\.\n$/);
      for (const path of [data, key]) expect(refused.stderr).toContain(path);
      expect(existsSync(key)).toBe(false);
    }
    const checked = await arsia('server check', elsewhere);
    expect(checked.stdout).toMatch(new RegExp(`^NO {2}database  .*${data} .*${key} is missing`, 'm'));
    await rename(`${key}.kept`, key);
    expect(await readFile(key, 'utf8')).toBe(kept);
  }, 120_000);

  test('is looked for where earlier releases kept it, and the message has the command that moves it', async () => {
    const former = join(elsewhere, 'keys', 'sealing.key');
    await mkdir(join(elsewhere, 'keys'), { mode: 0o700 });
    await rename(key, former);
    await rm(join(home, 'keys'), { recursive: true });
    const refused = await arsia('server keys list', elsewhere);
    expectOneLine(refused, /where earlier releases kept it/);
    expect(refused.stderr).toContain(`\`mkdir -p -m 700 ${join(home, 'keys')} && mv ${former} ${key}\``);
    await mkdir(join(home, 'keys'), { mode: 0o700 });
    await rename(former, key);
    expect(await arsia('server keys list', elsewhere)).toMatchObject({ code: 0 });
  }, 120_000);
});
