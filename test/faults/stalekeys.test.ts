import { beforeAll, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, request } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { testRoles } from '../support/roles.ts';

/**
 * Two replicas on one PostgreSQL. The role of one may not read the keys for a while, and the other revokes a key in that time.
 */
let steady = 0;
let running: RunningArsia;
let other: RunningArsia;
let oracle: Oracle;

beforeAll(async () => {
  running = await startArsia({ monotonic: () => performance.now() + steady });
  oracle = await createOracle(running);
  const { home } = running;
  const settings = { ...home.settings, DATABASE_URL: home.urls!.admin };
  other = await startArsia({ home: { ...home, settings }, issuer: running.issuer });
}, 90_000);

const get = (path: string, origin = running.origin) => request(`${origin}${path}`);
const kids = (body: Body) => body.keys.map(({ kid }: Body) => kid);

/** Advances the time, with a read of the keys every 10 s. */
async function passes(seconds: number): Promise<void> {
  steady += seconds * 1000;
  for (const ring of Object.values(running.arsia.keyrings)) await ring.reload().catch(() => {});
}

test('F30 a replica that cannot read its keys is not ready, stops serving the changed JWKS, and serves the new one once it can read it', async () => {
  const { workload, authorization } = other.arsia.keyrings;
  const leaked = [workload.current().keys[0]!.kid, authorization.current().keys[0]!.kid];
  await oracle.execute(`REVOKE SELECT ON signing_keys FROM ${testRoles.application}`);
  await passes(20);
  expect((await get('/readyz')).status).toBe(200);
  await workload.revoke(leaked[0]!);
  await authorization.revoke(leaked[1]!);
  await passes(10);
  expect(await get('/readyz')).toMatchObject({
    status: 503,
    body: { status: 'not ready', reason: expect.stringMatching(/^the workload keys were last read 3\d s ago/) },
  });
  // It has only just learned of the change.
  const before = await get('/.well-known/jwks.json');
  expect(before.headers.get('cache-control')).toBe('public, max-age=30');

  await passes(30);
  for (const path of ['/.well-known/jwks.json', '/oauth2/jwks']) {
    const answer = await get(path);
    expect([path, answer.status, answer.headers.get('retry-after')]).toEqual([path, 503, '10']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
  expect((await get('/.well-known/openid-configuration')).status).toBe(200);
  expect((await get('/.well-known/jwks.json', other.origin)).status).toBe(200);

  await oracle.execute(`GRANT SELECT ON signing_keys TO ${testRoles.application}`);
  await passes(2);
  expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
  const after = await get('/.well-known/jwks.json');
  expect(after.headers.get('cache-control')).toBe('public, max-age=300');
  expect(kids(after.body)).not.toContain(leaked[0]);
  expect(kids((await get('/oauth2/jwks')).body)).not.toContain(leaked[1]);
}, 60_000);

test('F6 serves JWKS and discovery from memory while the database is unreachable for 10 minutes', async () => {
  const known = await get('/.well-known/jwks.json');
  // Superusers are exempt from the limit, so that the test can continue.
  const name = new URL(running.home.urls!.admin).pathname.slice(1);
  await oracle.execute(`ALTER DATABASE ${name} CONNECTION LIMIT 0`);
  await oracle.execute(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE usename = '${testRoles.application}' AND datname = current_database()`,
  );
  try {
    for (let minutes = 0; minutes < 10; minutes++) {
      await passes(60);
      for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration', '/oauth2/jwks'])
        expect([path, (await get(path)).status]).toEqual([path, 200]);
      expect(await get('/readyz')).toMatchObject({ status: 503, body: { reason: 'the database is away' } });
    }
    expect((await get('/.well-known/jwks.json')).text).toBe(known.text);
  } finally {
    await oracle.execute(`ALTER DATABASE ${name} CONNECTION LIMIT -1`);
  }
}, 60_000);
