import { type ChildProcess, spawn } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Database, databaseOver, openDatabase } from '../../src/store/database.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import { lockFolder } from '../../src/store/lock.ts';
import { embeddedTemplate } from '../support/databases.ts';
import { rounds } from '../support/rounds.ts';
import { id, now } from './organization.ts';

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
  databaseOver(await openEmbedded({ folder, template: await openAsBlob(template) }));

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
        `Process ${child.pid} holds the embedded database in ${folder}, and only one may: stop it, set ARSIA_DATA to another folder, or set DATABASE_URL`,
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

  test('refuses a second opening in the same process, in one line', async () => {
    const database = await open();
    const refusal = (await open().catch((error) => error)) as Error;
    expect(refusal.message).toMatch(/^Process \d+ holds the embedded database[^\n]+$/);
    await database.now();
    await database.close();
  });

  test('opens again with its rows when it was closed', async () => {
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

  test('is made whole again when the process was killed while it was made', async () => {
    await mkdir(join(folder, 'pgdata.new', 'base'), { recursive: true });
    await writeFile(join(folder, 'pgdata.new', 'PG_VERSION'), '18\n');
    const database = await open();
    await database.now();
    await database.close();
  });

  test('is let go when opening fails', async () => {
    await mkdir(join(folder, 'pgdata'));
    await writeFile(join(folder, 'pgdata', 'PG_VERSION'), 'nonsense\n');
    await expect(openDatabase({ folder })).rejects.toThrow();
    lockFolder(folder).release();
  });
});

describe('the lock of a folder', () => {
  test('names no process when the holder wrote none', async () => {
    const lock = lockFolder(folder);
    await rm(join(folder, 'lock.pid'));
    expect(() => lockFolder(folder)).toThrow('Another process holds the embedded database');
    lock.release();
  });

  test('does not believe a pid that was left behind: that process may be anybody by now', async () => {
    await writeFile(join(folder, 'lock.pid'), `${process.ppid}\n`);
    const lock = lockFolder(folder);
    lock.release();
    lock.release();
    lockFolder(folder).release();
  });
});
