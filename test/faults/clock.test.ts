import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { freePort, type Spawned } from '../support/arsia.ts';
import { type Issuing, mint, serve, startIssuing } from './issuing.ts';
import type { Reply } from './wire.ts';

const wrongClock = fileURLToPath(new URL('wrongclock.js', import.meta.url));

describe.each([
  ['ahead of', 600_000],
  ['behind', -600_000],
])('F18: a replica whose clock is ten minutes %s the other ones', (words, milliseconds) => {
  let issuing: Issuing;
  let origin: string;
  let replica: Spawned;

  beforeAll(async () => {
    issuing = await startIssuing();
    const address = `127.0.0.1:${await freePort()}`;
    origin = `http://${address}`;
    replica = await serve(issuing, {
      ARSIA_LISTEN: address,
      NODE_OPTIONS: `--import=${wrongClock}`,
      WRONG_BY_MS: String(milliseconds),
    });
  }, 120_000);

  const fault = `the clock of this machine is 600 s ${words} the database's: synchronise both (NTP)`;

  /** Sets the clock wrong or right. Returns the response after the process has handled the signal. */
  async function setClock(status: number): Promise<Reply> {
    replica.child.kill('SIGUSR2');
    for (let tries = 0; tries < 200; tries++) {
      const reply = await mint(issuing, origin);
      if (reply.status === status) return reply;
      await sleep(50);
    }
    throw new Error(`a mint never answered ${status}`);
  }

  test('signs nothing while its clock is wrong, names the reason, and signs again once the clock is right', async () => {
    const refused = await setClock(503);
    expect(refused.headers['retry-after']).toBe('10');
    expect(refused.body).toMatchObject({
      code: 'unavailable',
      detail: `Nothing is signed while ${fault}.`,
    });

    const ready = await fetch(`${origin}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining(fault)]);
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
    expect((await fetch(`${origin}/.well-known/jwks.json`)).status).toBe(200);
    // The other replica continues.
    expect((await mint(issuing, issuing.seed.origin)).status).toBe(200);

    await setClock(200);
    await replica.ready(origin);
    expect(replica.stdout()).toContain('no token is signed');
    expect(replica.stdout()).toContain('"error_code":"unavailable"');
  });
});
