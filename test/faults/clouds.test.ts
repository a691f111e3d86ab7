import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type CloudName, type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { atEnd, makeHome, type Spawned } from '../support/arsia.ts';
import type { Body } from '../support/client.ts';
import { setUpClouds } from '../support/clouds.ts';
import { rounds } from '../support/rounds.ts';
import { type Issuing, mint, serve, startIssuing } from './issuing.ts';
import { ask, type Reply } from './wire.ts';

const places = 4;
const limits = { ARSIA_CLOUD_DEADLINE: '4', ARSIA_CLOUD_CONCURRENCY: String(places) };
const clouds = [
  ['aws', 'aws'],
  ['azure', 'azure'],
  ['google', 'gcp'],
] as const;
type Name = (typeof clouds)[number][1];

describe('arsia serve, when a cloud fails', () => {
  let sandbox: Sandbox;
  let issuing: Issuing;
  let identities: Record<Name, Body>;
  let replica: Spawned;
  let origin: string;

  beforeAll(async () => {
    sandbox = await startSandbox();
    atEnd(() => sandbox.close());
    issuing = await startIssuing({ home: await makeHome('embedded'), sandbox });
    identities = await setUpClouds(issuing.organization, sandbox);
    await issuing.seed.stop();
    ({ origin } = issuing.seed);
    replica = await serve(issuing, limits);
  }, 120_000);

  afterEach(() => sandbox.clearFaults());

  const credentials = (name: Name): Promise<Reply> => {
    const body = { managed_identity: identities[name].id };
    return ask(`${origin}/api/v1/credentials`, { method: 'POST', token: issuing.job.token, body });
  };
  const calls = (cloud: CloudName) => sandbox.requests[cloud].count;
  const exchanges = async (filter: string): Promise<Body[]> =>
    (await issuing.organization.owner.send('GET', `/audit-events?action=credentials.exchange&limit=200${filter}`))
      .items;

  test('F10: hangs: 504 at the deadline, no more calls than places, and the other clouds are not affected', async () => {
    await Promise.all(clouds.map(([, name]) => credentials(name)));
    const before = { calls: calls('aws'), failed: (await exchanges('&outcome=failed')).length };
    sandbox.inject('aws', { kind: 'hang' }, 100);
    const answered: Reply[] = [];
    const hanging = Array.from({ length: places + 2 }, () =>
      credentials('aws').then((reply) => void answered.push(reply)),
    );
    while (calls('aws') < before.calls + places) await sleep(5);
    const others = await Promise.all([credentials('azure'), credentials('gcp'), mint(issuing, origin)]);
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200]);
    // All of this happened while the first cloud did not respond.
    expect(answered).toHaveLength(0);
    expect(calls('aws')).toBe(before.calls + places);

    await Promise.all(hanging);
    const codes = answered.map(({ status, body }) => `${status} ${body.code}`);
    expect(codes.toSorted()).toEqual([...Array(2).fill('503 busy'), ...Array(places).fill('504 cloud_timeout')]);
    sandbox.clearFaults();
    const failed = await exchanges('&outcome=failed');
    expect(failed.length).toBe(before.failed + hanging.length);
    expect(failed.every(({ parent_id }) => parent_id !== null)).toBe(true);
    expect((await credentials('aws')).status).toBe(200);
  }, 60_000);

  describe.each(clouds)('%s', (cloud, name) => {
    test.each([500, 429] as const)(
      'F11: responds %s to half of the calls: each is tried again, once',
      async (status) => {
        await credentials(name);
        const clean = calls(cloud);
        await credentials(name);
        const perExchange = calls(cloud) - clean;

        const count = rounds(4, 40);
        const before = calls(cloud);
        for (let turn = 0; turn < count; turn++) {
          if (turn % 2 === 0) sandbox.inject(cloud, { kind: 'fail', status });
          expect(await credentials(name)).toMatchObject({ status: 200 });
        }
        // A failed exchange causes the calls of at most one more attempt.
        expect(calls(cloud) - before).toBeLessThanOrEqual(1.5 * count * perExchange);
      },
      120_000,
    );

    test('F11: always responds 500: three attempts, then 502 with its own code', async () => {
      const before = calls(cloud);
      sandbox.inject(cloud, { kind: 'fail', status: 500 }, 100);
      const { status, body } = await credentials(name);
      expect({ status, code: body.code, cloud: body.cloud.provider }).toEqual({
        status: 502,
        code: 'cloud_unavailable',
        cloud: name,
      });
      expect(calls(cloud) - before).toBeLessThanOrEqual(3);
    }, 60_000);
  });

  test('F1: killed during an exchange: the mint has its audit event without an outcome, and nothing else is missing', async () => {
    const before = { calls: calls('aws'), exchanges: await exchanges('') };
    sandbox.inject('aws', { kind: 'hang' });
    const outcome = Promise.allSettled([credentials('aws')]);
    while (calls('aws') === before.calls) await sleep(5);
    replica.child.kill('SIGKILL');
    expect((await outcome)[0]!.status).toBe('rejected');

    await replica.exited;
    replica = await serve(issuing, limits);
    expect(await exchanges('')).toEqual(before.exchanges);
    const path = `/audit-events?action=token.mint&limit=1&identity=${identities.aws.id}`;
    const [minted] = (await issuing.organization.owner.send('GET', path)).items;
    expect(before.exchanges.map(({ parent_id }) => parent_id)).not.toContain(minted.id);
    expect((await credentials('aws')).status).toBe(200);
  }, 60_000);
});
