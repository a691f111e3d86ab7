import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { routes } from '../../src/http/api/routes.ts';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, createClient, exchangeToken, request } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Job,
  type Organization,
  startJob,
} from '../support/organization.ts';
import { sendRaw } from './raw.ts';

let running: RunningArsia;
let oracle: Oracle;
let organization: Organization;
let job: Job;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  organization = await createOrganization(running);
  await createIdentity(organization, {
    name: 'api',
    type: 'oidc',
    settings: { audience: 'https://api.acme.example' },
    delivery: 'both',
  });
  job = await startJob(organization);
}, 60_000);

const get = (path: string, headers: Record<string, string> = {}) => request(`${running.issuer}${path}`, { headers });
const mint = () => job.client.ask('POST', '/tokens', { managed_identity: 'acme/lab/api' });

/** Checks the form of a problem: RFC 9457 and contract.md. */
function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.body).toMatchObject({
    type: 'about:blank',
    title: expect.stringMatching(/^\S/),
    status,
    code,
    detail: expect.stringMatching(/\.$/),
    advice: expect.stringMatching(/^\S/),
    request_id: answer.headers.get('x-request-id'),
  });
  expect(answer.status).toBe(status);
  expect(answer.text).not.toMatch(/node_modules|\bat .*:\d+:\d+|\/src\/|SELECT|INSERT/);
}

describe('errors are problem JSON', () => {
  test('for 400, 401, 403, 404, 409, 413 and 415', async () => {
    const { owner } = organization;
    expectProblem(await owner.ask('POST', '/groups', { name: 'x', parent: 'acme', more: 1 }), 400, 'invalid_request');
    const anonymous = await createClient(running.issuer).ask('GET', '/groups');
    expectProblem(anonymous, 401, 'unauthenticated');
    expect(anonymous.headers.get('www-authenticate')).toBe('Bearer realm="arsia"');
    const wrong = createClient(running.issuer, 'arsia_at_wrong');
    for (const answer of [
      await wrong.ask('GET', '/groups'),
      await wrong.ask('POST', '/tokens', { managed_identity: 'a' }),
    ])
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="arsia", error="invalid_token"',
      ]);
    expectProblem(await organization.launcher.ask('POST', '/users', { login: 'x' }), 404, 'not_found');
    expectProblem(await job.client.ask('GET', '/users'), 403, 'forbidden');
    expectProblem(await owner.ask('GET', '/groups/acme%2Fnone'), 404, 'not_found');
    expectProblem(await owner.ask('POST', '/groups', { name: 'lab', parent: 'acme' }), 409, 'conflict');
    expectProblem(await owner.ask('POST', '/groups', { name: 'x'.repeat(70_000) }), 413, 'body_too_large');
    expectProblem(
      await owner.ask('POST', '/groups', '{}', { 'content-type': 'text/xml' }),
      415,
      'unsupported_media_type',
    );
  });

  test('an unknown path returns 404, below the API and elsewhere', async () => {
    for (const path of [
      '/',
      '/api',
      '/api/v1',
      '/api/v1/nothing',
      '/api/v2/groups',
      '/.well-known/',
      '/.env',
      '/metrics',
      '/link/x',
    ])
      expectProblem(await get(path), 404, 'not_found');
    for (const path of ['//evil.example/', '/%2e%2e/', '/api/v1/%', '/%c0%af'])
      expect((await get(path)).status).toBe(404);
  });

  test('every path of the API answers other methods with 405 and an Allow header', async () => {
    const methods = ['GET', 'POST', 'PATCH', 'DELETE', 'PUT'];
    for (const path of new Set(routes.map((route) => route.path))) {
      const offered: string[] = routes.filter((route) => route.path === path).map((route) => route.method);
      for (const method of methods.filter((one) => !offered.includes(one))) {
        const answer = await organization.owner.ask(method, path.replace(/:\w+/g, 'x'));
        // Another route may have the same path with another parameter name.
        if (answer.status !== 405) throw new Error(`${method} ${path}: ${answer.status}`);
        expectProblem(answer, 405, 'method_not_allowed');
        const allow = answer.headers.get('allow')!.split(', ');
        expect(allow.filter((one) => one !== 'HEAD').sort()).toEqual([...offered].sort());
      }
    }
  });

  test('documents and the authorization server answer other methods with 405', async () => {
    for (const path of [
      '/.well-known/openid-configuration',
      '/.well-known/jwks.json',
      '/healthz',
      '/readyz',
      '/link',
    ]) {
      const answer = await request(running.issuer + path, { method: 'POST' });
      expectProblem(answer, 405, 'method_not_allowed');
      expect(answer.headers.get('allow')).toMatch(/^GET/);
    }
    const token = await get('/oauth2/token');
    expect([token.status, token.headers.get('allow'), token.body.error]).toEqual([405, 'POST', 'invalid_request']);
  });

  test('methods that no path offers are refused with a problem', async () => {
    for (const method of ['PROPFIND', 'TRACE', 'QUERY'])
      for (const path of ['/api/v1/groups', '/.well-known/jwks.json', '/nothing']) {
        const answer = await sendRaw(running.origin, [`${method} ${path} HTTP/1.1`, 'Host: x']);
        expect([404, 405]).toContain(answer.status);
        expect(answer.headers).toContain('application/problem+json');
      }
  });
});

describe('every answer', () => {
  test('N50 has headers that stop sniffing, framing and referrers', async () => {
    for (const answer of [
      await get('/api/v1/groups'),
      await get('/nothing'),
      await get('/link'),
      await get('/healthz'),
      await get('/oauth2/token'),
      await mint(),
    ]) {
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(answer.headers.get('strict-transport-security')).toMatch(/^max-age=\d{7}/);
      expect(answer.headers.get('x-powered-by')).toBeNull();
      expect(answer.headers.get('server')).toBeNull();
    }
    expect((await mint()).headers.get('cache-control')).toBe('no-store');
  });

  test('has the request id of the caller if it is harmless, else a new one', async () => {
    const readRequestId = async (id: string) =>
      (await get('/api/v1/groups', { 'x-request-id': id })).headers.get('x-request-id');
    expect(await readRequestId('build-4711.step_2')).toBe('build-4711.step_2');
    for (const id of [
      'short',
      'a'.repeat(65),
      'has space here',
      'évil-évil',
      'a"b<c>defgh',
      job.token,
      `eyJ${'x'.repeat(40)}`,
      'ASIAABCDEFGHIJKLMNOP',
    ])
      expect(await readRequestId(encodeURIComponent(id) === id ? id : 'x y')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('allows every origin for the documents, and none for the API', async () => {
    const origin = { origin: 'https://evil.example' };
    expect((await get('/.well-known/jwks.json', origin)).headers.get('access-control-allow-origin')).toBe('*');
    for (const path of ['/api/v1/groups', '/oauth2/token', '/link', '/readyz'])
      expect((await get(path, origin)).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('documents', () => {
  test('discovery has exactly the members that the clouds need', async () => {
    const { body, headers } = await get('/.well-known/openid-configuration');
    const { issuer } = running;
    expect(body).toEqual({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      token_endpoint: `${issuer}/oauth2/token`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid'],
      claims_supported: expect.arrayContaining(Object.keys(decodeJwt((await mint()).body.token))),
    });
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(headers.get('cache-control')).toBe('public, max-age=300');
  });

  test('N58 the JWKS has public members only: one active key and one next key, each with its certificate', async () => {
    const { body, headers } = await get('/.well-known/jwks.json');
    expect(headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    expect(headers.get('cache-control')).toBe('public, max-age=300');
    expect(body.keys).toHaveLength(2);
    for (const key of body.keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use', 'x5c']);
      expect(key).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig', e: 'AQAB' });
      // RFC 7638.
      const thumbprint = createHash('sha256')
        .update(JSON.stringify({ e: key.e, kty: key.kty, n: key.n }))
        .digest('base64url');
      expect(key.kid).toBe(thumbprint);
      expect(Buffer.from(key.n, 'base64url')).toHaveLength(256);
    }
    const [header] = (await mint()).body.token.split('.');
    const first = body.keys[0].kid;
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'RS256', typ: 'JWT', kid: first });
  });

  test('both answer HEAD, and 304 to a client that has them', async () => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/jwks.json']) {
      const { headers, text } = await get(path);
      const head = await request(running.issuer + path, { method: 'HEAD' });
      expect([head.status, head.text]).toEqual([200, '']);
      expect(Number(head.headers.get('content-length'))).toBe(text.length);
      const etag = headers.get('etag')!;
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*'])
        expect([known, (await get(path, { 'if-none-match': known })).status]).toEqual([known, 304]);
      expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200);
    }
  });

  test('health and readiness return 200', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
  });

  test('N28 internals are not exposed', async () => {
    for (const path of [
      '/metrics',
      '/api/v1/metrics',
      '/debug',
      '/api/v1/keys',
      '/api/v1/admin-links',
      '/api/v1/config',
      '/oauth2/reg',
      '/oauth2/me',
    ])
      expect([401, 404, 405]).toContain((await get(path)).status);
    expect((await get('/healthz')).text.length + (await get('/readyz')).text.length).toBeLessThan(64);
  });

  test('the page of an admin link runs its own script only, and holds no secret', async () => {
    const { text, headers } = await get('/link');
    expect(headers.get('content-type')).toMatch(/^text\/html/);
    const script = /<script type="module">([\s\S]*?)<\/script>/.exec(text)![1]!;
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`);
    expect(policy).toContain("default-src 'none'");
    expect(text.match(/<script/g)).toHaveLength(1);
    expect(text).not.toMatch(/innerHTML|arsia_link_| on\w+=/);
    expect(headers.get('cache-control')).toBe('no-store');
  });
});

describe('N46 the issuer is the configured one for every Host and X-Forwarded-Host', () => {
  const hosts = ['evil.example', 'evil.example:80', 'a@b', '', '[::1]', '127.0.0.1:1'];
  const forwarded = [
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: https',
    'Forwarded: host=evil.example;proto=https',
    'X-Original-URL: https://evil.example/',
  ];

  test('in discovery, in the metadata of the authorization server, and in problems', async () => {
    for (const path of [
      '/.well-known/openid-configuration',
      '/oauth2/.well-known/openid-configuration',
      '/api/v1/groups',
      '/nothing',
    ])
      for (const host of hosts) {
        const { body, headers } = await sendRaw(running.origin, [
          `GET ${path} HTTP/1.1`,
          `Host: ${host}`,
          ...forwarded,
        ]);
        expect(`${headers}${body}`).not.toContain('evil.example');
        if (path.endsWith('configuration')) expect(body).toContain(`"issuer":"${running.issuer}`);
      }
  });

  test('in tokens, also by an absolute request target', async () => {
    const body = JSON.stringify({ managed_identity: 'acme/lab/api' });
    const head = [
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      `Authorization: Bearer ${job.token}`,
      ...forwarded,
    ];
    for (const target of ['/api/v1/tokens', 'http://evil.example/api/v1/tokens']) {
      const answer = await sendRaw(running.origin, [`POST ${target} HTTP/1.1`, 'Host: evil.example', ...head], body);
      expect([target, answer.status]).toEqual([target, 200]);
      expect(decodeJwt(JSON.parse(answer.body).token).iss).toBe(running.issuer);
    }
    const { status, body: exchanged } = await exchangeToken(running.issuer, job.token, 'acme/lab/api');
    expect(status).toBe(200);
    expect(decodeJwt(exchanged.access_token).iss).toBe(running.issuer);
  });

  test('an issuer with a path serves everything below it and nothing outside it', async () => {
    const other = await startArsia({ home: await makeHome('postgres'), path: '/tokens/arsia' });
    const { body } = await request(`${other.issuer}/.well-known/openid-configuration`);
    expect(body.issuer).toBe(`${other.origin}/tokens/arsia`);
    expect((await request(body.jwks_uri)).body.keys).toHaveLength(2);
    const there = await createOrganization(other);
    await createIdentity(there, { name: 'api', type: 'oidc', settings: { audience: 'x' }, delivery: 'both' });
    const theirs = await startJob(there);
    const { token } = await theirs.client.send('POST', '/tokens', { managed_identity: 'acme/lab/api' });
    expect(decodeJwt(token).iss).toBe(other.issuer);
    expect((await request(`${other.issuer}/link`)).status).toBe(200);
    for (const path of [
      '/.well-known/openid-configuration',
      '/api/v1/groups',
      '/tokens',
      '/tokens/arsiax/api/v1/groups',
      '/oauth2/token',
    ])
      expect((await request(other.origin + path)).status).toBe(404);
    await other.stop();
  }, 30_000);
});

describe('N40 bodies and headers beyond their limits', () => {
  const head = (length: string) => [
    'POST /api/v1/groups HTTP/1.1',
    'Host: x',
    'Content-Type: application/json',
    `Authorization: Bearer ${organization.owner.token}`,
    length,
  ];

  test('10 MB return 413, with a length or in chunks, and the server keeps serving', async () => {
    const big = JSON.stringify({ name: 'x'.repeat(10_000_000) });
    await oracle.refuses(() => organization.owner.ask('POST', '/groups', big), { status: 413, code: 'body_too_large' });
    const announced = await sendRaw(running.origin, head('Content-Length: 10000000000'), '{"name":');
    expect(announced.status).toBe(413);
    const chunk = `${(60_000).toString(16)}\r\n${'x'.repeat(60_000)}\r\n`;
    const chunked = await sendRaw(running.origin, head('Transfer-Encoding: chunked'), `${chunk.repeat(20)}0\r\n\r\n`);
    expect(chunked.status).toBe(413);
    expect((await mint()).status).toBe(200);
  });

  test('/oauth2/token refuses a form of 10 MB or of 100,000 fields', async () => {
    const fields = Array.from({ length: 100_000 }, (_, n) => `f${n}=1`).join('&');
    for (const body of [`subject_token=${'x'.repeat(10_000_000)}`, fields]) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await request(`${running.issuer}/oauth2/token`, { method: 'POST', body, headers });
      expect([413, 'invalid_request']).toEqual([answer.status, answer.body.error]);
    }
    expect((await mint()).status).toBe(200);
  });

  async function countBrokenRequests(): Promise<number> {
    const [sum] = await oracle.execute(`
      SELECT count(*)::int AS refused FROM audit_events
      WHERE action = 'token.mint' AND code = 'invalid_request' AND actor_kind = 'job'`);
    return sum!.refused;
  }

  test('hundreds of connections that send half a request, or nothing, delay no other request', async () => {
    const before = await countBrokenRequests();
    const { hostname, port } = new URL(running.origin);
    const starts = [
      '',
      'GET /healthz HTTP/1.1\r\nHost: x\r\nX-',
      `POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${job.token}\r\nContent-Length: 9\r\n\r\n{`,
    ];
    const sockets = await Promise.all(
      Array.from({ length: 600 }, async (_, n) => {
        const socket = connect(Number(port), hostname);
        socket.on('error', () => {});
        await once(socket, 'connect');
        socket.write(starts[n % starts.length]!);
        return socket;
      }),
    );
    const times: number[] = [];
    for (let count = 0; count < 100; count++) {
      const begin = performance.now();
      expect((await fetch(`${running.origin}/.well-known/jwks.json`)).status).toBe(200);
      times.push(performance.now() - begin);
    }
    for (const socket of sockets) socket.destroy();
    // Each broken request is recorded as a refusal. Wait for all records, since the next test reads the audit.
    for (let refused = 0; refused < 200; refused = (await countBrokenRequests()) - before) await sleep(100);
    expect(times.sort((left, right) => left - right)[98]).toBeLessThan(250);
  }, 30_000);

  test('headers of 64 kB return 431, a broken request 400', async () => {
    expect(
      (await sendRaw(running.origin, ['GET /healthz HTTP/1.1', 'Host: x', `X-Big: ${'x'.repeat(65_536)}`])).status,
    ).toBe(431);
    for (const lines of [
      ['GARBAGE'],
      ['GET /healthz HTTP/1.1'],
      ['GET /healthz HTTP/1.1', 'Host: x', 'Bad Header: x'],
      ['POST /api/v1/groups HTTP/1.1', 'Host: x', 'Content-Length: 5', 'Transfer-Encoding: chunked'],
    ])
      expect((await sendRaw(running.origin, lines, '0\r\n\r\n')).status).toBe(400);
    expect((await mint()).status).toBe(200);
  });

  test('malformed bearer tokens are refused', async () => {
    const values = [
      'Bearer',
      'Bearer ',
      `bearer ${'x'.repeat(10_000)}`,
      `Basic ${btoa('a:b')}`,
      `Bearer ${job.token},x`,
      `Bearer a b`,
      `Bearer ${job.token.toUpperCase()}`,
    ];
    for (const authorization of values)
      await oracle.refuses(() => get('/api/v1/groups', { authorization }), { status: 401, code: 'unauthenticated' });
  });
});

test('N20 a request that started before its sender was deactivated, and ends after, changes nothing', async () => {
  const { owner } = organization;
  const { id, client } = await createAccount(owner, organization.group, 'leaving', {
    namespace: 'acme',
    role: 'owner',
  });
  const text = JSON.stringify({ login: 'left-behind' });
  const sent = httpRequest(`${running.origin}/api/v1/users`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${client.token}`,
      'content-type': 'application/json',
      'content-length': text.length,
    },
  });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.write(text.slice(0, -1));
  await sleep(300);
  await owner.send('PATCH', `/service-accounts/${id}`, { is_active: false });
  sent.end(text.slice(-1));
  const [answer] = await answered;
  await answer.resume().toArray();
  expect(answer.statusCode).toBe(401);
  expect((await owner.ask('GET', '/users/left-behind')).status).toBe(404);
});
