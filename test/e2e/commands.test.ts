import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Ended, ended } from '../faults/commands.ts';
import { atEnd, type Home, makeHome, type Settings, settingsOf, spawnArsia } from '../support/arsia.ts';
import { type Body, createClient, request } from '../support/client.ts';

const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'arsia-cwd-'));
  atEnd(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const run = (args: string[], settings: Settings = {}) => ended(args, settings, makeFolder());

/** Runs a command in a process of its own. */
async function runAlone(args: string[], settings: Settings = {}, cwd = makeFolder()): Promise<Ended> {
  const spawned = spawnArsia(args, { settings, cwd });
  const { code } = await spawned.exited;
  return { code, stdout: spawned.stdout(), stderr: spawned.stderr() };
}

describe('arsia demo', () => {
  let folder: string;
  let demo: Ended;
  let state: Body;

  beforeAll(async () => {
    folder = makeFolder();
    mkdirSync(join(folder, '.arsia'));
    writeFileSync(join(folder, '.arsia', 'demo.json'), 'left by an earlier run', { mode: 0o644 });
    demo = await runAlone(['demo', '--exit'], {}, folder);
    if (demo.code === 0) state = JSON.parse(readFileSync(join(folder, '.arsia', 'demo.json'), 'utf8'));
  }, 60_000);

  test('exits with 0 when all checks pass, and prints what it checked', () => {
    expect({ code: demo.code, stderr: demo.stderr }).toEqual({ code: 0, stderr: '' });
    const text = stripVTControlCharacters(demo.stdout);
    expect(text).not.toMatch(/^ *NO /m);
    for (const line of [
      /AWS: GetCallerIdentity says arn:aws:sts::\d+:assumed-role\/simulation\/ada@acme\.example/,
      /Azure: the access token belongs to application/,
      /Google: the access token belongs to \S+@\S+gserviceaccount\.com/,
      /Google: the access token belongs to principal:\/\//,
      /a user of another workspace: identity_not_assigned/,
      /a job that has ended: job_ended/,
      /a role whose trust policy names another subject: cloud_denied/,
      /condition\s+StringEquals \S+:sub/,
      /^ready http:\/\/127\.0\.0\.1:\d+$/m,
    ])
      expect(text).toMatch(line);
  });

  test('leaves a state file that only its owner can read, with the members of the contract', () => {
    expect(statSync(join(folder, '.arsia', 'demo.json')).mode & 0o777).toBe(0o600);
    expect(Object.keys(state).sort()).toEqual(
      [
        'admin_token',
        'ca_file',
        'issuer',
        'job_token',
        'jwks_uri',
        'managed_identities',
        'sandbox',
        'workspace',
      ].sort(),
    );
    expect(state).toMatchObject({
      issuer: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      jwks_uri: `${state.issuer}/.well-known/jwks.json`,
      workspace: 'acme/research/simulation',
      job_token: expect.stringMatching(/^arsia_job_/),
      admin_token: expect.stringMatching(/^arsia_at_/),
      sandbox: {
        aws: expect.stringMatching(/^http:/),
        azure: expect.stringMatching(/^https:\/\/localhost:/),
        google: expect.stringMatching(/^http:/),
      },
    });
    expect(readFileSync(state.ca_file, 'utf8')).toContain('BEGIN CERTIFICATE');
    expect(state.managed_identities.map(({ type }: Body) => type).sort()).toEqual([
      'aws',
      'azure',
      'gcp',
      'gcp',
      'oidc',
    ]);
    for (const identity of state.managed_identities) {
      expect(Object.keys(identity).sort()).toEqual(['audience', 'id', 'path', 'settings', 'subject', 'type']);
      expect(identity.subject).toMatch(new RegExp(`^${identity.id}:ws_`));
    }
  });
});

let home: Home;
let settings: Settings;
let issuer: string;

beforeAll(async () => {
  home = await makeHome('postgres');
  ({ settings, issuer } = await settingsOf(home));
}, 60_000);

describe('a server, and commands on its database', () => {
  let server: ReturnType<typeof spawnArsia>;

  beforeAll(async () => {
    server = spawnArsia(['serve'], { settings, cwd: home.folder });
    await server.ready(issuer);
  }, 60_000);

  test('bootstrap prints only an access token, and is refused once there is an owner', async () => {
    const first = await runAlone(['server', 'bootstrap', '--organization', 'acme', '--login', 'ada'], settings);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^arsia_at_[\w-]{43}\n$/);
    expect(first.stderr).toContain('acme');
    expect(first.stderr).not.toContain('arsia_at_');
    const owner = createClient(issuer, first.stdout.trim());
    expect((await owner.send('GET', '/users')).items).toEqual([expect.objectContaining({ login: 'ada' })]);
    const events = await owner.send('GET', '/audit-events?action=organization.bootstrap');
    expect(events.items).toEqual([expect.objectContaining({ outcome: 'success', actor_kind: 'system' })]);
    const again = await run(['server', 'bootstrap', '--organization', 'acme', '--login', 'bob'], settings);
    expect([again.code, again.stdout]).toEqual([1, '']);
    expect(again.stderr).toMatch(/^arsia: The organisation acme already has an owner\. .+\n$/);
    // N87: both say how an owner signs in again when the token has expired.
    expect(again.stderr).toContain('`arsia server admin recover --organization acme`');
    expect(first.stderr).toContain('arsia server admin recover --organization acme --login ada');
    const bad = await run(['server', 'bootstrap', '--organization', 'Acme Corp'], settings);
    expect([bad.code, bad.stdout]).toEqual([1, '']);
    expect(bad.stderr).toMatch(/--organization must be/);
  }, 60_000);

  test('admin link prints a link that works once, and makes the person who opens it an operator', async () => {
    const { code, stdout, stderr } = await run(['server', 'admin', 'link', '--login', 'root'], settings);
    expect(code).toBe(0);
    const [, page, token] = /^(\S+)#(arsia_link_[\w-]{43})\n$/.exec(stdout)!;
    expect(page).toBe(`${issuer}/link`);
    expect(stderr).toMatch(/before \d{4}-/);
    expect((await request(page!)).status).toBe(200);
    const opened = await createClient(issuer).send('POST', '/admin-links/redeem', { token });
    expect(opened).toEqual({
      login: 'root',
      access_token: expect.stringMatching(/^arsia_at_/),
      expires_at: expect.any(String),
    });
    const operator = createClient(issuer, opened.access_token);
    expect((await operator.ask('GET', '/audit-events')).status).toBe(200);
    expect((await createClient(issuer).ask('POST', '/admin-links/redeem', { token })).status).toBe(401);
  }, 60_000);

  test('N87 admin recover prints a link that signs an owner in, and makes no operator', async () => {
    const { code, stdout, stderr } = await run(['server', 'admin', 'recover', '--organization', 'acme'], settings);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('as ada, an owner of acme') });
    const [, page, token] = /^(\S+)#(arsia_owner_[\w-]{43})\n$/.exec(stdout)!;
    expect(page).toBe(`${issuer}/link`);
    const opened = await createClient(issuer).send('POST', '/admin-links/redeem', { token });
    const owner = createClient(issuer, opened.access_token);
    const [ada] = (await owner.send('GET', '/users')).items as Body[];
    expect(ada).toMatchObject({ login: 'ada', is_operator: false });
    expect((await owner.send('GET', '/audit-events?action=organization.recover')).items).toMatchObject([
      { outcome: 'success', actor_kind: 'system', user_id: ada!.id },
    ]);
    for (const login of ['ada', ada!.id]) {
      const again = await run(['server', 'admin', 'recover', '--organization', 'acme', '--login', login], settings);
      expect([login, again.code]).toEqual([login, 0]);
    }
    const unknown = await run(['server', 'admin', 'recover', '--organization', 'acme', '--login', 'bob'], settings);
    expect([unknown.code, unknown.stdout]).toEqual([1, '']);
  }, 120_000);

  test('N87 every command accepts a login or the id of a user', async () => {
    const recovered = await run(['server', 'admin', 'recover', '--organization', 'acme'], settings);
    const token = recovered.stdout.trim().split('#')[1];
    const { access_token } = await createClient(issuer).send('POST', '/admin-links/redeem', { token });
    const owner = createClient(issuer, access_token);
    const { id } = await owner.send('POST', '/users', { login: 'grace' });
    for (const named of [
      ['--login', id],
      ['--organization', 'acme', '--login', 'grace'],
    ]) {
      const link = await run(['server', 'admin', 'link', ...named], settings);
      expect({ named, code: link.code, stderr: link.stderr }).toMatchObject({ named, code: 0 });
      const [, made] = link.stdout.trim().split('#');
      await createClient(issuer).send('POST', '/admin-links/redeem', { token: made });
      expect(await owner.send('GET', `/users/${id}`)).toMatchObject({ is_operator: true });
      const dismissed = await run(['server', 'admin', 'dismiss', ...named], settings);
      expect([dismissed.code, dismissed.stderr]).toEqual([0, `grace (${id}) is no longer an operator.\n`]);
    }
    const bad = await run(['server', 'admin', 'link', '--login', 'Grace Hopper'], settings);
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('a login, or the id of a user')]);
  }, 120_000);

  test('N70 admin detach accepts a user or a person, and names both when it has detached them', async () => {
    const unknown = await run(
      ['server', 'admin', 'detach', '--iss', 'https://login.example.com', '--sub', 'x'],
      settings,
    );
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringMatching(/^arsia: No user signs in as the subject "x" of /),
    ]);
    for (const args of [[], ['--iss', 'https://login.example.com'], ['--login', 'ada', '--sub', 'x']]) {
      const { code, stderr } = await run(['server', 'admin', 'detach', ...args], settings);
      expect({ args, code, stderr }).toEqual({
        args,
        code: 1,
        stderr: expect.stringContaining('Name a user with --login'),
      });
    }
    const done = await run(['server', 'admin', 'detach', '--organization', 'acme', '--login', 'ada'], settings);
    expect([done.code, done.stderr]).toEqual([0, expect.stringMatching(/^Sign-in as usr_\w+ has ended\.\n$/)]);
  }, 120_000);

  test('keys list shows the published keys, and migrate has nothing to apply', async () => {
    const { code, stdout } = await run(['server', 'keys', 'list'], settings);
    expect(code).toBe(0);
    const { keys } = (await request(`${issuer}/.well-known/jwks.json`)).body;
    for (const { kid } of keys) expect(stdout).toContain(kid);
    expect(stdout).toMatch(/active/);
    expect(stdout).not.toMatch(/PRIVATE|"d"/);
    expect((await run(['server', 'migrate'], settings)).code).toBe(0);
  }, 60_000);

  test.each(['-', '-V', '--', '-- -'])(
    'keys revoke accepts a key id that starts with: %s',
    async (words) => {
      const [begin, ...before] = words.split(' ').reverse();
      const kid = begin!.padEnd(43, 'x');
      const { code, stderr } = await run(['server', 'keys', 'revoke', ...before, kid], settings);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`have no key "${kid}"`)]);
    },
    60_000,
  );

  test('keys export prints the published keys in the form that Google accepts, without certificates', async () => {
    const { code, stdout } = await run(['server', 'keys', 'export'], settings);
    expect(code).toBe(0);
    const { keys } = (await request(`${issuer}/.well-known/jwks.json`)).body;
    expect(JSON.parse(stdout)).toEqual({ keys: keys.map(({ x5c: _, ...key }: { x5c: unknown }) => key) });
    // The members that an uploaded key may have (cloud-facts.md 3.2).
    for (const key of JSON.parse(stdout).keys)
      expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  }, 60_000);

  test('SIGTERM stops the server with exit code 0, and its log is JSON lines', async () => {
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    const lines = server
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.find(({ msg }) => msg === 'listening')).toMatchObject({ issuer, level: 'info' });
    expect(lines.at(-1)).toMatchObject({ msg: 'stopping', signal: 'SIGTERM' });
    expect(server.stdout()).not.toMatch(/arsia_(at|link|job)_/);
  }, 60_000);
});

describe('`npm start` on the embedded database', () => {
  let own: Awaited<ReturnType<typeof settingsOf>>;
  let npm: ChildProcess;
  let log = '';

  beforeAll(async () => {
    const embedded = await makeHome('embedded');
    own = await settingsOf(embedded);
    npm = spawn('npm', ['start'], {
      env: { PATH: process.env.PATH, HOME: embedded.folder, npm_config_update_notifier: 'false', ...own.settings },
      stdio: ['ignore', 'pipe', 'ignore'],
      // Its own process group, so that the end of the test can kill what npm left.
      detached: true,
    });
    npm.stdout!.on('data', (chunk) => {
      log += chunk;
    });
    atEnd(async () => {
      try {
        process.kill(-npm.pid!, 'SIGKILL');
      } catch {
        // The whole group has ended.
      }
    });
    while (!log.includes('"listening"')) await sleep(50);
  }, 120_000);

  test('no other process may open the database: it exits with 1 and one sentence', async () => {
    const { code, stderr } = await run(['server', 'bootstrap', '--organization', 'acme'], own.settings);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(own.settings.ARSIA_DATA);
    expect((await request(`${own.issuer}/readyz`)).status).toBe(200);
  }, 120_000);

  test('SIGTERM to npm stops the server, which drains and frees its port and database', async () => {
    const closed = new Promise((resolve) => npm.once('close', resolve));
    npm.kill('SIGTERM');
    // Closes once no process has its stdout any more.
    await closed;
    expect(log).toContain('"stopping"');
    await expect(fetch(`${own.origin}/healthz`)).rejects.toThrow('fetch failed');
    expect(await run(['server', 'keys', 'list'], own.settings)).toMatchObject({ code: 0 });
  }, 60_000);
});

describe('a start that fails', () => {
  test('N60 bad settings: exits with 1 and one message with every fault', async () => {
    const env = {
      ARSIA_ISSUER: 'http://x.example',
      DATABASE_URL: 'mysql://u:hunter2@x',
      ARSIA_TENANCY: 'both',
      ARSIA_NONE: '1',
    };
    const { code, stdout, stderr } = await runAlone(['serve'], env);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Arsia cannot start: 5 bad settings\n( {2}(ARSIA|DATABASE)_\w+ .+\n){5}$/);
    expect(stderr).not.toContain('hunter2');
  });

  test('N60 a missing sealing key: exits with 1 and one fault that names the setting and the file', async () => {
    const file = join(home.folder, 'none');
    const { code, stdout, stderr } = await run(['serve'], { ...settings, ARSIA_SEALING_KEY_FILE: file });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Arsia cannot start: 1 bad setting\n {2}ARSIA_SEALING_KEY_FILE .+\n$/);
    expect(stderr).toContain(file);
  }, 60_000);

  test('a port in use: exits with 1 and one sentence', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const { port } = blocker.address() as AddressInfo;
    const { code, stderr } = await run(['serve'], { ...settings, ARSIA_LISTEN: `127.0.0.1:${port}` });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^arsia: listen EADDRINUSE.*\n$/);
    blocker.close();
  }, 60_000);

  test('an unknown command or option: exits with an error and shows the help', async () => {
    for (const args of [['serv'], ['demo', '--exti'], ['server', 'bootstrap']]) {
      const { code, stderr } = await run(args);
      expect([args, code === 0]).toEqual([args, false]);
      expect(stderr).toMatch(/error: .*\n/);
    }
    const help = await run(['--help']);
    expect(help.code).toBe(0);
    for (const word of ['serve', 'demo', 'bootstrap']) expect(help.stdout).toContain(word);
  }, 60_000);
});

describe('an old Node', () => {
  /** A module that makes the process report an older version of Node, and another platform where one is given. */
  const pretendOn = (platform: string = process.platform, arch: string = process.arch) =>
    `data:text/javascript,${[
      `platform: { value: '${platform}' }, arch: { value: '${arch}' }`,
      "versions: { value: { ...process.versions, node: '20.9.0' } }",
      "version: { value: 'v20.9.0' }",
      "execPath: { value: '/usr/bin/node' }",
    ].reduce((all, one) => `${all}Object.defineProperties(process, { ${one} });`, '')}`;
  const node = (...args: string[]) => nodeOn(pretendOn(), ...args);
  const nodeOn = (pretended: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', pretended, ...args], {
      cwd: makeFolder(),
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };

  test('starts the pinned one', () => {
    const { status, stdout } = node(join(process.cwd(), 'bin', 'arsia.js'), '--help');
    expect([status, stdout.includes('serve')]).toEqual([0, true]);
  });

  test.each([
    [process.platform, process.arch, 'run `npm ci` without --omit=optional, or install Node 24.'],
    ['darwin', 'arm64', 'install Node 24, since Arsia brings none for darwin-arm64.'],
    ['freebsd', 'x64', 'install Node 24, since Arsia brings none for freebsd-x64.'],
  ])('without the pinned one exits with one sentence, whose advice can help: %s %s', (platform, arch, advice) => {
    const folder = makeFolder();
    for (const name of ['bin', 'src']) mkdirSync(join(folder, name));
    copyFileSync(join('bin', 'arsia.js'), join(folder, 'bin', 'arsia.js'));
    copyFileSync('package.json', join(folder, 'package.json'));
    writeFileSync(join(folder, 'src', 'main.ts'), '');
    const { status, stdout, stderr } = nodeOn(pretendOn(platform, arch), join(folder, 'bin', 'arsia.js'), 'serve');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`arsia needs Node 24 and this is v20.9.0: ${advice}\n`);
  });

  test('has a pinned one in the lockfile for every platform that the entry point knows', () => {
    const known = readFileSync(join('bin', 'arsia.js'), 'utf8').matchAll(/^ {2}'(\w+)-(\w+)': '(node-[\w-]+)',$/gm);
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    const names = [...known].map(([, os, cpu, name]) => {
      const locked = packages[`node_modules/${name}`];
      expect([name, [locked.os].flat(), [locked.cpu].flat()]).toEqual([name, [os], [cpu]]);
      expect(locked.version).toMatch(/^24\./);
      return name;
    });
    expect(names.sort()).toEqual(Object.keys(optionalDependencies).sort());
  });

  test('started without the entry point exits with one sentence', () => {
    const { status, stdout, stderr } = node(join(process.cwd(), 'src', 'main.ts'), 'serve');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^arsia: arsia needs Node 24 and this is v20\.9\.0: .+\.\n$/);
  });
});
