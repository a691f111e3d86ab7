import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, openAsBlob } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../src/database/connections.ts';
import { createDatabase, openDatabase } from '../../src/database/database.ts';
import { createSingleConnectionPool, openEmbedded } from '../../src/database/embedded.ts';
import { lockFolder } from '../../src/database/lock.ts';
import { id, now } from '../store/organization.ts';
import { embeddedTemplate } from '../support/databases.ts';
import { rounds } from '../support/rounds.ts';

let template: string;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  template = await embeddedTemplate();
}, 90_000);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arsia-embedded-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const open = async (): Promise<Database> =>
  createDatabase(await openEmbedded({ folder, template: await openAsBlob(template) }));

function start(
  script: string,
  ...args: string[]
): { child: ChildProcess; lines: AsyncIterator<string>; ended: Promise<unknown> } {
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return { child, ended, lines: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() };
}

describe('the folder of the embedded database', () => {
  test('M4 M5: refuses a second process, and after kill -9 opens with every committed row', async () => {
    for (let round = 0; round < rounds(2, 20); round++) {
      const { child, lines, ended } = start('./holder.ts', folder, template);
      expect((await lines.next()).value).toBe('open');
      const committed = [];
      for (let count = 0; count < 100 + round * 7; count++) committed.push((await lines.next()).value as string);

      await expect(open()).rejects.toThrow(
        `Process ${child.pid} holds the embedded database in ${folder}, and only one process can open it. Stop that process, set ARSIA_DATA to another folder, or set DATABASE_URL`,
      );
      child.kill('SIGKILL');
      for (let line = await lines.next(); !line.done; line = await lines.next()) committed.push(line.value);
      await ended;

      const database = await open();
      const rows = await database.query.selectFrom('audit_events').select('id').execute();
      const kept = new Set(rows.map((row) => row.id));
      // The last line may be torn off.
      expect(committed.filter((one) => one.length === 30 && !kept.has(one))).toEqual([]);
      await database.close();
    }
  }, 120_000);

  test('refuses a second opening in the same process with one line', async () => {
    const database = await open();
    const refusal = (await open().catch((error) => error)) as Error;
    expect(refusal.message).toMatch(/^Process \d+ holds the embedded database[^\n]+$/);
    await database.now();
    await database.close();
  });

  test('opens again with its rows after close', async () => {
    const first = await open();
    await first.query
      .insertInto('users')
      .values({ id: id('user'), organization_id: null, login: 'kept', created_at: new Date(now) })
      .execute();
    await first.close();
    const second = await open();
    expect(await second.query.selectFrom('users').select('login').execute()).toEqual([{ login: 'kept' }]);
    await second.close();
  });

  test('is created anew when the process was killed while it created it', async () => {
    await writeFile(join(folder, 'lock'), '');
    await mkdir(join(folder, 'pgdata.new', 'base'), { recursive: true });
    await writeFile(join(folder, 'pgdata.new', 'PG_VERSION'), '18\n');
    const database = await open();
    await database.now();
    await database.close();
  });

  test('is unlocked when opening fails', async () => {
    await writeFile(join(folder, 'lock'), '');
    await mkdir(join(folder, 'pgdata'));
    await writeFile(join(folder, 'pgdata', 'PG_VERSION'), 'nonsense\n');
    await expect(openDatabase({ folder })).rejects.toThrow();
    lockFolder(folder, ['pgdata']).release();
  });
});

describe('a lock file that is deleted or replaced under a process that holds it', () => {
  const lock = () => join(folder, 'lock');
  const started = async () => {
    const holder = start('./holder.ts', folder, template);
    expect((await holder.lines.next()).value).toBe('open');
    return holder;
  };
  const committed = async (lines: AsyncIterator<string>, count: number) => {
    const ids: string[] = [];
    for (let line = await lines.next(); !line.done; line = await lines.next())
      if (ids.push(line.value) === count) break;
    return ids;
  };

  test('N84: keeps a second process out after its deletion, and the first process creates and locks it again', async () => {
    const { child, lines, ended } = await started();
    // Stopped, it cannot make the file again before the second process looks.
    child.kill('SIGSTOP');
    await rm(lock());
    await expect(open()).rejects.toThrow(
      `The lock file ${lock()} was deleted, and process ${child.pid} may still have ${folder}/pgdata open. Stop every arsia that uses ${folder}, run \`touch ${lock()}\` and start again.`,
    );
    expect(existsSync(lock())).toBe(false);
    child.kill('SIGCONT');
    await committed(lines, 200);
    await expect(open()).rejects.toThrow(`Process ${child.pid} holds the embedded database`);
    child.kill('SIGKILL');
    await ended;
    await (await open()).close();
  }, 60_000);

  test('N84: stops the first process before its next write after a replacement, and the second has every committed row', async () => {
    const { child, lines, ended } = await started();
    const before = await committed(lines, 100);
    await writeFile(`${lock()}.new`, '');
    await rename(`${lock()}.new`, lock());
    const after = await committed(lines, 1_000_000);
    expect(await ended).toBe(1);
    expect(child.signalCode).toBe(null);
    const database = await open();
    const rows = await database.query.selectFrom('audit_events').select('id').execute();
    const kept = new Set(rows.map((row) => row.id));
    expect([...before, ...after].filter((one) => one.length === 30 && !kept.has(one))).toEqual([]);
    await database.close();
  }, 60_000);

  test('N84: keeps out a second opening by the same process after its deletion', async () => {
    const database = await open();
    await rm(lock());
    await expect(open()).rejects.toThrow(/ was deleted, and process \d+ may still have /);
    await database.now();
    await expect(open()).rejects.toThrow(/^Process \d+ holds the embedded database/);
    await database.close();
  });

  test('N84: makes the database unavailable once it is lost, and closing writes nothing', async () => {
    const pglite = await PGlite.create({ loadDataDir: await openAsBlob(template) });
    const database = createDatabase(createSingleConnectionPool(pglite, lockFolder(folder, [])));
    await database.now();
    await writeFile(`${lock()}.new`, '');
    await rename(`${lock()}.new`, lock());
    const second = lockFolder(folder, []);
    for (let tries = 0; tries < 2; tries++)
      await expect(database.now()).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.not.stringContaining(folder),
        cause: { message: expect.stringContaining(`${lock()} was replaced`) },
      });
    await database.close();
    expect(pglite.closed).toBe(false);
    // The note on the holder is the other one's by now.
    expect(existsSync(join(folder, 'lock.pid'))).toBe(true);
    second.release();
    await pglite.close();
  });
});

describe('the modes of the files', () => {
  const modes = async () => {
    const found = [];
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      found.push({
        path: join(entry.parentPath, entry.name),
        mode: mode & 0o777,
        wanted: entry.isDirectory() ? 0o700 : 0o600,
      });
    }
    return found;
  };

  test('N73: are for the owner only, in a new database and in one that was open to all', async () => {
    await chmod(folder, 0o755);
    const umask = process.umask(0);
    try {
      for (const round of ['new', 'repaired']) {
        const database = await open();
        await database.now();
        expect((await stat(folder)).mode & 0o777).toBe(0o700);
        const found = await modes();
        expect({ round, open: found.filter(({ mode, wanted }) => mode !== wanted) }).toEqual({ round, open: [] });
        expect(found.length).toBeGreaterThan(500);
        await database.close();
        for (const { path, wanted } of found)
          await chmod(path, wanted === 0o700 ? 0o755 : 0o666).catch(() => undefined);
      }
    } finally {
      process.umask(umask);
    }
  }, 30_000);

  test.each(['777', '770', '1777', '702', '720'])(
    'N73: a folder with mode 0%s is refused with the command',
    async (mode) => {
      await chmod(folder, Number.parseInt(mode, 8));
      await expect(open()).rejects.toThrow(
        `The folder ${folder} has mode 0${mode}: users other than its owner can replace its files. Run \`chmod 700 ${folder}\``,
      );
      expect(await readdir(folder)).toEqual([]);
    },
  );

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot('N73: a folder of another user is refused with the command', async () => {
    await chown(folder, 65_534, 65_534);
    await expect(open()).rejects.toThrow(`Run \`chown 0 ${folder}\``);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the lock of a folder', () => {
  test('names no process when the holder wrote no pid', async () => {
    const lock = lockFolder(folder, ['pgdata']);
    await rm(join(folder, 'lock.pid'));
    expect(() => lockFolder(folder, ['pgdata'])).toThrow('Another process holds the embedded database');
    lock.release();
  });

  test('does not trust a pid that was left behind', async () => {
    await writeFile(join(folder, 'lock.pid'), `${process.ppid}\n`);
    const lock = lockFolder(folder, ['pgdata']);
    lock.release();
    lock.release();
    lockFolder(folder, ['pgdata']).release();
  });
});
