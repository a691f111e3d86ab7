import { existsSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeHome, type Settings, type Spawned, settingsOf, spawnArsia } from '../support/arsia.ts';

/** F20: what becomes of the log is no matter of those who are served. */
describe('F20: a server goes on', () => {
  let settings: Settings;
  let origin: string;
  let cwd: string;

  beforeAll(async () => {
    const home = await makeHome('postgres');
    cwd = home.folder;
    ({ settings, origin } = await settingsOf(home));
  }, 120_000);

  async function serveTo(stdout?: number): Promise<Spawned> {
    const server = spawnArsia(['serve'], { settings, cwd, ...(stdout !== undefined && { stdout }) });
    await server.ready(origin);
    return server;
  }

  /** A line of the log each, of some length. */
  async function askMany(count: number): Promise<void> {
    const headers = { 'x-request-id': 'r'.repeat(64) };
    let left = count;
    const lane = async () => {
      for (; left > 0; left--) {
        const answer = await fetch(`${origin}/api/v1/groups`, { headers });
        expect(answer.status).toBe(401);
        await answer.arrayBuffer();
      }
    };
    await Promise.all(Array.from({ length: 32 }, lane));
  }

  async function endsInOrder(server: Spawned): Promise<void> {
    server.child.kill('SIGTERM');
    const late = sleep(30_000).then(() => 'still there');
    expect(await Promise.race([server.exited, late])).toEqual({ code: 0, signal: null });
  }

  test('while nobody reads what it logs, drops what is too much, tells how much, and ends when it is told to', async () => {
    const server = await serveTo();
    server.child.stdout!.pause();
    await askMany(8000);
    expect((await fetch(`${origin}/.well-known/jwks.json`)).status).toBe(200);
    server.child.stdout!.resume();
    const dropped = () =>
      [...server.stdout().matchAll(/"lines":(\d+),"msg":"lines were dropped/g)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    const told = () => server.stdout().split('"msg":"request"').length - 1 + dropped();
    // What was dropped is told with the first line for which there is room again.
    for (let tries = 0; told() < 8000 && tries < 200; tries++) await Promise.all([askMany(1), sleep(50)]);
    expect(told()).toBeGreaterThanOrEqual(8000);
    expect(dropped()).toBeGreaterThan(0);

    server.child.stdout!.pause();
    await askMany(2000);
    server.child.kill('SIGTERM');
    // The exit, not the end of its output: that is what nobody reads.
    await expect(new Promise((resolve) => server.child.once('exit', resolve))).resolves.toBe(0);
    server.child.stdout!.resume();
  }, 60_000);

  const full = '/dev/full';
  (existsSync(full) ? test : test.skip)(
    'while the disk of its log is full, and ends when it is told to',
    async () => {
      const server = await serveTo(openSync(full, 'w'));
      await askMany(100);
      expect((await fetch(`${origin}/readyz`)).status).toBe(200);
      await endsInOrder(server);
    },
    60_000,
  );
});
