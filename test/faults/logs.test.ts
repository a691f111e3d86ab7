import { existsSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeHome, type Settings, type Spawned, settingsOf, spawnArsia } from '../support/arsia.ts';

/** F20: a fault of the log output must not affect requests. */
describe('F20: a server continues', () => {
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

  /** Sends requests, each of which writes a line of some length to the log. */
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

  test('while its log is not read, drops the excess, logs the number of dropped lines, and ends on SIGTERM', async () => {
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
    // The number of dropped lines is logged with the first line that fits again.
    for (let tries = 0; told() < 8000 && tries < 200; tries++) await Promise.all([askMany(1), sleep(50)]);
    expect(told()).toBeGreaterThanOrEqual(8000);
    expect(dropped()).toBeGreaterThan(0);

    server.child.stdout!.pause();
    await askMany(2000);
    server.child.kill('SIGTERM');
    // Waits for the exit and not for the end of the output, which is not read.
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
