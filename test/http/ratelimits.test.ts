import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ArsiaError } from '../../src/core/errors.ts';
import type { Database } from '../../src/database/connections.ts';
import { createAddressReader, hostOf } from '../../src/http/limits/address.ts';
import { type ProvedBy, readFormCredential } from '../../src/http/limits/credential.ts';
import { createLimits } from '../../src/http/limits/limits.ts';
import {
  type CheckCredential,
  createCredentialCheck,
  type PresentedCredential,
} from '../../src/services/machines/livecredentials.ts';
import { atEnd, makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, exchangeToken, postForm, request } from '../support/client.ts';
import { createIdentity, createOrganization, type Organization, startJob } from '../support/organization.ts';
import { startSignIn } from '../support/people.ts';

/** A low rate, so that a hundred requests at once exceed it even on a slow machine. */
const rate = 2;
const many = 100;

/** Starts a second server with limits on the same database: the set-up sends more requests than the limits allow. */
async function startLimited(from: RunningArsia, settings: Record<string, string> = {}): Promise<RunningArsia> {
  return await startArsia({
    home: from.home,
    issuer: from.issuer,
    settings: { ARSIA_RATE_LIMIT: String(rate), ...settings },
  });
}

let plain: RunningArsia;
let organization: Organization;

beforeAll(async () => {
  plain = await startArsia({ home: await makeHome('postgres') });
  organization = await createOrganization(plain);
  const settings = { audience: 'https://api.acme.example' };
  await createIdentity(organization, { name: 'api', type: 'oidc', settings, delivery: 'both' });
}, 60_000);

const get = (running: RunningArsia, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  request(`${running.origin}${path}`, { headers });
const as = (token: string | undefined) => ({ authorization: `Bearer ${token}` });
const atOnce = (send: (n: number) => Promise<Answer>, count = many): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => send(n)));
const statuses = (answers: Answer[]): number[] => [...new Set(answers.map(({ status }) => status))].sort();

describe('N41 a caller over its rate limit', () => {
  test('gets a problem with a wait time; other callers are served', async () => {
    const running = await startLimited(plain);
    const [{ token: one }, { token: two }] = [await startJob(organization), await startJob(organization)];
    const path = `/api/v1/workspaces/${organization.workspaceId}/managed-identities`;
    const answers = await atOnce(() => get(running, path, as(one)));
    expect(statuses(answers)).toEqual([200, 429]);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(many / 2);
    for (const { headers, body } of refused) {
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(headers.get('ratelimit-policy')).toBe(`"caller";q=${rate};w=1`);
      expect(headers.get('ratelimit')).toMatch(/^"caller";r=0;t=\d+$/);
      expect(body).toMatchObject({ code: 'too_many_requests', status: 429, request_id: headers.get('x-request-id') });
    }
    const other = await get(running, path, as(two));
    expect([other.status, other.headers.get('ratelimit')]).toEqual([200, `"caller";r=${rate - 1};t=1`]);
  });

  test('counts together at the API and /oauth2/token; each answers in its own error format', async () => {
    const running = await startLimited(plain);
    const { token } = await startJob(organization);
    const answers = await atOnce(() => exchangeToken(running.origin, token, 'acme/lab/api'));
    expect(statuses(answers)).toEqual([200, 429]);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(refused.body).toEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(refused.headers.get('cache-control')).toBe('no-store');
    const mint = await request(`${running.origin}/api/v1/tokens`, {
      method: 'POST',
      headers: { ...as(token), 'content-type': 'application/json' },
      body: JSON.stringify({ managed_identity: 'acme/lab/api' }),
    });
    expect(mint.status).toBe(429);
    // A second client, from the same address.
    const other = await startJob(organization);
    expect((await exchangeToken(running.origin, other.token, 'acme/lab/api')).status).toBe(200);
  });

  test('can still read discovery, keys and health', async () => {
    const running = await startLimited(plain);
    await atOnce(() => get(running, '/api/v1/groups'));
    for (const path of [
      '/.well-known/openid-configuration',
      '/.well-known/jwks.json',
      '/oauth2/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server/oauth2',
      '/oauth2/jwks',
      '/healthz',
      '/readyz',
    ]) {
      const answers = await atOnce(() => get(running, path), 30);
      expect([path, statuses(answers)]).toEqual([path, [200]]);
      expect(answers[0]!.headers.get('ratelimit')).toBeNull();
    }
    expect((await get(running, '/api/v1/groups')).status).toBe(429);
  });

  test('causes no audit event and no database query', async () => {
    const running = await startLimited(plain);
    const { token } = await startJob(organization);
    const answers = await atOnce(() => get(running, '/api/v1/users', as(token)));
    const ids = answers.filter(({ status }) => status === 429).map(({ headers }) => headers.get('x-request-id'));
    expect(ids.length).toBeGreaterThan(0);
    const { items } = await organization.owner.send('GET', '/audit-events?limit=200&action=user.list');
    expect(items.filter((event: { request_id: string }) => ids.includes(event.request_id))).toEqual([]);
  });

  test('does not exist when the limit is off', async () => {
    const running = await startLimited(plain, { ARSIA_RATE_LIMIT: '0' });
    const answers = await atOnce(() => get(running, '/api/v1/groups'));
    expect([statuses(answers), answers[0]!.headers.get('ratelimit')]).toEqual([[401], null]);
  });
});

describe('callers without a valid token', () => {
  test('N41 many invalid tokens block further invalid tokens of their address, and no valid token', async () => {
    const running = await startLimited(plain);
    const path = `/api/v1/workspaces/${organization.workspaceId}/managed-identities`;
    const { token } = await startJob(organization);
    expect((await get(running, path, as(token))).status).toBe(200);
    const guesses = await atOnce((n) => get(running, path, as(`arsia_job_${String(n).padStart(43, 'x')}`)));
    const more = await atOnce((n) => get(running, path, as(`arsia_job_${String(n).padStart(43, 'y')}`)));
    expect(statuses([...guesses, ...more])).toEqual([401, 429]);
    expect((await get(running, path, as(token))).status).toBe(200);
  });

  test('a request to an unknown path or with a bad body does not make its token count as valid', async () => {
    const running = await startLimited(plain);
    const guess = (n: number) => as(`arsia_job_${String(n % 3).padStart(43, 'z')}`);
    for (const n of [0, 1, 2]) {
      await get(running, '/api/v1/nothing', guess(n));
      await request(`${running.origin}/api/v1/tokens`, { method: 'POST', headers: guess(n), body: '{' });
    }
    // Each of the three still has its own limit; together they have exceeded the limit of their address.
    const answers: Answer[] = [];
    for (let n = 0; n < 60; n++) answers.push(await get(running, '/api/v1/groups', guess(n)));
    expect(statuses(answers)).toContain(429);
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThan(60 / 2);
  });

  test('N41 a new token with each request does not avoid the limit, also when the request is refused before its token is checked', async () => {
    const running = await startLimited(plain);
    const answers = await atOnce((n) =>
      request(`${running.origin}/api/v1/tokens`, {
        method: 'POST',
        headers: { ...as(`arsia_job_${String(n).padStart(43, 'w')}`), 'content-type': 'application/json' },
        body: '{',
      }),
    );
    const more = await atOnce((n) => get(running, '/api/v1/nothing', as(`arsia_job_${String(n).padStart(43, 'v')}`)));
    expect(statuses([...answers, ...more])).toContain(429);
    expect(more.filter(({ status }) => status === 404).length).toBeLessThan(many);
  });

  test('N41 an answer that does not depend on the token, such as the methods of a path, does not make the token count as valid', async () => {
    const running = await startLimited(plain);
    const guess = (n: number) => as(`arsia_job_${String(n).padStart(43, 'u')}`);
    const path = '/api/v1/groups';
    await atOnce((n) => request(`${running.origin}${path}`, { method: 'OPTIONS', headers: guess(n) }));
    const answers = await atOnce((n) => get(running, path, guess(n)));
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThan(many / 2);
  });

  test('/oauth2/token reads the whole form, sent at once or in parts', async () => {
    const running = await startLimited(plain, { ARSIA_RATE_LIMIT: '100000' });
    const { launcherId: client_id, launcherSecret: client_secret } = organization;
    const form = { grant_type: 'client_credentials', client_id, client_secret };
    expect((await postForm(running.origin, '/token', form)).status).toBe(200);
    const text = new URLSearchParams(form).toString();
    const parts = new ReadableStream({
      async start(controller) {
        for (const part of [text.slice(0, 9), text.slice(9, 60), text.slice(60)]) {
          controller.enqueue(new TextEncoder().encode(part));
          await new Promise((done) => setTimeout(done, 20));
        }
        controller.close();
      },
    });
    const init = { method: 'POST', body: parts, duplex: 'half' } as RequestInit;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await request(`${running.origin}/oauth2/token`, { ...init, headers })).status).toBe(200);
    expect((await postForm(running.origin, '/token', {})).status).toBe(401);
  });
});

/** Sends invalid tokens from this address until `stop`. */
function flood(running: RunningArsia, tokenOf: (n: number) => string) {
  let isOver = false;
  let sent = 0;
  const seen = new Map<number, number>();
  const senders = Array.from({ length: 20 }, async () => {
    while (!isOver) {
      const { status } = await get(running, '/api/v1/users', as(tokenOf(sent++)));
      seen.set(status, (seen.get(status) ?? 0) + 1);
    }
  });
  return {
    seen,
    /** Resolves when the address is over its limit. */
    async begun() {
      while (!seen.has(429)) await new Promise((done) => setTimeout(done, 5));
    },
    async stop() {
      isOver = true;
      await Promise.all(senders);
    },
  };
}

const madeUp: Record<string, (n: number) => string> = {
  malformed: (n) => `x${n}`,
  'well-formed': (n) => `arsia_job_${String(n).padStart(43, 'q')}`,
};

describe.each(Object.entries(madeUp))('N76 behind an address that sends a flood of %s tokens', (_kind, tokenOf) => {
  const runDuringFlood = async (running: RunningArsia, work: () => Promise<void>) => {
    const bad = flood(running, tokenOf);
    try {
      await bad.begun();
      await work();
    } finally {
      await bad.stop();
    }
    return bad.seen;
  };

  test('all of 60 jobs get their first token, at the API and at /oauth2/token', async () => {
    const running = await startLimited(plain);
    const jobs = await Promise.all(Array.from({ length: 60 }, () => startJob(organization)));
    const seen = await runDuringFlood(running, async () => {
      const answers = await Promise.all(
        jobs.map(({ token }, n) =>
          n % 2 === 0
            ? exchangeToken(running.origin, token, 'acme/lab/api')
            : request(`${running.origin}/api/v1/tokens`, {
                method: 'POST',
                headers: { ...as(token), 'content-type': 'application/json' },
                body: JSON.stringify({ managed_identity: 'acme/lab/api' }),
              }),
        ),
      );
      expect(answers.map(({ status, text }) => [status, status === 200 ? '' : text])).toEqual(
        answers.map(() => [200, '']),
      );
    });
    // The flood itself stays limited.
    expect(seen.get(429)!).toBeGreaterThan(seen.get(401)!);
  }, 30_000);

  test('the first requests of people and clients are served', async () => {
    const running = await startLimited(plain);
    const { launcher, launcherId: client_id, launcherSecret: client_secret } = organization;
    await runDuringFlood(running, async () => {
      expect((await get(running, '/api/v1/users', as(organization.owner.token))).status).toBe(200);
      const form = { grant_type: 'client_credentials', client_id, client_secret };
      expect((await postForm(running.origin, '/token', form)).status).toBe(200);
      const basic = { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` };
      expect((await postForm(running.origin, '/introspect', { token: launcher.token! }, basic)).status).toBe(200);
    });
  }, 30_000);

  test('an ended token and a secret of another kind count as unknown', async () => {
    const running = await startLimited(plain);
    const ended = await startJob(organization);
    await organization.launcher.send('PATCH', ended.path, { state: 'ended' });
    await runDuringFlood(running, async () => {
      expect((await get(running, '/api/v1/users', as(ended.token))).status).toBe(429);
    });
  }, 30_000);
});

describe('N76 database queries of the limits', () => {
  const unknown = (n: number) => ({ text: `arsia_job_${String(n).padStart(43, 'p')}`, isAssertion: false });
  const away = () => new ArsiaError('unavailable', 'The database does not respond at the moment.');

  const requestFrom = (client_address: string) => ({
    message: { headers: {} } as IncomingMessage,
    headers: {},
    origin: { request_id: 'limits-1', client_address, user_agent: null },
  });

  /** Creates limits with `check` as their database. `ask` resolves with the code of the refusal, undefined for none. */
  function createRig(check: CheckCredential, remoteAddress = '192.0.2.1') {
    const limits = createLimits({ rate }, check);
    const refuse = async () => {
      throw new ArsiaError('unauthenticated', 'no');
    };
    return async (credential: PresentedCredential, address = remoteAddress): Promise<string | undefined> => {
      return await limits
        .within(
          requestFrom(address),
          async () => credential,
          refuse,
          () => 'refused',
        )
        .then(
          () => undefined,
          (thrown: ArsiaError) => thrown.code,
        );
    };
  }

  test('there is none below the limit of the address, and none for a text without the shape of a credential', async () => {
    const asked: string[] = [];
    const ask = createRig(({ text }) => {
      asked.push(text);
      return undefined;
    });
    for (let n = 0; n < rate; n++) expect(await ask(unknown(n))).toBe('unauthenticated');
    expect(asked).toEqual([]);
    expect(await ask(unknown(rate))).toBe('too_many_requests');
    expect(asked).toHaveLength(1);
    const real = createCredentialCheck({ database: {} as Database, clock: { now: Date.now, random: randomBytes } });
    for (const text of [
      '',
      'x',
      'arsia_job_',
      `arsia_job_${'x'.repeat(44)}`,
      `x arsia_job_${'x'.repeat(43)}`,
      'eyJ.e30.x',
    ])
      expect(real({ text, isAssertion: false })).toBeUndefined();
    expect(real({ text: 'https://accounts.google.com', isAssertion: true })).toBeUndefined();
  });

  test('there is one for a credential, however often it is sent', async () => {
    let asked = 0;
    const ask = createRig(async () => {
      asked++;
      return false;
    });
    for (let n = 0; n < rate; n++) await ask(unknown(n));
    await Promise.all(Array.from({ length: 50 }, () => ask(unknown(99))));
    for (let n = 0; n < 50; n++) await ask(unknown(99));
    expect(asked).toBe(1);
  });

  test('there is at most one batch at a time for each address, and other addresses do not wait for it', async () => {
    let asked = 0;
    const gate = Promise.withResolvers<boolean>();
    const ask = createRig(() => {
      asked++;
      return gate.promise;
    });
    for (const address of ['192.0.2.1', '192.0.2.2']) for (let n = 0; n < rate; n++) await ask(unknown(n), address);
    const flooded = Array.from({ length: 1000 }, (_, n) => ask(unknown(100 + n)));
    const shed = await Promise.race(flooded);
    expect([shed, asked]).toEqual(['too_many_requests', 256]);
    const other = ask(unknown(5000), '192.0.2.2');
    await new Promise(setImmediate);
    expect(asked).toBe(257);
    gate.resolve(false);
    await Promise.all([...flooded, other]);
  });

  test('requests get 503 and not 429 while the database is away, and do not queue', async () => {
    let isAway = true;
    const ask = createRig(async () => {
      if (isAway) throw away();
      return true;
    });
    for (let n = 0; n < rate; n++) await ask(unknown(n));
    const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => ask(unknown(100 + n))));
    expect(new Set(answers)).toEqual(new Set(['unavailable', 'too_many_requests']));
    expect(answers.filter((code) => code === 'unavailable')).toHaveLength(256);
    isAway = false;
    // The limits let it pass, and authentication refuses it.
    expect(await ask(unknown(100))).toBe('unauthenticated');
  });

  test('a bearer token never counts as the assertion of an account', async () => {
    const limits = createLimits({ rate }, async () => true);
    const sa = `sa_${'0'.repeat(26)}`;
    const use = (credential: PresentedCredential) =>
      limits
        .within(
          requestFrom('192.0.2.1'),
          async () => credential,
          async () => {},
          () => 'opened',
        )
        .then(
          () => 'passed',
          () => 'refused',
        );
    for (let n = 0; n < 20; n++) await use({ text: `192.0.2.1 ${sa}`, isAssertion: false });
    expect(await use({ text: sa, isAssertion: true })).toBe('passed');
  });
});

describe('behind proxies', () => {
  test('N76 X-Forwarded-For without a trusted proxy logs a warning that names the setting, at most once in 5 minutes', async () => {
    const warnings = (running: RunningArsia) =>
      running
        .logged()
        .split('\n')
        .filter((line) => line.includes('"setting":"ARSIA_TRUSTED_PROXIES"'));
    const running = await startLimited(plain);
    await get(running, '/api/v1/groups');
    expect(warnings(running)).toEqual([]);
    await atOnce(() => get(running, '/api/v1/groups', { 'x-forwarded-for': '198.51.100.7' }), 20);
    expect(warnings(running)).toHaveLength(1);
    const [warning] = warnings(running).map((line) => JSON.parse(line));
    expect(warning).toMatchObject({ level: 'warn', peer: '127.0.0.1' });
    expect(warning.msg).toContain('ARSIA_TRUSTED_PROXIES=1');
    expect(JSON.stringify(warning)).not.toContain('198.51.100.7');
    const trusting = await startLimited(plain, { ARSIA_TRUSTED_PROXIES: '1' });
    await get(trusting, '/api/v1/groups', { 'x-forwarded-for': '198.51.100.7' });
    expect(warnings(trusting)).toEqual([]);
  });

  const statusesOf = async (settings: Record<string, string>, forwarded: (n: number) => string) => {
    const running = await startLimited(plain, settings);
    return statuses(await atOnce((n) => get(running, '/api/v1/groups', { 'x-forwarded-for': forwarded(n) }), 60));
  };
  const own = (n: number) => `198.51.100.${n + 1}`;

  test('X-Forwarded-For is ignored unless its sender is a trusted proxy', async () => {
    expect(await statusesOf({}, own)).toEqual([401, 429]);
    expect(await statusesOf({ ARSIA_TRUSTED_PROXIES: '1' }, own)).toEqual([401]);
    expect(await statusesOf({ ARSIA_TRUSTED_PROXIES: '127.0.0.0/8' }, own)).toEqual([401]);
    expect(await statusesOf({ ARSIA_TRUSTED_PROXIES: '10.0.0.0/8' }, own)).toEqual([401, 429]);
  });

  test('addresses that the caller itself puts in front are ignored', async () => {
    expect(await statusesOf({ ARSIA_TRUSTED_PROXIES: '1' }, (n) => `${own(n)}, 203.0.113.9`)).toEqual([401, 429]);
    expect(await statusesOf({ ARSIA_TRUSTED_PROXIES: '127.0.0.1' }, (n) => `${own(n)}, 203.0.113.9`)).toEqual([
      401, 429,
    ]);
  });

  const from = (remoteAddress: string, forwarded?: string) =>
    ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

  test.each([
    [0, '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    [0, '::ffff:192.0.2.1', undefined, '192.0.2.1'],
    [1, '192.0.2.1', '203.0.113.9', '203.0.113.9'],
    [1, '192.0.2.1', '198.51.100.1, 203.0.113.9', '203.0.113.9'],
    [2, '192.0.2.1', '198.51.100.1, 203.0.113.9', '198.51.100.1'],
    [1, '192.0.2.1', '203.0.113.9:4711', '203.0.113.9'],
    [1, '192.0.2.1', '[2001:db8::1]:4711', '2001:db8::1'],
    [1, '192.0.2.1', undefined, '192.0.2.1'],
    [3, '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    [1, '192.0.2.1', 'unknown', '192.0.2.1'],
    [['192.0.2.0/24'], '192.0.2.1', '203.0.113.9', '203.0.113.9'],
    [['192.0.2.0/24'], '192.0.2.1', '198.51.100.1, 203.0.113.9, 192.0.2.7', '203.0.113.9'],
    [['192.0.2.0/24'], '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    [['192.0.2.0/24'], '::ffff:192.0.2.1', '198.51.100.1', '198.51.100.1'],
    [['192.0.2.0/24', '2001:db8::/32'], '2001:db8::5', '2001:db9::1', '2001:db9::1'],
    [['192.0.2.0/24'], '192.0.2.1', 'garbage, 192.0.2.7', '192.0.2.7'],
    [['192.0.2.0/24'], '192.0.2.1', undefined, '192.0.2.1'],
  ] as const)('with %j trusted, %s and %s are %s', (trusted, remote, forwarded, expected) => {
    expect(createAddressReader(trusted)(from(remote, forwarded))).toBe(expected);
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s counts as %s', (address, expected) => expect(hostOf(address)).toBe(expected));
});

describe('the credential of a request to the authorization server', () => {
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer(async (incoming, response) => {
      const provedBy = incoming.url!.slice(1) as ProvedBy;
      const credential = await readFormCredential(incoming, provedBy);
      let body = '';
      for await (const part of incoming) body += String(part);
      const { text, isAssertion } = credential ?? {};
      response.end(JSON.stringify({ credential: isAssertion ? `from ${text}` : text, length: body.length }));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    atEnd(() => new Promise((done) => server.close(done)));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  const readCredential = async (
    body: string | undefined,
    headers: Record<string, string> = {},
    provedBy: ProvedBy = 'grant',
  ) =>
    JSON.parse(
      (
        await request(`${url}/${provedBy}`, {
          method: body === undefined ? 'GET' : 'POST',
          ...(body && { body }),
          headers,
        })
      ).text,
    );
  const payload = (claims: object) => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
  const exchange = `grant_type=${encodeURIComponent('urn:ietf:params:oauth:grant-type:token-exchange')}`;

  test.each([
    ['client_id=a&client_secret=s', 's'],
    [`${exchange}&subject_token=t&client_id=workload`, 't'],
    ['grant_type=refresh_token&refresh_token=r', 'r'],
    ['grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=d', 'd'],
    ['grant_type=authorization_code&code=c', 'c'],
    ['client_id=a', undefined],
    [`client_assertion=${payload({ iss: 'sa_1', jti: '1' })}`, 'from sa_1'],
    [`client_assertion=${payload({ iss: 'sa_1', jti: '2' })}&code=c`, 'from sa_1'],
    [`client_assertion=${payload({ iss: 7 })}`, undefined],
    ['client_assertion=nonsense', undefined],
    ['client_secret=', undefined],
    // The grant ignores these parameters.
    [`${exchange}&refresh_token=r&code=c`, undefined],
    ['grant_type=client_credentials&code=c', undefined],
    ['grant_type=constructor&code=c', undefined],
  ])('%s has the credential %s', async (form, credential) => {
    expect(await readCredential(form)).toEqual({ credential, length: form.length });
  });

  test.each([
    ['client', 'grant_type=refresh_token&refresh_token=r', undefined],
    ['client', 'client_secret=s', 's'],
    ['nothing', 'client_secret=s', undefined],
    ['nothing', 'grant_type=authorization_code&code=c', undefined],
  ] as const)('at an endpoint that verifies %s, %s has the credential %s', async (provedBy, form, credential) => {
    expect(await readCredential(form, {}, provedBy)).toEqual({ credential, length: form.length });
  });

  test('a header takes precedence over the form, and a large body stays complete', async () => {
    expect(await readCredential('client_secret=s', { authorization: 'Basic eDp5' })).toMatchObject({ credential: 'y' });
    expect((await readCredential(`client_secret=s&x=${'x'.repeat(300_000)}`)).length).toBe(300_018);
    expect(await readCredential(undefined)).toEqual({ length: 0 });
    expect(await readCredential(undefined, { authorization: 'Bearer t' }, 'bearer')).toMatchObject({ credential: 't' });
    expect(await readCredential(undefined, { authorization: 'Bearer t' }, 'nothing')).toEqual({ length: 0 });
  });

  test('a secret is the same credential in every spelling of the header', async () => {
    const encode = (text: string) => Buffer.from(text).toString('base64');
    for (const authorization of [
      `Basic ${encode('x:secret')}`,
      `bAsIc ${encode('x:%73ecret')}`,
      `Basic ${encode('%78:s%65cret')}`,
    ])
      expect(await readCredential(undefined, { authorization })).toMatchObject({ credential: 'secret' });
    for (const authorization of ['Bearer x', 'Basic', `Basic ${encode('x:%')}`, `Basic ${encode('x:')}`])
      expect(await readCredential(undefined, { authorization })).toEqual({ length: 0 });
  });

  test('a credential that may continue in the next part of the body is ignored', async () => {
    const parts = (first: string, second: string) =>
      new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode(first));
          await new Promise((done) => setTimeout(done, 100));
          controller.enqueue(new TextEncoder().encode(second));
          controller.close();
        },
      });
    const send = async (first: string, second: string) => {
      const init = { method: 'POST', body: parts(first, second), duplex: 'half' } as RequestInit;
      return (await request(`${url}/grant`, init)).text;
    };
    expect(await send('client_id=a&client_secret=se', 'cret')).toBe('{"length":32}');
    expect(await send('client_id=a&client_secret=secret&x=', 'y')).toBe('{"credential":"secret","length":36}');
  });
});

test('N41 a parameter or header that an endpoint ignores does not make a new caller', async () => {
  const world = await startSignIn({ settings: { ARSIA_RATE_LIMIT: String(rate) } });
  const { origin } = world.running;
  const device = await atOnce((n) => postForm(origin, '/device_authorization', { client_id: 'cli', code: `c${n}` }));
  expect(statuses(device)).toEqual([200, 429]);
  const header = await atOnce((n) => get(world.running, '/oauth2/authorize', { authorization: `Bearer t${n}` }));
  expect(statuses(header)).toContain(429);
  const look = await atOnce((n) =>
    postForm(origin, '/introspect', { client_id: 'workload', token: 'x', code: `c${n}` }),
  );
  expect(statuses(look)).toContain(429);
}, 60_000);

test('N41 a client that spells its secret in several ways counts as one caller', async () => {
  const running = await startLimited(plain);
  const { launcherId, launcherSecret } = organization;
  const basicHeader = (n: number) => {
    const at = launcherSecret.length - 1 - (n % 43);
    const escaped = `%${launcherSecret.charCodeAt(at).toString(16)}`;
    const pair = `${launcherId}:${launcherSecret.slice(0, at)}${escaped}${launcherSecret.slice(at + 1)}`;
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
  };
  const answers = await atOnce((n) =>
    postForm(running.origin, '/token', { grant_type: 'client_credentials', code: `c${n}` }, basicHeader(n)),
  );
  expect(statuses(answers)).toEqual([200, 429]);
  expect(answers.filter(({ status }) => status === 200).length).toBeLessThan(many / 2);
});
