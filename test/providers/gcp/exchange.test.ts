import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createOutbound } from '../../../src/outbound/outbound.ts';
import { createCalls } from '../../../src/providers/calls.ts';
import { gcp } from '../../../src/providers/gcp/index.ts';
import { settings as schema } from '../../../src/providers/gcp/settings.ts';
import type { CloudEndpoints, ExchangeContext } from '../../../src/providers/provider.ts';
import { makeServerIdentity } from '../../../src/sandbox/authority.ts';
import { exchangeContext, endpoints as noEndpoints } from '../samples.ts';
import { type Stub, startStub } from '../stub.ts';

const { check, exchange, isTransient, describe: describeCredentials } = gcp.exchanging!;
const account = 'deploy@acme-prod.iam.gserviceaccount.com';
const direct = schema.parse({ project_number: '123456789012', pool: 'arsia-pool', provider: 'arsia' });
const impersonating = schema.parse({ ...direct, service_account: account });
const platform = 'https://www.googleapis.com/auth/cloud-platform';

const federated = {
  body: {
    access_token: 'federated',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: 3599,
  },
};
const impersonated = { body: { accessToken: 'impersonated', expireTime: '2026-11-21T13:00:00Z' } };
const refusal = (error: string, error_description: string, status = 400) => ({
  status,
  body: { error, error_description },
});

let stub: Stub;
let endpoints: CloudEndpoints;
beforeAll(async () => {
  await gcp.exchanging!.load();
  stub = await startStub();
  endpoints = { ...noEndpoints, google_sts: stub.url, google_iam: stub.url };
});
afterAll(() => stub.close());
beforeEach(() => {
  stub.heard.length = 0;
  stub.react(federated);
});

function context(more: Partial<ExchangeContext> = {}): ExchangeContext {
  return exchangeContext({ endpoints, ...more });
}

function exchangeWithRetries(settings = direct, deadline_ms = 10_000) {
  const calls = createCalls({ deadline_ms, random: () => 0 });
  return calls.run({ type: 'gcp', endpoint: 'https://cloud.example', tenant: 'grp_a' }, isTransient, (signal) =>
    exchange('a.b.c', settings, context({ signal })),
  );
}

describe('token exchange with google-auth-library', () => {
  test('directly: one request with the provider as audience and the token of Arsia', async () => {
    const credentials = await exchange('our.work.token', direct, context());
    expect(stub.heard).toHaveLength(1);
    expect(stub.heard[0]).toMatchObject({ method: 'POST', path: '/v1/token' });
    expect(stub.heard[0]!.form).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience:
        '//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/arsia-pool/providers/arsia',
      scope: platform,
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: 'our.work.token',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    });
    expect(credentials).toEqual({ type: 'gcp', access_token: 'federated', expires_at: expect.stringMatching(/Z$/) });
    expect(describeCredentials(credentials)).toEqual({});
  });

  test('as a service account: its token, with the requested scopes and lifetime', async () => {
    stub.react(federated, impersonated);
    const scopes = ['https://www.googleapis.com/auth/devstorage.read_only'];
    const credentials = await exchange('t', impersonating, context({ request: { duration: 900, gcp: { scopes } } }));
    expect(stub.heard).toHaveLength(2);
    expect(stub.heard[0]!.form.scope).toBe(platform);
    expect(stub.heard[1]).toMatchObject({ path: `/v1/projects/-/serviceAccounts/${account}:generateAccessToken` });
    expect(stub.heard[1]!.headers.authorization).toBe('Bearer federated');
    expect(JSON.parse(stub.heard[1]!.body)).toEqual({ scope: scopes, lifetime: '900s' });
    expect(credentials).toEqual({
      type: 'gcp',
      access_token: 'impersonated',
      expires_at: '2026-11-21T13:00:00.000Z',
      service_account: account,
    });
    expect(describeCredentials(credentials)).toEqual({ service_account: account });
  });

  test('the lifetime is an hour by default, and at most the maximum of the identity', async () => {
    stub.react(federated, impersonated, federated, impersonated);
    await exchange('t', impersonating, context());
    await exchange('t', schema.parse({ ...impersonating, max_duration: 600 }), context());
    expect(stub.heard.flatMap(({ body }) => (body.startsWith('{') ? [JSON.parse(body).lifetime] : []))).toEqual([
      '3600s',
      '600s',
    ]);
  });

  test('two users of one provider cause two requests, each with its own token and answer', async () => {
    stub.react(
      { body: { ...federated.body, access_token: 'of alice' } },
      { body: { ...federated.body, access_token: 'of bob' } },
    );
    const alice = await exchange('token.of.alice', direct, context());
    const bob = await exchange('token.of.bob', direct, context());
    expect(stub.heard.map(({ form }) => form.subject_token)).toEqual(['token.of.alice', 'token.of.bob']);
    expect([alice.access_token, bob.access_token]).toEqual(['of alice', 'of bob']);
  });

  test('an answer without a token or an expiry is an error', async () => {
    for (const body of [{}, 'x', { access_token: 'x' }, { expires_in: 1 }]) {
      stub.react({ body });
      await expect(exchange('t', direct, context())).rejects.toThrow();
    }
  });
});

describe('tries', () => {
  test.each([
    ['500', { status: 500, body: {} }],
    ['429', { status: 429, body: { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Quota' } } }],
    ['503 of a proxy', { status: 503, body: '<html>' }],
    [
      'an issuer that Google cannot reach',
      refusal('invalid_grant', "Error connecting to the given credential's issuer."),
    ],
    ['a dropped connection', 'drop'],
  ] as const)('F11 %s: three tries', async (_name, reaction) => {
    stub.react(reaction);
    await expect(exchangeWithRetries()).rejects.toThrow();
    expect(stub.heard).toHaveLength(3);
  });

  test.each(['unauthorized_client', 'invalid_grant', 'invalid_target'])('%s: one try', async (error) => {
    stub.react(refusal(error, 'No.'));
    await expect(exchangeWithRetries()).rejects.toThrow();
    expect(stub.heard).toHaveLength(1);
  });

  test('F11 a failing impersonation: three tries of both requests', async () => {
    stub.react(federated, { status: 500, body: {} }, federated, { status: 500, body: {} }, federated, {
      status: 500,
      body: {},
    });
    await expect(exchangeWithRetries(impersonating)).rejects.toThrow();
    expect(stub.heard).toHaveLength(6);
  });

  test.each([
    ['STS', ['hang']],
    ['the service account', [federated, 'hang']],
  ] as const)(
    'F10 %s that never answers gives cloud_timeout at the deadline, and its connection is closed',
    async (_name, reactions) => {
      stub.react(...reactions);
      await expect(exchangeWithRetries(impersonating, 80)).rejects.toMatchObject({ code: 'cloud_timeout' });
      expect(stub.heard).toHaveLength(reactions.length);
      await stub.hungUp();
    },
  );
});

describe('N29 where the token goes', () => {
  test('environment variables have no effect', async () => {
    const trap = await startStub();
    const variables = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'];
    const saved = variables.map((name) => [name, process.env[name]] as const);
    for (const name of variables) process.env[name] = trap.url;
    try {
      await exchange('t', direct, context());
    } finally {
      for (const [name, value] of saved) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    expect(trap.heard).toEqual([]);
    expect(stub.heard).toHaveLength(1);
    await trap.close();
  });

  test('a redirect is not followed, at STS or at the service account', async () => {
    const trap = await startStub();
    const redirect = { status: 307, headers: { location: trap.url }, body: '' };
    stub.react(redirect);
    await expect(exchange('t', direct, context())).rejects.toThrow();
    stub.react(federated, redirect);
    await expect(exchange('t', impersonating, context())).rejects.toThrow();
    expect(trap.heard).toEqual([]);
    await trap.close();
  });

  test('the certificate authority of the operator is trusted for the endpoint of the operator', async () => {
    const identity = makeServerIdentity();
    const secure = await startStub(identity);
    secure.react(federated);
    const own = { ...noEndpoints, google_sts: secure.url, outbound: createOutbound({ extraCa: identity.ca }) };
    await expect(exchange('t', direct, context({ endpoints: own }))).resolves.toMatchObject({ type: 'gcp' });
    const without = { ...own, outbound: createOutbound() };
    await expect(exchange('t', direct, context({ endpoints: without }))).rejects.toThrow();
    expect(secure.heard).toHaveLength(1);
    await secure.close();
  });

  test.each([
    'x@evil.example.com',
    'a/../b@p.iam.gserviceaccount.com',
    'a@p.iam.gserviceaccount.com/x',
    'a@p.iam.gserviceaccount.com:x',
    'a@p.gserviceaccount.com.evil.example',
    '',
  ])('refuses the service account %s', (service_account) => {
    expect(schema.safeParse({ ...direct, service_account }).error?.issues[0]?.path).toEqual(['service_account']);
  });

  test.each([
    ['pool', 'gcp-pool'],
    ['pool', 'a/b'],
    ['pool', 'abc'],
    ['provider', 'A-Provider'],
    ['provider', 'x'.repeat(33)],
    ['project_number', 'acme-prod'],
    ['project_number', '0123456'],
    ['scopes', []],
    ['scopes', ['a b']],
  ])('refuses the %s %p', (member, value) => {
    expect(schema.safeParse({ ...direct, [member]: value }).error?.issues[0]?.path[0]).toBe(member);
  });
});

describe('N39 requests refused before a token is made', () => {
  test('a duration without a service account, or above the maximum of the identity', () => {
    expect(() => check(direct, { duration: 900 })).toThrow(
      expect.objectContaining({
        more: { fields: [expect.objectContaining({ detail: expect.stringContaining('service account') })] },
      }),
    );
    for (const duration of [3601, 0, -1, 1.5, Number.NaN])
      expect(() => check(impersonating, { duration })).toThrow(/Google/);
    expect(() => check(impersonating, { duration: 3600 })).not.toThrow();
    expect(() => check(direct, {})).not.toThrow();
  });

  test('invalid scopes', () => {
    for (const scopes of [[], ['a b'], ['x'], Array.from({ length: 21 }, () => platform)])
      expect(() => check(direct, { gcp: { scopes } })).toThrow(
        expect.objectContaining({ more: { fields: [expect.objectContaining({ pointer: '/gcp/scopes' })] } }),
      );
  });
});
