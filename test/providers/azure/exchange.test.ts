import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createOutbound } from '../../../src/outbound/outbound.ts';
import { chooseAuthority } from '../../../src/providers/azure/endpoints.ts';
import { azure } from '../../../src/providers/azure/index.ts';
import { settings as schema } from '../../../src/providers/azure/settings.ts';
import { createCalls } from '../../../src/providers/calls.ts';
import type { CloudEndpoints, ExchangeContext } from '../../../src/providers/provider.ts';
import { makeServerIdentity } from '../../../src/sandbox/authority.ts';
import { exchangeContext, id, endpoints as noEndpoints, trustFacts } from '../samples.ts';
import { type Stub, startStub } from '../stub.ts';

const { check, exchange, explain, isTransient, describe: describeCredentials } = azure.exchanging!;
const tenant_id = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const client_id = '11111111-2222-4333-8444-555555555555';
const settings = schema.parse({ tenant_id, client_id });

const grant = (access_token: string) => ({
  body: { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token },
});
const refusal = (number: number, text: string, status = 401) => ({
  status,
  body: { error: 'invalid_client', error_description: `AADSTS${number}: ${text} Trace ID: a`, error_codes: [number] },
});

let stub: Stub;
let endpoints: CloudEndpoints;
beforeAll(async () => {
  await azure.exchanging!.load();
  const identity = makeServerIdentity();
  stub = await startStub(identity);
  endpoints = { ...noEndpoints, azure_authority_hosts: [stub.url], outbound: createOutbound({ extraCa: identity.ca }) };
});
afterAll(() => stub.close());
beforeEach(() => {
  stub.heard.length = 0;
  stub.react(grant('access'));
});

function context(more: Partial<ExchangeContext> = {}): ExchangeContext {
  return exchangeContext({ endpoints, ...more });
}

function exchangeWithRetries(deadline_ms = 10_000) {
  const calls = createCalls({ deadline_ms, random: () => 0 });
  return calls.run({ type: 'azure', endpoint: 'https://cloud.example', tenant: 'grp_a' }, isTransient, (signal) =>
    exchange('a.b.c', settings, context({ signal })),
  );
}

describe('client credentials with MSAL', () => {
  test('need one request, without discovery', async () => {
    const credentials = await exchange('our.work.token', settings, context());
    expect(stub.heard).toHaveLength(1);
    expect(stub.heard[0]).toMatchObject({ method: 'POST' });
    expect(stub.heard[0]!.path).toMatch(new RegExp(`^/${tenant_id}/oauth2/v2\\.0/token(?:\\?|$)`));
    expect(stub.heard[0]!.form).toMatchObject({
      grant_type: 'client_credentials',
      client_id,
      scope: 'https://management.azure.com/.default',
      client_assertion: 'our.work.token',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    expect(credentials).toEqual({
      type: 'azure',
      access_token: 'access',
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      scope: 'https://management.azure.com/.default',
      client_id,
      tenant_id,
    });
    expect(describeCredentials(credentials)).toEqual({ client_id, tenant_id, scope: credentials.scope });
  });

  test('two users of one application cause two requests, each with its own assertion and answer', async () => {
    stub.react(grant('of alice'), grant('of bob'));
    const alice = await exchange('token.of.alice', settings, context());
    const bob = await exchange('token.of.bob', settings, context({ user: { id: id('user'), login: 'bob' } }));
    expect(stub.heard.map(({ form }) => form.client_assertion)).toEqual(['token.of.alice', 'token.of.bob']);
    expect([alice.access_token, bob.access_token]).toEqual(['of alice', 'of bob']);
  });

  test('twenty concurrent exchanges never mix', async () => {
    stub.react(...Array.from({ length: 20 }, (_, n) => grant(`access ${n}`)));
    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => exchange(`t.${n}`, settings, context())));
    expect(new Set(all.map(({ access_token }) => access_token)).size).toBe(20);
    expect(new Set(stub.heard.map(({ form }) => form.client_assertion)).size).toBe(20);
  });

  test('the scope is that of the job, else of the identity, else of the cloud', async () => {
    const storage = 'https://storage.azure.com/.default';
    await exchange('t', schema.parse({ ...settings, scope: storage }), context());
    await exchange('t', settings, context({ request: { azure: { scope: 'https://vault.azure.net/.default' } } }));
    await exchange('t', schema.parse({ ...settings, cloud: 'usgov' }), context());
    expect(stub.heard.map(({ form }) => form.scope)).toEqual([
      storage,
      'https://vault.azure.net/.default',
      'https://management.usgovcloudapi.net/.default',
    ]);
  });

  test('fail for an answer without a token or of another form', async () => {
    for (const body of [{}, '<html>', JSON.stringify(grant(' '.repeat(2 * 1024 * 1024)).body)]) {
      stub.react({ body });
      await expect(exchange('t', settings, context())).rejects.toThrow();
    }
  });
});

describe('tries', () => {
  test.each([
    ['500', { status: 500, body: { error: 'server_error' } }],
    ['503 of a proxy', { status: 503, body: '<html>' }],
    ['429', { status: 429, body: { error: 'temporarily_unavailable' } }],
    ['50166', refusal(50166, 'Request to External OIDC endpoint failed.', 400)],
    ['90061', refusal(90061, 'Request to External OIDC endpoint failed.', 400)],
    ['a dropped connection', 'drop'],
  ] as const)('F11 %s: three tries', async (_name, reaction) => {
    stub.react(reaction);
    await expect(exchangeWithRetries()).rejects.toThrow();
    expect(stub.heard).toHaveLength(3);
  });

  test('F11 a second try that succeeds returns the credentials', async () => {
    stub.react({ status: 500, body: {} }, grant('access'));
    await expect(exchangeWithRetries()).resolves.toMatchObject({ access_token: 'access' });
  });

  test.each([70021, 700213, 700016, 700024])('%d: one try', async (number) => {
    stub.react(refusal(number, 'No.'));
    await expect(exchangeWithRetries()).rejects.toThrow();
    expect(stub.heard).toHaveLength(1);
  });

  test('F11 a Retry-After beyond the deadline is not waited for, and is returned', async () => {
    stub.react({ status: 429, headers: { 'retry-after': '60' }, body: { error: 'temporarily_unavailable' } });
    const thrown = await exchangeWithRetries().catch((error: unknown) => error);
    expect(stub.heard).toHaveLength(1);
    expect(explain(thrown, trustFacts(), settings)).toMatchObject({
      code: 'cloud_unavailable',
      more: { retry_after: 60, cloud: { status: 429 } },
    });
  });

  test('F10 an authority that never answers gives cloud_timeout at the deadline, and its connection is closed', async () => {
    stub.react('hang');
    await expect(exchangeWithRetries(80)).rejects.toMatchObject({ code: 'cloud_timeout' });
    await stub.hungUp();
  });
});

describe('errors of Entra', () => {
  test('keep number and scrubbed text, and have the value to paste', async () => {
    const facts = trustFacts();
    stub.react(
      refusal(
        700213,
        `No matching federated identity record found for presented assertion subject '${facts.subject}'. eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtaSJ9.c2ln`,
      ),
    );
    const thrown = await exchange('t', settings, context()).catch((error: unknown) => error);
    const error = explain(thrown, facts, settings);
    expect(error).toMatchObject({
      code: 'cloud_denied',
      more: {
        condition: 'subject',
        expected: facts.subject,
        cloud: {
          provider: 'azure',
          code: 'AADSTS700213',
          status: 401,
          message: expect.stringContaining('AADSTS700213'),
        },
      },
    });
    expect(error.advice).toContain(`GET /api/v1/managed-identities/${facts.identity_id}/trust`);
    expect(JSON.stringify(error.more)).not.toContain('eyJ');
  });

  test('F11 an unknown certificate authority is reported as such, and not tried again', async () => {
    const withoutAuthority: CloudEndpoints = { ...endpoints, outbound: createOutbound() };
    const thrown = await exchange('t', settings, context({ endpoints: withoutAuthority })).catch(
      (error: unknown) => error,
    );
    expect(isTransient(thrown)).toBe(false);
    expect(explain(thrown, trustFacts(), settings)).toMatchObject({
      code: 'cloud_unavailable',
      message: expect.stringContaining('certificate'),
      advice: expect.stringContaining('ARSIA_EXTRA_CA_FILE'),
    });
    expect(stub.heard).toEqual([]);
  });
});

describe('N29 where the token goes', () => {
  test('goes to the authority of the cloud, or to one that the operator lists', () => {
    const authorityFor = (cloud: string, ...listed: string[]) =>
      chooseAuthority(schema.parse({ ...settings, cloud, scope: 'https://x/.default' }), {
        ...endpoints,
        azure_authority_hosts: listed,
      });
    expect(authorityFor('public')).toBe('https://login.microsoftonline.com');
    expect(authorityFor('usgov')).toBe('https://login.microsoftonline.us');
    expect(authorityFor('china')).toBe('https://login.partner.microsoftonline.cn');
    expect(authorityFor('public', 'https://login.local:8443')).toBe('https://login.local:8443');
    expect(authorityFor('usgov', 'https://login.local', 'https://login.microsoftonline.us')).toBe(
      'https://login.microsoftonline.us',
    );
    expect(authorityFor('ussec', 'https://login.local')).toBe('https://login.local');
    expect(() => authorityFor('ussec')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('a redirect is not followed', async () => {
    const trap = await startStub(makeServerIdentity());
    stub.react({ status: 307, headers: { location: trap.url }, body: '' });
    await expect(exchange('t', settings, context())).rejects.toThrow();
    expect(trap.heard).toEqual([]);
    await trap.close();
  });
});

describe('requests refused before a token is made', () => {
  test('N39 a duration, and a scope that Entra would refuse', () => {
    expect(() => check(settings, {})).not.toThrow();
    for (const duration of [3600, 0, Number.NaN])
      expect(() => check(settings, { duration })).toThrow(
        expect.objectContaining({ more: { fields: [expect.objectContaining({ pointer: '/duration' })] } }),
      );
    for (const scope of [
      '',
      'https://management.azure.com',
      'a/.default b/.default',
      'https://x/.default/',
      '/.default',
    ])
      expect(() => check(settings, { azure: { scope } })).toThrow(
        expect.objectContaining({ more: { fields: [expect.objectContaining({ pointer: '/azure/scope' })] } }),
      );
  });

  test('a cloud without a known resource and without a scope', () => {
    const parsed = schema.safeParse({ ...settings, cloud: 'usnat' });
    expect(parsed.error?.issues[0]).toMatchObject({ path: ['scope'], message: expect.stringContaining('/.default') });
  });
});
