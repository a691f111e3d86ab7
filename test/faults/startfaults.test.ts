import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { atEnd, freePort, makeHome, type Spawned } from '../support/arsia.ts';
import { ended, expectFaults, expectOneLine } from './commands.ts';
import { type Issuing, leaveIssuing, mint, serve } from './issuing.ts';

const anotherKey = `${Buffer.alloc(32, 7).toString('base64')}\n`;
const sealedWithAnother = /is sealed under the key file-\w+, and this replica has file-\w+\. Give it the sealing key/;

describe('an installation on the embedded database', () => {
  let issuing: Issuing;
  let replica: Spawned;
  let file: string;
  let key: string;

  beforeAll(async () => {
    issuing = await leaveIssuing({ home: await makeHome('embedded') });
    file = issuing.seed.settings.ARSIA_SEALING_KEY_FILE!;
    key = (await readFile(file, 'utf8')).trim();
    replica = await serve(issuing);
  }, 120_000);

  const expectServing = async () => expect((await mint(issuing, issuing.seed.origin)).status).toBe(200);

  test.each([['serve'], ['bootstrap', '--organization', 'other']])(
    'M5: `arsia server %s` is refused with one line while another process has the database, and that process continues',
    async (...args) => {
      const { settings, home } = issuing.seed;
      const refused = await ended(
        ['server', ...args],
        { ...settings, ARSIA_LISTEN: `127.0.0.1:${await freePort()}` },
        home.folder,
      );
      expectOneLine(
        refused,
        new RegExp(`Process ${replica.child.pid} holds the embedded database in .+/data, and only`),
      );
      await expectServing();
    },
    60_000,
  );

  test('M5: `arsia server check` finds that another process has the database', async () => {
    const checked = await ended(['server', 'check'], issuing.seed.settings, issuing.seed.home.folder);
    expect(checked.stdout.trimEnd().split('\n').at(-1)).toMatch(
      new RegExp(`^NO  database  Process ${replica.child.pid} holds the embedded database in .+/data, and only`),
    );
    expectOneLine(checked, /^arsia: 1 check failed\.\n$/);
    await expectServing();
  }, 60_000);

  test('F19: the sealing key file is deleted at run time: the server continues from memory', async () => {
    await rename(file, `${file}.away`);
    await expectServing();
    await rename(`${file}.away`, file);
  });

  test('M4 M5: starts again after kill -9, despite the files that the killed process left', async () => {
    replica.child.kill('SIGKILL');
    await replica.exited;
    const holder = await readFile(join(issuing.seed.home.folder, 'data', 'lock.pid'), 'utf8');
    expect(holder).toBe(`${replica.child.pid}\n`);
    replica = await serve(issuing);
    await expectServing();
    replica.child.kill('SIGTERM');
    expect(await replica.exited).toEqual({ code: 0, signal: null });
  }, 60_000);

  test.each([
    { what: 'is missing', line: /sealing key file .+ cannot be read: it does not exist/, harm: () => rm(file) },
    { what: 'is truncated', line: /does not hold 32 bytes/, harm: () => writeFile(file, key.slice(0, 30)) },
    { what: 'is open to others', line: /has mode 0644: .+ `chmod 600 /, harm: () => chmod(file, 0o644) },
    { what: 'is a folder', line: /is not a file/, harm: () => rm(file).then(() => mkdir(file)) },
  ])(
    'F19: the sealing key $what: does not start, prints one fault of the setting, and no key in it',
    async ({ line, harm }) => {
      const kept = `${file}.kept`;
      await copyFile(file, kept);
      await harm();
      const refused = await ended(['serve'], issuing.seed.settings, issuing.seed.home.folder);
      await rm(file, { recursive: true, force: true });
      await rename(kept, file);
      await chmod(file, 0o600);
      expectFaults(refused, [new RegExp(`^  ARSIA_SEALING_KEY_FILE .*${line.source}`)]);
      expect(refused.stderr).not.toContain(key.slice(0, 30));
    },
    60_000,
  );

  test('F19: another sealing key: does not start, prints one line, and no key in it', async () => {
    const other = join(issuing.seed.home.folder, 'other.key');
    await writeFile(other, anotherKey, { mode: 0o600 });
    const settings = { ...issuing.seed.settings, ARSIA_SEALING_KEY_FILE: other };
    const refused = await ended(['serve'], settings, issuing.seed.home.folder);
    expectOneLine(refused, sealedWithAnother);
    for (const secret of [key, anotherKey.trim()]) expect(refused.stdout + refused.stderr).not.toContain(secret);
  }, 60_000);

  test('F19: starts again with the right sealing key, and nothing is lost', async () => {
    replica = await serve(issuing);
    await expectServing();
  }, 60_000);
});

describe('files that settings name', () => {
  const bad = {
    ARSIA_EXTRA_CA_FILE: '/nope',
    ARSIA_SEALING_KEY_FILE: '/nope',
    ARSIA_SIGN_IN_ISSUER: 'https://id.example',
    ARSIA_SIGN_IN_CLIENT_ID: 'a',
    ARSIA_SIGN_IN_CLIENT_SECRET_FILE: '/nope2',
  };

  test.each([['serve'], ['bootstrap', '--organization', 'acme']])(
    'N60 `arsia server %s` lists the faults of all files with those of the other settings, and creates no database and no key',
    async (...args) => {
      const folder = await mkdtemp(join(tmpdir(), 'arsia-files-'));
      atEnd(() => rm(folder, { recursive: true }));
      const refused = await ended(['server', ...args], { ...bad, ARSIA_LISTEN: '8080' }, folder);
      expectFaults(refused, [
        /^ {2}ARSIA_LISTEN must be host:port/,
        /^ {2}ARSIA_SEALING_KEY_FILE .+ \/nope cannot be read: it does not exist\. Mount it there/,
        /^ {2}ARSIA_SIGN_IN_CLIENT_SECRET_FILE names \/nope2, which cannot be read: it does not exist\. Mount it there/,
        /^ {2}ARSIA_EXTRA_CA_FILE names \/nope, which cannot be read: it does not exist\. Mount it there/,
      ]);
      expect(await readdir(folder)).toEqual([]);
    },
    60_000,
  );

  test('N60 authorities without a certificate stop the start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'arsia-files-'));
    atEnd(() => rm(folder, { recursive: true }));
    const file = join(folder, 'ca.pem');
    await writeFile(file, 'to do: ask for the certificate\n');
    const refused = await ended(
      ['serve'],
      { ARSIA_EXTRA_CA_FILE: file, ARSIA_LISTEN: `127.0.0.1:${await freePort()}` },
      folder,
    );
    expectFaults(refused, [/^ {2}ARSIA_EXTRA_CA_FILE names .+, and no certificate is in it: write each as PEM/]);
    expect(await readdir(folder)).toEqual(['ca.pem']);
  }, 60_000);
});
