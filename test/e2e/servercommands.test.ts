import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { describeSettings } from '../../src/server/config/config.ts';
import { type Ended, ended, expectOneLine } from '../faults/commands.ts';
import { atEnd, freePort, type Home, makeHome, type Settings, settingsOf, spawnArsia } from '../support/arsia.ts';
import { freshPostgresDatabase } from '../support/databases.ts';
import { execute } from '../support/postgres.ts';
import { testRoles, urlFor } from '../support/roles.ts';

const folder = mkdtempSync(join(tmpdir(), 'arsia-cwd-'));
atEnd(async () => rmSync(folder, { recursive: true, force: true }));

const arsia = (words: string, settings: Settings = {}): Promise<Ended> => ended(words.split(' '), settings, folder);

let home: Home;
let settings: Settings;

beforeAll(async () => {
  home = await makeHome('postgres');
  ({ settings } = await settingsOf(home));
}, 120_000);

describe('help', () => {
  test('`arsia --help` lists the commands and points to `arsia server --help`', async () => {
    const { code, stdout } = await arsia('--help');
    expect(code).toBe(0);
    for (const word of ['serve', 'server', 'demo', 'arsia server --help']) expect(stdout).toContain(word);
    expect(stdout).not.toContain('ARSIA_ISSUER');
  }, 60_000);

  test('`arsia server --help` lists its commands by group, and every setting', async () => {
    const { code, stdout } = await arsia('server --help');
    expect(code).toBe(0);
    const groups = ['Run:', 'Organisations and people:', 'Keys and audit:', 'Settings, from the environment:'];
    for (const text of [...groups, ...describeSettings().map(({ name }) => name)]) expect(stdout).toContain(text);
    for (const name of ['serve', 'bootstrap', 'migrate', 'keys', 'audit', 'admin', 'audiences', 'check'])
      expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  }, 60_000);

  test.each([
    ['serv', '`arsia serve`'],
    ['bootstrp', '`arsia server bootstrap`'],
    ['check', '`arsia server check`'],
    ['server keyz', 'keys'],
  ])(
    'a mistyped command is refused with the nearest name: %s',
    async (words, nearest) => {
      const { code, stdout, stderr } = await arsia(words);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(`(Did you mean ${nearest}?)`);
    },
    60_000,
  );

  test('an unknown word that is near no command gets no suggestion', async () => {
    const { stderr } = await arsia('xyzzy');
    expect(stderr).toMatch(/unknown command 'xyzzy'/);
    expect(stderr).not.toContain('Did you mean');
  }, 60_000);
});

describe('start', () => {
  /** Returns the files of `src` that a process loads. */
  const findLoadedFiles = (...args: string[]): string[] => {
    const hook = `import { registerHooks } from 'node:module'; import { writeSync } from 'node:fs';
      registerHooks({ load(url, context, next) { writeSync(2, url + '\\n'); return next(url, context); } });`;
    const { stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, join(process.cwd(), 'bin', 'arsia.js'), ...args],
      { cwd: folder, env: { PATH: process.env.PATH }, encoding: 'utf8' },
    );
    return [...stderr.matchAll(/\/src\/(.+\.ts)$/gm)].map(([, file]) => file!);
  };

  test('`arsia --version` and `arsia --help` load no part of the server', () => {
    for (const option of ['--version', '--help'])
      expect(findLoadedFiles(option).sort()).toEqual([
        'core/errors.ts',
        'core/nearestname.ts',
        'core/thrown.ts',
        'main.ts',
      ]);
  }, 60_000);

  test('`arsia server --help` loads no database, no HTTP and no SDK', () => {
    const files = findLoadedFiles('server', '--help');
    expect(files).toContain('server/commands/server.ts');
    expect(files.filter((file) => /^(?:database|store|services|http|oidc|server\/compose)\//.test(file))).toEqual([]);
  }, 60_000);
});

describe('old names of the commands, without `server`', () => {
  test.each([
    ['bootstrap --organization acme', /^arsia_at_[\w-]{43}\n$/],
    ['admin link', /^http:\S+\/link#arsia_link_[\w-]{43}\n$/],
    ['admin quota --organization acme', /^quota /],
    ['keys list', / active /],
    ['audit verify', /^checkpoints /],
    ['audiences free https://api.example.com', /^$/],
    ['migrate', /^$/],
  ])(
    '`arsia %s` works and prints the new name on stderr',
    async (words, stdout) => {
      const result = await arsia(words, settings);
      const [name] = words.split(' ');
      expect(result.stdout).toMatch(stdout);
      expect(result.stderr.split('\n')[0]).toMatch(`\`arsia ${name}\` is now \`arsia server ${name}\``);
      // No organisation has reserved this audience.
      expect(result.code).toBe(name === 'audiences' ? 1 : 0);
    },
    60_000,
  );

  test.each([
    ['serve', 'SIGTERM'],
    ['server serve', 'SIGINT'],
  ] as const)(
    '`arsia %s` serves until %s, and prints no notice',
    async (words, signal) => {
      const own = await settingsOf(home);
      const server = spawnArsia(words.split(' '), { settings: own.settings, cwd: folder });
      await server.ready(own.issuer);
      server.child.kill(signal);
      expect([(await server.exited).code, server.stderr()]).toEqual([0, '']);
    },
    60_000,
  );
});

describe('arsia server migrate', () => {
  test('prints each migration that it applies; a second run applies nothing', async () => {
    const { adminUrl, ownerUrl, drop } = await freshPostgresDatabase(false);
    atEnd(drop);
    const own = {
      ...settings,
      DATABASE_URL: urlFor(adminUrl, new URL(adminUrl).pathname.slice(1), testRoles.application),
      ARSIA_MIGRATION_DATABASE_URL: ownerUrl,
    };
    const names = readdirSync('migrations').filter((name) => name.endsWith('.sql'));
    const first = await arsia('server migrate', own);
    expect(first).toEqual({
      code: 0,
      stdout: names.map((name) => `applied ${name}\n`).join(''),
      stderr: expect.stringMatching(/^applying 0001_.*\n[\s\S]*schema of this release: \d+ applied\.\n$/),
    });
    const second = await arsia('server migrate', own);
    expect([second.code, second.stdout]).toEqual([0, '']);
    expect(second.stderr).toBe('The database has the schema of this release: nothing to apply.\n');
    // The role of the application has its grants.
    expect((await arsia('server check', own)).code).toBe(0);
  }, 120_000);

  test('refuses the database of a newer release with one line, and does not change it', async () => {
    const newer = await makeHome('postgres');
    const own = (await settingsOf(newer)).settings;
    const insert = "INSERT INTO migrations VALUES ('9999_later.sql', 'x', now())";
    await execute(newer.urls!.owner, insert);
    const refused = await arsia('server migrate', own);
    expectOneLine(refused, /has the migration 9999_later\.sql, which this release of Arsia does not have/);
    expect(refused.stdout).toBe('');
    const checked = await arsia('server check', own);
    expect([checked.code, checked.stdout]).toEqual([1, expect.stringMatching(/^NO {2}schema +.*9999_later\.sql/m)]);
  }, 120_000);
});

describe('arsia server check', () => {
  const password = 'hunter2hunter2';
  const withPassword = (url: string) => Object.assign(new URL(url), { password }).href;

  test('prints one line for each check, and exits with 0', async () => {
    await arsia('server bootstrap --organization other', settings);
    const { code, stdout, stderr } = await arsia('server check', settings);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^ok {2}settings/),
      expect.stringContaining(`ok  issuer    ${settings.ARSIA_ISSUER}`),
      expect.stringMatching(/^ok {2}sign-in +off/),
      expect.stringMatching(/^ok {2}database +PostgreSQL at /),
      expect.stringMatching(/^ok {2}database +PostgreSQL at .* the role of ARSIA_MIGRATION_DATABASE_URL$/),
      expect.stringMatching(/^ok {2}schema +that of this release/),
      expect.stringMatching(/^ok {2}keys +workload: .*active [\w-]{43}/),
      expect.stringMatching(/^ok {2}keys +authorization: .*active [\w-]{43}/),
    ]);
  }, 60_000);

  test('names a pending migration, a wrong sealing key or an unreachable database, and exits with 1', async () => {
    const behind = await makeHome('postgres');
    await execute(behind.urls!.owner, "DELETE FROM migrations WHERE name = '0010_authority_changes.sql'");
    const pending = await arsia('server check', (await settingsOf(behind)).settings);
    expect(pending.stdout).toMatch(/^NO {2}schema +1 migrations? (is|are) pending.*`arsia server migrate`\n$/m);
    expectOneLine(pending, /^arsia: 1 check failed/);

    const other = (await makeHome('postgres')).settings.ARSIA_SEALING_KEY_FILE!;
    const sealed = await arsia('server check', { ...settings, ARSIA_SEALING_KEY_FILE: other });
    expect(sealed.stdout).toMatch(/^NO {2}keys +.*is sealed under the key file-\w+/m);
    expect(sealed.code).toBe(1);

    const away = new URL(withPassword(settings.DATABASE_URL!));
    away.port = String(await freePort());
    const unreachable = await arsia('server check', { ...settings, DATABASE_URL: away.href });
    expect(unreachable.stdout).toMatch(/^NO {2}database /m);
    expect(unreachable.stdout).not.toMatch(/schema|keys/);
    expect(unreachable.code).toBe(1);
    expect(unreachable.stdout + unreachable.stderr).not.toContain(password);
  }, 120_000);

  test.each([
    ['DATABASE_URL', 'role', /nobody_here/],
    ['DATABASE_URL', 'database', /nowhere_here/],
    ['DATABASE_URL', 'host', /ECONNREFUSED/],
    ['ARSIA_MIGRATION_DATABASE_URL', 'role', /nobody_here/],
    ['ARSIA_MIGRATION_DATABASE_URL', 'host', /ECONNREFUSED/],
  ])(
    'finds a %s with a wrong %s, with the reason that a start would meet',
    async (variable, part, reason) => {
      const url = new URL(withPassword(settings[variable]!));
      if (part === 'role') url.username = 'nobody_here';
      if (part === 'database') url.pathname = '/nowhere_here';
      if (part === 'host') url.host = `127.0.0.1:${await freePort()}`;
      const { code, stdout, stderr } = await arsia('server check', { ...settings, [variable]: url.href });
      expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^NO {2}database /);
      expect(stdout).toMatch(reason);
      expect(code).toBe(1);
      expect(stdout + stderr).not.toContain(password);
    },
    60_000,
  );

  test('lists bad settings as a start does', async () => {
    const { code, stdout, stderr } = await arsia('server check', { ARSIA_LISTEN: '8080', ARSIA_TENANCY: 'both' });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/2 bad settings\n/);
  }, 60_000);

  test('creates no embedded database and no key, nor does `arsia server keys list`', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'arsia-check-'));
    atEnd(async () => rmSync(empty, { recursive: true, force: true }));
    const { code, stdout } = await ended(['server', 'check'], {}, empty);
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/^NO {2}database +There is no database in \/.*\/\.arsia yet: /m),
    ]);
    // Only `serve`, `bootstrap`, `migrate` and `admin link` begin an installation.
    expectOneLine(await ended(['server', 'keys', 'list'], {}, empty), /There is no database in \/.*\/\.arsia yet: /);
    expect(readdirSync(empty)).toEqual([]);
    const embedded = await makeHome('embedded');
    const fresh = await ended(['server', 'check'], (await settingsOf(embedded)).settings, empty);
    expect([fresh.code, fresh.stdout]).toEqual([0, expect.stringMatching(/^ok {2}keys +workload: none yet/m)]);
  }, 120_000);
});
