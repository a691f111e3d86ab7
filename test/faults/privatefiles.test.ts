import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { atEnd, freePort, makeHome, type Settings, spawnArsia } from '../support/arsia.ts';
import { rounds } from '../support/rounds.ts';
import { ended, expectOneLine } from './commands.ts';
import { leaveIssuing, serve } from './issuing.ts';

let folder: string;
let settings: Settings;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arsia-files-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  settings = { ARSIA_ISSUER: `http://127.0.0.1:${port}`, ARSIA_LISTEN: `127.0.0.1:${port}`, ARSIA_DATA: 'data' };
});

/** Returns the files and folders below the folder that users other than the owner may open, with their modes. */
async function open(): Promise<string[]> {
  const found = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = (await stat(path)).mode & 0o777;
    if ((mode & 0o077) !== 0) found.push(`${path} 0${mode.toString(8)}`);
  }
  return found;
}

describe('files that `arsia` writes with umask 000', () => {
  let umask: number;
  beforeEach(() => {
    umask = process.umask(0);
  });
  afterEach(() => {
    process.umask(umask);
  });

  test('N73: only the owner may open them, in existing folders too', async () => {
    for (const name of ['data', 'keys']) await mkdir(join(folder, name), { mode: 0o755 });
    const made = await ended(['server', 'bootstrap', '--organization', 'acme'], settings, folder);
    expect(made).toMatchObject({ code: 0 });
    // The operator decides the mode of the folder of the key.
    await chmod(join(folder, 'keys'), 0o700);
    expect(await open()).toEqual([]);
    const server = spawnArsia(['serve'], { settings, cwd: folder });
    await server.ready(settings.ARSIA_ISSUER!);
    expect(await open()).toEqual([]);
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(await open()).toEqual([]);
  }, 60_000);

  const inFull = rounds(0, 1) === 1 ? test : test.skip;
  inFull(
    'N73: only the owner may open those of the demo, when `.arsia` was open to all',
    async () => {
      await mkdir(join(folder, '.arsia', 'demo'), { recursive: true, mode: 0o777 });
      const demo = await ended(['demo', '--exit'], {}, folder);
      expect(demo).toMatchObject({ code: 0, stderr: '' });
      expect(await open()).toEqual([]);
    },
    60_000,
  );
});

test.each(['data', 'keys'])(
  'N73: does not start when others may write to %s, and names the command that corrects it',
  async (name) => {
    await mkdir(join(folder, name));
    await chmod(join(folder, name), 0o777);
    for (const args of [['serve'], ['server', 'bootstrap', '--organization', 'acme']])
      expectOneLine(
        await ended(args, settings, folder),
        new RegExp(`^arsia: The folder ${name} has mode 0777: .+ Run \`chmod 700 ${name}\``),
      );
  },
  60_000,
);

test('N73: the image creates its folders with permissions for its user only', async () => {
  const dockerfile = await readFile('Dockerfile', 'utf8');
  const folders = '/var/lib/keys "$ARSIA_DATA"';
  expect(dockerfile).toContain(`\nRUN mkdir -p -m 700 ${folders} && chown node:node ${folders}\n`);
});

test('N84: a server whose lock file is replaced prints one line and ends', async () => {
  const issuing = await leaveIssuing({ home: await makeHome('embedded') });
  const server = await serve(issuing);
  const lock = join(issuing.seed.home.folder, 'data', 'lock');
  await writeFile(`${lock}.new`, '');
  await rename(`${lock}.new`, lock);
  // It checks before every statement. Without requests it compares the clocks every 10 s.
  await fetch(`${issuing.seed.issuer}/readyz`).catch(() => undefined);
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(server.stderr()).toMatch(/^arsia: The lock file \S+ was replaced while this process held it[^\n]+\n$/);
}, 60_000);
