import { connect } from 'node:net';
import { beforeAll, expect, test } from '@jest/globals';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { ArsiaError } from '../../src/core/errors.ts';
import type { Database } from '../../src/database/connections.ts';
import { freshDatabase } from '../support/databases.ts';
import {
  addKeyAccount,
  assertionForm,
  createWorld,
  type Replica,
  startReplica,
  testKeys,
  type World,
} from './support.ts';

let world: World;
let replica: Replica;
let nested: Replica;
let keys: Awaited<ReturnType<typeof testKeys>>;

beforeAll(async () => {
  const { database }: { database: Database } = await freshDatabase('embedded');
  world = createWorld();
  keys = await testKeys('RS256');
  replica = await startReplica({ world, database, keys });
  nested = await startReplica({ world, database, keys, path: '/token/a' });
}, 60_000);

const originOf = (one: Replica) => new URL(one.issuer).origin;

test('the metadata lists what is offered and nothing else, by OpenID Connect and by RFC 8414', async () => {
  for (const { issuer } of [replica, nested]) {
    const { origin, pathname } = new URL(issuer);
    const authentication = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
    const algorithms = ['RS256', 'PS256', 'ES256'];
    for (const url of [
      `${issuer}/.well-known/openid-configuration`,
      `${issuer}/.well-known/oauth-authorization-server`,
      `${origin}/.well-known/oauth-authorization-server${pathname}`,
    ]) {
      const response = await fetch(url);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('public, max-age=300');
      expect(response.headers.get('content-type')).toContain('application/json');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(await response.json()).toEqual({
        issuer,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        introspection_endpoint: `${issuer}/introspect`,
        revocation_endpoint: `${issuer}/revoke`,
        grant_types_supported: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
        response_types_supported: ['none'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        token_endpoint_auth_methods_supported: [...authentication, 'none'],
        token_endpoint_auth_signing_alg_values_supported: algorithms,
        introspection_endpoint_auth_methods_supported: authentication,
        introspection_endpoint_auth_signing_alg_values_supported: algorithms,
        revocation_endpoint_auth_methods_supported: [...authentication, 'none'],
        revocation_endpoint_auth_signing_alg_values_supported: algorithms,
        request_uri_parameter_supported: false,
      });
    }
  }
});

test('pages of any origin may read metadata and keys, with a preflight', async () => {
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks']) {
    const headers = {
      origin: 'https://relying.example',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'if-none-match',
    };
    const preflight = await fetch(`${replica.issuer}${path}`, { method: 'OPTIONS', headers });
    expect([path, preflight.ok, preflight.headers.get('access-control-allow-origin')]).toEqual([
      path,
      true,
      expect.stringMatching(/^(\*|https:\/\/relying\.example)$/),
    ]);
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/\*|if-none-match/);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('GET');
  }
});

test('the JWKS contains only public members of the published keys, and may be cached', async () => {
  const response = await fetch(`${replica.issuer}/jwks`);
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('public, max-age=300');
  const jwks = (await response.json()) as JSONWebKeySet;
  expect(jwks).toEqual(JSON.parse(keys.current().jwks));
  expect(Object.keys(jwks.keys[0]!).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use', 'x5c']);
  expect(() => createLocalJWKSet(jwks)).not.toThrow();
});

test('F30 keys of which one may have been revoked are not served: 503 until the replica has read them', async () => {
  keys.withheld = new ArsiaError('unavailable', 'The keys may hold a revoked key.', { retry_after: 10 });
  const response = await fetch(`${replica.issuer}/jwks`);
  keys.withheld = undefined;
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10']);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await response.json()).toMatchObject({
    error_description: expect.stringMatching(/^The keys may hold a revoked key\. /),
  });
  expect((await fetch(`${replica.issuer}/jwks`)).status).toBe(200);
});

test('responds 404 to paths that are not offered, even if oidc-provider has routes for them', async () => {
  for (const path of [
    '',
    '/',
    '/auth',
    '/auth/abc',
    '/device',
    '/device/auth',
    '/me',
    '/reg',
    '/request',
    '/session/end',
    '/session/end/confirm',
    '/token/introspection',
    '/TOKEN',
    '/token/',
    '/.well-known/openid-credential-issuer',
    '/%74oken',
  ])
    for (const method of ['GET', 'POST']) {
      const response = await fetch(`${replica.issuer}${path}`, { method });
      expect([path, response.status]).toEqual([path, 404]);
      expect(await response.json()).toMatchObject({ error: 'invalid_request' });
    }
});

test('N15 responds 405 to another method and names the allowed ones', async () => {
  for (const path of ['/token', '/introspect', '/revoke'])
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(`${replica.issuer}${path}`, { method });
      expect([path, method, response.status, response.headers.get('allow')]).toEqual([path, method, 405, 'POST']);
    }
  const response = await fetch(`${replica.issuer}/jwks`, { method: 'POST' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
});

test('owns its paths and no others', () => {
  const { owns } = nested.server;
  for (const path of [
    '/token/a/oauth2',
    '/token/a/oauth2/token',
    '/.well-known/oauth-authorization-server/token/a/oauth2',
  ])
    expect(owns(path)).toBe(true);
  for (const path of ['/', '/oauth2/token', '/token/a/oauth22', '/token/a', '/.well-known/openid-configuration'])
    expect(owns(path)).toBe(false);
});

/** Sends a request as bytes, because fetch would correct the headers. */
async function raw(origin: string, head: string, body = ''): Promise<string> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.write(`${head}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

test('N46 no response contains a host that the request names', async () => {
  for (const one of [replica, nested]) {
    const { pathname, host } = new URL(one.issuer);
    const path = `${pathname}/.well-known/openid-configuration`;
    const heads = [
      `GET ${path} HTTP/1.1\r\nHost: evil.example`,
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher`,
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nForwarded: host=evil.example;proto=https`,
      `GET ${path} HTTP/1.1\r\nHost: a@evil.example`,
      `GET http://evil.example${path} HTTP/1.1\r\nHost: evil.example`,
      `GET https://evil.example${path}?x=https://evil.example HTTP/1.1\r\nHost: evil.example`,
    ];
    const answers = await Promise.all(heads.map((head) => raw(originOf(one), head)));
    const bodies = answers.map((answer) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))));
    expect(bodies.map(({ issuer }) => issuer)).toEqual(heads.map(() => one.issuer));
    expect(bodies.map(({ token_endpoint }) => token_endpoint)).toEqual(heads.map(() => `${one.issuer}/token`));
    expect(answers.join()).not.toContain('evil');
  }
});

test('N46 refuses an assertion whose audience is the token endpoint at the host of the Host header', async () => {
  const account = await addKeyAccount(world);
  for (const [audience, status] of [
    ['http://evil.example/oauth2/token', 401],
    [`${replica.issuer}/token`, 200],
  ] as const) {
    const form = new URLSearchParams(assertionForm(await account.assert(audience))).toString();
    const head = 'POST /oauth2/token HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/x-www-form-urlencoded';
    expect(await raw(originOf(replica), head, form)).toContain(`HTTP/1.1 ${status}`);
  }
});
