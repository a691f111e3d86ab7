import { beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '../../src/http/api/routes.ts';
import type { RunningArsia } from '../support/arsia.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createIdentity, createOrganization, type Job, type Organization, startJob } from '../support/organization.ts';
import { startSignIn } from '../support/people.ts';
import { type RawAnswer, sendRaw } from './raw.ts';

let running: RunningArsia;
let oracle: Oracle;
let organization: Organization;
let job: Job;

beforeAll(async () => {
  ({ running } = await startSignIn({ kind: 'postgres' }));
  oracle = await createOracle(running);
  organization = await createOrganization(running);
  const settingsOfIdentity = { audience: 'https://api.acme.example' };
  await createIdentity(organization, { name: 'api', type: 'oidc', settings: settingsOfIdentity, delivery: 'both' });
  job = await startJob(organization);
}, 60_000);

const mintBody = JSON.stringify({ managed_identity: 'acme/lab/api' });

/** Sends a request with exactly these lines; a body is JSON. */
const send = (method: string, target: string, headers: string[], body = '', options = {}): Promise<RawAnswer> =>
  sendRaw(
    running.origin,
    [
      `${method} ${target} HTTP/1.1`,
      ...headers,
      ...(body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`]),
    ],
    body,
    options,
  );
const mint = (target: string, ...headers: string[]) =>
  send('POST', target, ['Host: x', `Authorization: Bearer ${job.token}`, ...headers], mintBody);
const get = (target: string, token = organization.owner.token) =>
  send('GET', target, ['Host: x', `Authorization: Bearer ${token}`]);

/** Returns other spellings of a path: case, slashes, dots, percent-encoding, parameters, fragments, backslashes. */
const otherSpellings = (path: string): string[] => {
  const slash = path.lastIndexOf('/');
  const [above, last] = [path.slice(0, slash), path.slice(slash + 1)];
  const code = last.charCodeAt(0).toString(16);
  return [
    `${above}/${last.charAt(0).toUpperCase()}${last.slice(1)}`,
    path.toUpperCase(),
    `${path}/`,
    `${path}//`,
    `/${path}`,
    `${above}//${last}`,
    `${above}/./${last}`,
    `${above}/x/../${last}`,
    `${path}/.`,
    `${above}/%${code}${last.slice(1)}`,
    `${above}%2f${last}`,
    `${path}%20`,
    `${path}%00`,
    `${path};v=1`,
    `${path}#x`,
    `${path}?#x`,
    `${above}\\${last}#x`,
    `http://x/${path}`,
    `http://x${path}/`,
    `http://x${path}#x`,
  ].filter((other) => other !== path && /^(\/|http)/.test(other));
};

describe('N80 a path has one spelling', () => {
  test('no other spelling mints a token', async () => {
    expect((await mint('/api/v1/tokens')).status).toBe(200);
    expect((await mint('http://evil.example/api/v1/tokens')).status).toBe(200);
    const countEvents = async () => (await oracle.execute('SELECT count(*)::int AS n FROM audit_events'))[0]!.n;
    const before = await countEvents();
    for (const other of otherSpellings('/api/v1/tokens'))
      expect([other, (await mint(other)).status]).toEqual([other, 404]);
    expect(await countEvents()).toBe(before);
  });

  test.each(routes.map(({ method, path }) => [method, path] as const))('%s %s', async (method, path) => {
    const filled = `/api/v1${path.replace(':id', 'acme%2Flab').replace(/:\w+/g, 'x')}`;
    const token = /^\/(tokens|credentials)$/.test(path) ? job.token : organization.owner.token;
    const statuses: [string, number][] = [];
    for (const other of otherSpellings(filled)) {
      // This would be the path of another thing: `acme/lab/move`.
      if (path.includes(':') && other.includes('%2f')) continue;
      const { status } = await send(method, other, ['Host: x', `Authorization: Bearer ${token}`]);
      statuses.push([other, status]);
    }
    expect(statuses.filter(([, status]) => status !== 404)).toEqual([]);
  });

  test.each([
    '/.well-known/openid-configuration',
    '/.well-known/jwks.json',
    '/oauth2/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/oauth2',
    '/oauth2/jwks',
    '/oauth2/device',
    '/oauth2/device.js',
    '/healthz',
    '/readyz',
    '/link',
    '/api/docs',
    '/api/docs/swagger-ui.css',
    '/api/v1/openapi.json',
  ])('public documents: %s', async (path) => {
    expect((await get(path)).status).toBe(200);
    for (const other of otherSpellings(path)) expect([other, (await get(other)).status]).toEqual([other, 404]);
  });

  test.each(['/oauth2/token', '/oauth2/introspect', '/oauth2/revoke', '/oauth2/userinfo', '/oauth2/link'])(
    'endpoints that take forms: %s',
    async (path) => {
      const post = (target: string) =>
        sendRaw(
          running.origin,
          [
            `POST ${target} HTTP/1.1`,
            'Host: x',
            'Content-Type: application/x-www-form-urlencoded',
            'Content-Length: 11',
          ],
          'client_id=x',
        );
      expect((await post(path)).status).not.toBe(404);
      for (const other of otherSpellings(path)) expect([other, (await post(other)).status]).toEqual([other, 404]);
    },
  );

  test('reserved characters may be percent-encoded, and a query does not matter', async () => {
    for (const target of ['/api/v1/groups/acme%2Flab', '/api/v1/groups/acme%2flab', '/api/v1/users/ada@acme.example'])
      expect([target, (await get(target)).status]).toEqual([target, 200]);
    expect((await get('/api/v1/users/ada%40acme.example')).status).toBe(200);
    expect((await get('/healthz?')).status).toBe(200);
    expect((await mint('/api/v1/tokens?')).status).toBe(200);
  });
});

describe('N81 a header that must be sent once', () => {
  const isProblem = ({ headers, body }: RawAnswer, name: string): boolean =>
    headers.includes('application/problem+json') &&
    JSON.parse(body).code === 'invalid_request' &&
    JSON.parse(body).errors[0].pointer.toLowerCase() === name;

  test.each([
    ['host', 'Host: x'],
    ['host', 'hOsT: y'],
    ['authorization', 'AUTHORIZATION: Bearer x'],
    ['content-type', 'content-type: text/plain'],
  ])('%s returns 400 when it is sent twice: %s', async (name, again) => {
    for (const target of ['/api/v1/tokens', '/api/v1/tokens?', '/api/v1/groups', '/oauth2/token']) {
      const headers = ['Host: x', `Authorization: Bearer ${job.token}`, again];
      const answer = await send('POST', target, headers, mintBody, { isLast: false });
      expect([target, answer.status, isProblem(answer, name)]).toEqual([target, 400, true]);
      expect(answer.headers).toContain('x-content-type-options: nosniff');
      expect(answer.headers.toLowerCase()).toContain('connection: close');
    }
    if (name === 'content-type') return;
    for (const target of ['/healthz', '/.well-known/jwks.json', '/nothing']) {
      const answer = await send('GET', target, ['Host: x', 'Authorization: Bearer y', again]);
      expect([target, answer.status]).toEqual([target, 400]);
    }
  });

  test('answers 400 for the same value twice, and mints nothing', async () => {
    const answer = await mint('/api/v1/tokens', `Authorization: Bearer ${job.token}`);
    expect(answer.status).toBe(400);
    expect(answer.body).not.toContain('arsia_job_');
  });

  test('answers 400 for a missing Host, and for repeated or different lengths', async () => {
    expect((await send('GET', '/healthz', [])).status).toBe(400);
    for (const lines of [['Content-Length: 5'], ['Content-Length: 5', 'Content-Length: 6']]) {
      const answer = await mint('/api/v1/tokens', ...lines);
      expect(answer.status).toBe(400);
    }
  });

  test('refuses a repeated Idempotency-Key, and ignores a repeated request id', async () => {
    const body = JSON.stringify({ name: 'twice', parent: 'acme' });
    const head = ['Host: x', `Authorization: Bearer ${organization.owner.token}`];
    const keys = await send('POST', '/api/v1/groups', [...head, 'Idempotency-Key: a', 'Idempotency-Key: b'], body);
    expect([keys.status, JSON.parse(keys.body).errors[0].pointer]).toEqual([400, 'Idempotency-Key']);
    const named = await get('/healthz');
    expect(named.status).toBe(200);
    const ids = await send('GET', '/healthz', ['Host: x', 'X-Request-Id: request-1', 'X-Request-Id: request-2']);
    expect(ids.headers).not.toContain('request-1');
  });

  test('If-Match and X-Forwarded-For are lists and may have several lines', async () => {
    const head = ['Host: x', `Authorization: Bearer ${organization.owner.token}`, 'X-Forwarded-For: 192.0.2.1'];
    const body = JSON.stringify({ description: 'listed' });
    const { version } = JSON.parse((await get('/api/v1/groups/acme%2Flab')).body);
    const lines = [...head, 'X-Forwarded-For: 192.0.2.2', 'If-Match: "99"', `If-Match: "${version}"`];
    expect((await send('PATCH', '/api/v1/groups/acme%2Flab', lines, body)).status).toBe(200);
  });
});
