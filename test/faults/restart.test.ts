import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { freePort, makeHome, type Spawned } from '../support/arsia.ts';
import { rounds } from '../support/rounds.ts';
import { expectEveryRow, mintRows, tokensOf } from './issued.ts';
import { type Issuing, leaveIssuing, mint, serve } from './issuing.ts';
import { progress } from './progress.ts';
import { ask, keepAlive, type Reply } from './wire.ts';

const delay = 1;
const clients = 30;

interface Place {
  listen: string;
  origin: string;
  replica: Spawned;
  /** Whether the load balancer sends requests to it. */
  isReady: boolean;
}

/** Two replicas behind a load balancer, which polls `/readyz` and sends new requests to the ready replicas. */
describe('a rolling restart', () => {
  let issuing: Issuing;
  let places: Place[];

  beforeAll(async () => {
    issuing = await leaveIssuing({ home: await makeHome('postgres') });
    places = await Promise.all(
      [issuing.seed.settings.ARSIA_LISTEN!, `127.0.0.1:${await freePort()}`].map(async (listen) => ({
        listen,
        origin: `http://${listen}`,
        replica: await start(listen),
        isReady: true,
      })),
    );
  }, 120_000);

  const start = (listen: string) => serve(issuing, { ARSIA_LISTEN: listen, ARSIA_SHUTDOWN_DELAY: String(delay) });

  test('F2 M11: by SIGTERM with keep-alive clients: no request fails, and each process ends with 0', async () => {
    const [minted, read]: [Reply[], Reply[]] = [[], []];
    const errors: unknown[] = [];
    let isOver = false;
    const watching = places.map((place) => watch(place, () => isOver));
    const running = Array.from({ length: clients }, (_, index) => runClient(index));

    const count = rounds(1, 10);
    for (let round = 1; round <= count; round++)
      for (const place of places) {
        await sleep(200);
        place.replica.child.kill('SIGTERM');
        expect(await place.replica.exited).toEqual({ code: 0, signal: null });
        place.replica = await start(place.listen);
        while (!place.isReady) await sleep(20);
        progress(`restarted ${place.origin}, round ${round} of ${count}: ${minted.length} tokens`);
      }
    isOver = true;
    await Promise.all([...watching, ...running]);

    expect(errors).toEqual([]);
    expect([...minted, ...read].filter(({ status }) => status !== 200)).toEqual([]);
    expect(minted.length).toBeGreaterThan(clients * count);
    expectEveryRow(tokensOf(minted), await mintRows(issuing.organization.owner));

    /** Sends one request after the other on its own keep-alive connections: a mint, then a read of the keys. */
    async function runClient(index: number): Promise<void> {
      const agent = keepAlive();
      for (let turn = index; !isOver; turn++) {
        const ready = places.filter((place) => place.isReady);
        // When no replica is ready, the load balancer uses any.
        const { origin } = ready[turn % ready.length] ?? places[0]!;
        const looks = turn % 3 === 0;
        const sent = looks ? ask(`${origin}/.well-known/jwks.json`, { agent }) : mint(issuing, origin, { agent });
        await sent.then(
          (reply) => void (looks ? read : minted).push(reply),
          (error) => void errors.push(error),
        );
        await sleep(100);
      }
      agent.destroy();
    }
  }, 300_000);

  test('F2: during the wait it serves and closes connections, and it ends although clients hold connections', async () => {
    const { origin, replica } = places[0]!;
    const [idle, busy] = [keepAlive(), keepAlive()];
    await Promise.all(Array.from({ length: 5 }, () => mint(issuing, origin, { agent: idle })));
    replica.child.kill('SIGTERM');
    const replies: Reply[] = [];
    for (let isGone = false; !isGone; ) {
      const reply = await mint(issuing, origin, { agent: busy }).catch(() => undefined);
      if (reply === undefined) isGone = true;
      else replies.push(reply);
    }
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(replies.at(-1)!.headers.connection).toBe('close');
    expect(await replica.exited).toEqual({ code: 0, signal: null });
    idle.destroy();
    busy.destroy();
  }, 20_000);
});

async function watch(place: Place, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const reply = await ask(`${place.origin}/readyz`).catch(() => undefined);
    place.isReady = reply?.status === 200;
    await sleep(100);
  }
}
