import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, jwtVerify } from 'jose';
import {
  askEntra,
  azureAudience,
  type Bench,
  clientId,
  overTls,
  pasteAzure,
  type Reply,
  startBench,
  tenant,
} from './clouds.ts';
import { makeKey, start, type TokenOptions } from './issuer.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteAzure(bench);
});
afterAll(() => bench.close());

const now = start / 1000;

function token(claims: Record<string, unknown> = {}, options: TokenOptions = {}): Promise<string> {
  return bench.issuer.token({ aud: azureAudience, ...claims }, options);
}

/** Expects the error document of cloud-facts.md 2.2: `error`, the number twice, ids, time, and the HTTP status. */
function expectRefusal(reply: Reply, status: number, error: string, number: number, text: string | RegExp): void {
  const body = JSON.parse(reply.text);
  expect({ status: reply.status, error: body.error, error_codes: body.error_codes }).toEqual({
    status,
    error,
    error_codes: [number],
  });
  expect(body.timestamp).toBe('2026-11-21 00:00:00Z');
  expect(body.trace_id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const tail = ` Trace ID: ${body.trace_id} Correlation ID: ${body.correlation_id} Timestamp: ${body.timestamp}`;
  expect(body.error_description).toMatch(new RegExp(`^AADSTS${number}: .*${tail}$`, 's'));
  const said = body.error_description.slice(`AADSTS${number}: `.length, -tail.length);
  if (typeof text === 'string') expect(said).toBe(text);
  else expect(said).toMatch(text);
  expect(body.access_token).toBeUndefined();
}

test('the token endpoint returns a token with its application', async () => {
  const reply = await askEntra(bench, await token());
  expect(reply.status).toBe(200);
  const { access_token, ...rest } = JSON.parse(reply.text);
  expect(rest).toEqual({ token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 });

  const { authority_host: origin } = bench.sandbox.azure;
  const discovery = JSON.parse(
    (await overTls(`${origin}/${tenant}/v2.0/.well-known/openid-configuration`, bench.sandbox.ca)).text,
  );
  expect(discovery).toMatchObject({
    issuer: `${origin}/${tenant}/v2.0`,
    token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
  });
  const jwks = JSON.parse((await overTls(discovery.jwks_uri, bench.sandbox.ca)).text);
  const { payload } = await jwtVerify(access_token, createLocalJWKSet(jwks), {
    issuer: discovery.issuer,
    audience: 'https://management.azure.com',
    currentDate: new Date(start),
  });
  expect(payload).toMatchObject({ tid: tenant, appid: clientId, azp: clientId, exp: now + 3599 });
  expect(payload.oid).toBe(payload.sub);
});

test('only the local authority verifies the endpoint', async () => {
  await expect(fetch(`${bench.sandbox.azure.authority_host}/${tenant}/discovery/v2.0/keys`)).rejects.toThrow();
});

describe('assertions', () => {
  const noMatch = (what: string, value: string) =>
    new RegExp(
      `^No matching federated identity record found for presented assertion ${what} '${value}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.`,
    );
  type Row = [string, Record<string, unknown>, TokenOptions, number, string, number, string | RegExp];
  const refused: Row[] = [
    [
      'N10 another issuer',
      { iss: 'https://elsewhere.example' },
      {},
      401,
      'invalid_client',
      700211,
      noMatch('issuer', 'https://elsewhere.example'),
    ],
    [
      'N9 another audience',
      { aud: 'api://azureadtokenexchange' },
      {},
      401,
      'invalid_client',
      700212,
      noMatch('audience', 'api://azureadtokenexchange'),
    ],
    ['N9 an array of audiences', { aud: [azureAudience] }, {}, 401, 'invalid_client', 700212, /assertion audience/],
    ['another subject', { sub: 'job-8' }, {}, 401, 'invalid_client', 700213, noMatch('subject', 'job-8')],
    ['a subject that differs by case', { sub: 'Job-7' }, {}, 401, 'invalid_client', 700213, /case-sensitive/],
    ['a subject with white space', { sub: 'job-7 ' }, {}, 401, 'invalid_client', 700213, noMatch('subject', 'job-7 ')],
    ['a subject with a dollar sign, shown as it is', { sub: "$&$'" }, {}, 401, 'invalid_client', 700213, /'\$&\$''/],
    [
      'typ at+jwt',
      {},
      { header: { typ: 'at+jwt' } },
      400,
      'invalid_request',
      5002727,
      "Invalid JWT header type specified, must be 'JWT' or 'http://openid.net/specs/jwt/1.0'.",
    ],
    ['no sub', { sub: undefined }, {}, 400, 'invalid_request', 50027, 'JWT token is invalid or malformed.'],
    ['no exp', { exp: undefined }, {}, 400, 'invalid_request', 50027, 'JWT token is invalid or malformed.'],
    [
      'N14 expired',
      { exp: now },
      {},
      401,
      'invalid_client',
      700024,
      'Client assertion is not within its valid time range. Current time: 2026-11-21T00:00:00.000Z, assertion valid from 2026-11-20T23:59:55.000Z, expiry time of assertion 2026-11-21T00:00:00.000Z.',
    ],
    [
      'N14 not valid yet',
      { nbf: now + 1 },
      {},
      401,
      'invalid_client',
      700024,
      /^Client assertion is not within its valid time range/,
    ],
    ['no kid', {}, { header: { kid: undefined } }, 401, 'invalid_client', 700027, /The key was not found/],
    ['an unknown kid', {}, { header: { kid: 'k9' } }, 401, 'invalid_client', 700027, /The key was not found/],
  ];
  test.each(refused)('refused: %s', async (_, claims, options, status, error, number, text) => {
    expectRefusal(await askEntra(bench, await token(claims, options)), status, error, number, text);
  });

  test.each(['ES256', 'PS256', 'RS384'])('refused: %s, since RS256 is the only algorithm', async (alg) => {
    const key = await makeKey('k1', alg);
    const text = `Invalid JWT token. '${alg}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256, HS256'`;
    expectRefusal(await askEntra(bench, await token({}, { key })), 400, 'invalid_request', 5002738, text);
  });

  test('N6 refused: the signature of a key that is not published, and text that is not a JWT', async () => {
    const key = await makeKey('k1');
    const forged = await token({}, { key, header: { jwk: key.jwk } });
    expectRefusal(await askEntra(bench, forged), 401, 'invalid_client', 700027, /The signature is not valid/);
    expectRefusal(await askEntra(bench, 'a.b.c'), 400, 'invalid_request', 50027, 'JWT token is invalid or malformed.');
  });

  test('accepted without typ, and with the namespace typ', async () => {
    for (const typ of [undefined, 'http://openid.net/specs/jwt/1.0'])
      expect((await askEntra(bench, await token({}, { header: { typ } }))).status).toBe(200);
  });
});

describe('requests', () => {
  type Row = [string, Record<string, string | undefined>, number, string, number, string | RegExp];
  const refused: Row[] = [
    [
      'another tenant',
      { path: '/elsewhere/oauth2/v2.0/token' },
      400,
      'invalid_request',
      90002,
      /^Tenant 'elsewhere' not found/,
    ],
    [
      'another application',
      { client_id: 'nobody' },
      400,
      'unauthorized_client',
      700016,
      /^Application with identifier 'nobody' was not found/,
    ],
    ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003, /'password'/],
    [
      'no grant',
      { grant_type: undefined },
      400,
      'invalid_request',
      900144,
      "The request body must contain the following parameter: 'grant_type'.",
    ],
    ['no assertion', { client_assertion: undefined }, 400, 'invalid_request', 900144, /'client_assertion'/],
    [
      'a scope that is no /.default',
      { scope: 'https://management.azure.com/user' },
      400,
      'invalid_scope',
      70011,
      /is not valid/,
    ],
    ['two scopes', { scope: 'https://a/.default https://b/.default' }, 400, 'invalid_scope', 70011, /is not valid/],
  ];
  test.each(refused)('refused: %s', async (_, more, status, error, number, text) => {
    expectRefusal(await askEntra(bench, await token(), more), status, error, number, text);
  });

  test('refused: an application without credentials', async () => {
    bench.sandbox.azure.createApplication({ tenant, client_id: 'bare' });
    const reply = await askEntra(bench, await token(), { client_id: 'bare' });
    const text = "The client 'bare' has no configured federated identity credentials.";
    expectRefusal(reply, 401, 'invalid_client', 70025, text);
  });

  test('refused: GET', async () => {
    const { authority_host } = bench.sandbox.azure;
    const reply = await overTls(`${authority_host}/${tenant}/oauth2/v2.0/token`, bench.sandbox.ca);
    expectRefusal(reply, 400, 'invalid_request', 900561, /only accepts POST/);
  });
});

describe('federated credentials', () => {
  const credential = (more: Record<string, unknown> = {}) =>
    JSON.stringify({ name: 'other', issuer: bench.issuer.url, subject: 'job-9', audiences: [azureAudience], ...more });
  const create = (document: string) =>
    bench.sandbox.azure.createFederatedCredential({ tenant, client_id: clientId, document });

  test('one of several that matches is enough', async () => {
    create(credential({ name: 'second', subject: 'job-second' }));
    expect((await askEntra(bench, await token({ sub: 'job-second' }))).status).toBe(200);
    expect((await askEntra(bench, await token())).status).toBe(200);
  });

  test.each([
    [
      'two audiences',
      { audiences: [azureAudience, 'b'] },
      'Federated identity credentials must have exactly one audience.',
    ],
    ['a bad name', { name: 'a b' }, "Federated Identity Credential name 'a b' is invalid."],
    [
      'the same issuer and subject',
      { subject: 'job-7' },
      'Issuer and subject combination already exists for this application.',
    ],
    ['an http issuer', { issuer: 'http://issuer.example' }, 'The issuer must be an https URL without a query.'],
    ['no subject', { subject: '' }, 'The subject must have 1 to 600 characters.'],
    ['an unknown member', { claimsMatchingExpression: {} }, /^The members are/],
  ])('refused: %s', (_, more, message) => {
    expect(() => create(credential(more))).toThrow(message);
  });

  test('20 at most', () => {
    const client_id = 'full';
    bench.sandbox.azure.createApplication({ tenant, client_id });
    const add = (at: number) =>
      bench.sandbox.azure.createFederatedCredential({
        tenant,
        client_id,
        document: credential({ name: `full-${at}`, subject: `job-${at}` }),
      });
    for (let at = 0; at < 20; at++) add(at);
    expect(() => add(20)).toThrow('up to 20');
  });
});
