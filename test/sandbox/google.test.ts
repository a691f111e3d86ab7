import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  askGoogle,
  type Bench,
  googleAudience,
  googleProvider,
  pasteGoogle,
  pool,
  type Reply,
  serviceAccount,
  startBench,
} from './clouds.ts';
import { cloudPlatform, googleToken, tokenInfo } from './googletokens.ts';
import { makeKey, start, type TokenOptions } from './issuer.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteGoogle(bench);
});
afterAll(() => bench.close());

const now = start / 1000;

const token = (claims?: Record<string, unknown>, options?: TokenOptions) => googleToken(bench, claims, options);

function expectOAuth(reply: Reply, error: string, description: string | RegExp): void {
  const body = JSON.parse(reply.text);
  expect({ status: reply.status, error: body.error }).toEqual({ status: 400, error });
  if (typeof description === 'string') expect(body.error_description).toBe(description);
  else expect(body.error_description).toMatch(description);
  expect(Object.keys(body)).toEqual(['error', 'error_description']);
}

describe('exchange', () => {
  test('returns a federated token of the mapped principal for a form', async () => {
    const reply = await askGoogle(bench, await token());
    expect(reply.status).toBe(200);
    const { access_token, ...rest } = JSON.parse(reply.text);
    expect(rest).toEqual({
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 3600,
    });
    expect(await tokenInfo(bench, access_token)).toEqual({
      status: '200',
      sub: `principal:${pool}/subject/job-7`,
      scope: cloudPlatform,
      exp: String(now + 3600),
      expires_in: '3600',
    });
  });

  test('JSON in camel case does the same', async () => {
    const body = {
      grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: googleAudience,
      scope: cloudPlatform,
      requestedTokenType: 'urn:ietf:params:oauth:token-type:access_token',
      subjectToken: await token(),
      subjectTokenType: 'urn:ietf:params:oauth:token-type:id_token',
    };
    const response = await fetch(`${bench.sandbox.google.sts_endpoint}/v1/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
  });

  type Row = [string, Record<string, unknown>, TokenOptions, string, string | RegExp];
  const refused: Row[] = [
    [
      'N10 another issuer',
      { iss: 'https://elsewhere.example' },
      {},
      'invalid_grant',
      /^The issuer in ID Token https:\/\/elsewhere.example does not match the expected ones: http:\/\/127/,
    ],
    [
      'N9 another audience',
      { aud: 'aws' },
      {},
      'invalid_grant',
      'The audience in ID Token [aws] does not match the expected audience.',
    ],
    [
      'N9 an array of audiences',
      { aud: [googleAudience] },
      {},
      'invalid_grant',
      /does not match the expected audience/,
    ],
    [
      'a claim that the condition refuses',
      { team: 'qa' },
      {},
      'unauthorized_client',
      'The given credential is rejected by the attribute condition.',
    ],
    [
      'a claim that the mapping wants',
      { team: undefined },
      {},
      'invalid_grant',
      /mapping of the ID Token failed at attributeMapping attribute.team/,
    ],
    [
      'N38 a subject of 128 bytes',
      { sub: 'é'.repeat(64) },
      {},
      'invalid_grant',
      'The size of mapped attribute exceeds the 127 bytes limit.',
    ],
    ['N14 expired', { exp: now }, {}, 'invalid_grant', `ID Token issued at ${now - 5} is stale to sign-in.`],
    ['N14 issued in the future', { iat: now + 1 }, {}, 'invalid_grant', /not valid yet/],
    [
      'a life of more than 24 h',
      { iat: now, exp: now + 86_401 },
      {},
      'invalid_grant',
      /lives longer than 86400 seconds/,
    ],
    ['no iat', { iat: undefined }, {}, 'invalid_grant', /must have iat and exp/],
    ['no kid', {}, { header: { kid: undefined } }, 'invalid_grant', /has no kid/],
    ['an unknown kid', {}, { header: { kid: 'k9' } }, 'invalid_grant', 'The signature of the ID Token is not valid.'],
  ];
  test.each(refused)('refused: %s', async (_, claims, options, error, description) => {
    expectOAuth(await askGoogle(bench, await token(claims, options)), error, description);
  });

  test('accepts a subject of 127 bytes', async () => {
    expect((await askGoogle(bench, await token({ sub: `${'é'.repeat(63)}x` }))).status).toBe(200);
  });

  test('uses uploaded keys without a request to the issuer; accepts ES256 and refuses RS384', async () => {
    const key = await makeKey('es', 'ES256');
    const audience = `${pool}/providers/uploaded`;
    const oidc = { issuerUri: bench.issuer.url, jwksJson: JSON.stringify({ keys: [key.jwk] }) };
    const document = googleProvider(bench.issuer.url, { oidc });
    bench.sandbox.google.createProvider({ audience_resource: audience, document });
    const ask = async (signer: typeof key) =>
      askGoogle(bench, await token({ aud: audience }, { key: signer }), { audience });
    const before = { ...bench.issuer.seen };
    expect((await ask(key)).status).toBe(200);
    expect(bench.issuer.seen).toEqual(before);
    expectOAuth(await ask(await makeKey('es', 'RS384')), 'invalid_grant', /algorithm/);
  });

  test('reports uploaded keys with other members as an unreachable issuer', async () => {
    const { jwk } = bench.issuer.keys[0]!;
    const jwksJson = JSON.stringify({ keys: [{ ...jwk, x5c: ['MIIB'] }] });
    const audience = `${pool}/providers/badupload`;
    const document = googleProvider(bench.issuer.url, { oidc: { issuerUri: bench.issuer.url, jwksJson } });
    bench.sandbox.google.createProvider({ audience_resource: audience, document });
    const reply = await askGoogle(bench, await token({ aud: audience }), { audience });
    expectOAuth(reply, 'invalid_grant', "Error connecting to the given credential's issuer.");
  });

  test.each([
    ['deleted', { state: 'DELETED', expireTime: '2026-12-20T00:00:00Z' }],
    ['disabled', { state: 'ACTIVE', disabled: true }],
    ['of no known state', { state: 'STATE_UNSPECIFIED' }],
  ])('N85 treats a provider that is %s as unknown for every token', async (title, more) => {
    const audience = `${pool}/providers/dead-${title.replace(/ .*/, '')}`;
    bench.sandbox.google.createProvider({
      audience_resource: audience,
      document: googleProvider(bench.issuer.url, more),
    });
    for (const claims of [{ aud: audience }, { aud: audience, exp: now - 600 }])
      expectOAuth(await askGoogle(bench, await token(claims), { audience }), 'invalid_target', /disabled or deleted/);
  });

  test('N85 reports an uploaded JWKS without keys as an unreachable issuer', async () => {
    for (const [index, jwksJson] of ['{"keys":[]}', '', '{}'].entries()) {
      const audience = `${pool}/providers/empty-${index}`;
      const document = googleProvider(bench.issuer.url, { oidc: { issuerUri: bench.issuer.url, jwksJson } });
      bench.sandbox.google.createProvider({ audience_resource: audience, document });
      const reply = await askGoogle(bench, await token({ aud: audience }), { audience });
      expectOAuth(reply, 'invalid_grant', "Error connecting to the given credential's issuer.");
    }
  });

  test('allowedAudiences replaces the resource name; without it the https form counts too', async () => {
    const audience = `${pool}/providers/listed`;
    const oidc = { issuerUri: bench.issuer.url, allowedAudiences: ['sigstore'] };
    bench.sandbox.google.createProvider({
      audience_resource: audience,
      document: googleProvider(bench.issuer.url, { oidc }),
    });
    expect((await askGoogle(bench, await token({ aud: 'sigstore' }), { audience })).status).toBe(200);
    expect((await askGoogle(bench, await token({ aud: audience }), { audience })).status).toBe(400);
    expect((await askGoogle(bench, await token({ aud: `https:${googleAudience}` }))).status).toBe(200);
  });

  test.each([
    [
      'another provider',
      { audience: `${pool}/providers/nothing` },
      'invalid_target',
      /^The target service indicated by the "audience" parameters is invalid\./,
    ],
    ['an audience of another form', { audience: 'aws' }, 'invalid_request', 'Invalid value for "audience".'],
    [
      'another token type',
      { requested_token_type: 'x' },
      'invalid_request',
      'Invalid value of requested_token_type in request.',
    ],
    ['no scope', { scope: undefined }, 'invalid_request', 'Scope(s) must be provided.'],
    ['another grant', { grant_type: 'x' }, 'unsupported_grant_type', /grant_type/],
    ['what is no JWT', { subject_token: 'x.y.z' }, 'invalid_grant', /parse/],
  ])('refused: %s', async (_, more, error, description) => {
    expectOAuth(await askGoogle(bench, await token(), more), error, description);
  });

  test('refused: the signature of a key that is not published', async () => {
    const stranger = await makeKey('k1');
    expectOAuth(await askGoogle(bench, await token({}, { key: stranger })), 'invalid_grant', /signature/);
  });
});

test('refuses resources that Google would refuse', () => {
  const { google } = bench.sandbox;
  const create = (document: string, provider = 'fresh') =>
    google.createProvider({ project_number: '42', pool: 'jobs', provider, document });
  const { url } = bench.issuer;
  const refused: [() => void, string][] = [
    [() => create(googleProvider(url), 'workload'), 'ALREADY_EXISTS'],
    [() => create(googleProvider(url), 'x'), 'INVALID_ARGUMENT'],
    [() => create('{'), 'INVALID_ARGUMENT'],
    [() => create(googleProvider('http://issuer.example')), 'INVALID_ARGUMENT'],
    [() => create(googleProvider(url, { attributeMapping: {} })), 'INVALID_ARGUMENT'],
    [() => create(googleProvider(url, { attributeMapping: { 'google.subject': 'assertion.' } })), 'INVALID_ARGUMENT'],
    [() => google.createServiceAccount({ email: serviceAccount }), 'ALREADY_EXISTS'],
    [() => google.createServiceAccount({ email: 'x@y', policy: '{"bindings":[{"role":"r"}]}' }), 'INVALID_ARGUMENT'],
    [
      () =>
        google.createServiceAccount({
          email: 'x@y',
          policy: '{"bindings":[{"role":"r","members":[],"condition":{"expression":"false"}}]}',
        }),
      'INVALID_ARGUMENT',
    ],
  ];
  for (const [attempt, code] of refused) expect(attempt).toThrow(expect.objectContaining({ code }));
});
