import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { explainFault } from '../../src/oidc/upstream/explanations.ts';
import { createUpstream, type Upstream } from '../../src/oidc/upstream/upstream.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import { createTestClock } from '../support/arsia.ts';

let server: Server;
let issuer: string;
let respond: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Returns a URL that refuses connections. */
async function findClosedPort(): Promise<string> {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const upstreamAt = (url: string): Upstream =>
  createUpstream(
    {
      issuer: url,
      client_id: 'arsia',
      client_secret: 'a secret of this test',
      redirect_uri: 'http://127.0.0.1/oauth2/callback',
      scopes: 'openid',
    },
    { clock: createTestClock(), outbound: createOutbound() },
  );

const send =
  (status: number, body: unknown, type = 'application/json') =>
  (_request: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
const metadata = (more: object = {}) => ({
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  ...more,
});

describe('the error of a sign-in names the setting to check', () => {
  test.each<[string, () => typeof respond, RegExp]>([
    ['no discovery document', () => send(404, {}), /no discovery document.*ARSIA_SIGN_IN_ISSUER/],
    ['a page instead of the document', () => send(200, '', 'text/html'), /ARSIA_SIGN_IN_ISSUER/],
    [
      'the document of another issuer',
      () => send(200, metadata({ issuer: 'https://other.example' })),
      /another issuer.*ARSIA_SIGN_IN_ISSUER/,
    ],
    [
      'an issuer with a slash at its end',
      () => send(200, metadata({ issuer: `${issuer}/` })),
      /ARSIA_SIGN_IN_ISSUER, which is compared byte for byte: http:.*\/\.$/,
    ],
  ])('for %s', async (_name, arrange, message) => {
    respond = arrange();
    await expect(upstreamAt(issuer).begin({ isFresh: false })).rejects.toMatchObject({
      code: 'sign_in_unavailable',
      message: expect.stringMatching(message),
    });
  });

  test('for a provider that cannot be reached', async () => {
    await expect(upstreamAt(await findClosedPort()).begin({ isFresh: false })).rejects.toMatchObject({
      message: expect.stringMatching(/cannot be reached.*ARSIA_SIGN_IN_ISSUER/),
    });
  });

  test.each<[string, number, object, RegExp]>([
    [
      'a wrong client or secret',
      401,
      { error: 'invalid_client' },
      /ARSIA_SIGN_IN_CLIENT_ID, ARSIA_SIGN_IN_CLIENT_SECRET_FILE/,
    ],
    ['a client without the grant', 400, { error: 'unauthorized_client' }, /registration of ARSIA_SIGN_IN_CLIENT_ID/],
    ['a server error', 500, {}, /it responded with HTTP 500/],
  ])('for %s', async (_name, status, body, message) => {
    const upstream = upstreamAt(issuer);
    respond = (request, response) =>
      request.url === '/token' ? send(status, body)(request, response) : send(200, metadata())(request, response);
    const { url: _url, ...request } = await upstream.begin({ isFresh: false });
    const answer = new URLSearchParams({ state: request.state, code: 'c'.repeat(43) });
    await expect(upstream.finish(answer, request)).rejects.toMatchObject({
      code: 'sign_in_unavailable',
      message: expect.stringMatching(message),
    });
  });

  test('for a scope that the provider refuses', async () => {
    respond = send(200, metadata());
    const upstream = upstreamAt(issuer);
    const { url: _url, ...request } = await upstream.begin({ isFresh: false });
    const answer = new URLSearchParams({ state: request.state, error: 'invalid_scope' });
    await expect(upstream.finish(answer, request)).rejects.toMatchObject({
      code: 'sign_in_refused',
      message: expect.stringMatching(/with invalid_scope: .*ARSIA_SIGN_IN_SCOPES/),
    });
  });

  test.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'ARSIA_EXTRA_CA_FILE'],
    ['ENOTFOUND', 'ARSIA_SIGN_IN_ISSUER'],
  ])('for a fault of the connection: %s', (code, setting) => {
    const cause = Object.assign(new Error('the reason'), { code });
    expect(explainFault(new TypeError('fetch failed', { cause }), 'metadata')).toContain(setting);
  });

  test('unless it is not known', () => {
    expect(explainFault(new Error('anything'), 'metadata')).toBeUndefined();
  });
});
