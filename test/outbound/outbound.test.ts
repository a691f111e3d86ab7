import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createUpstream } from '../../src/oidc/upstream/upstream.ts';
import { parseHostEntry } from '../../src/outbound/hostlist.ts';
import { createOutbound, type OutboundSettings } from '../../src/outbound/outbound.ts';
import type { Exchanging } from '../../src/providers/provider.ts';
import { cloudHosts, findProvider } from '../../src/providers/registry.ts';
import { makeServerIdentity } from '../../src/sandbox/authority.ts';
import { systemClock } from '../../src/server/clock.ts';
import { createDocumentFetch, type FetchOptions } from '../../src/signing/outside/fetch.ts';
import { exchangeContext, endpoints as noEndpoints, trustFacts } from '../providers/samples.ts';
import { type Stub, startStub } from '../providers/stub.ts';
import { freePort, makeHome, startArsia } from '../support/arsia.ts';
import { createBrowser } from '../support/browser.ts';
import { createClient } from '../support/client.ts';
import { type ConnectProxy, proxyAuthorization, startConnectProxy } from '../support/connectproxy.ts';
import { addTrustRule, exchangeOutside } from '../support/outside.ts';
import { authorizationRequest } from '../support/people.ts';

// No name server knows it: only the proxy can connect to it.
const host = 'cloud.example';
const awsHost = 'sts.eu-central-1.amazonaws.com';
const azureHost = 'login.microsoftonline.com';
const googleHost = 'sts.googleapis.com';
const identity = makeServerIdentity(host, awsHost, azureHost, googleHost);
let stub: Stub;
let proxy: ConnectProxy;
let port: string;
let base: string;

beforeAll(async () => {
  stub = await startStub(identity);
  proxy = await startConnectProxy();
  port = new URL(stub.url).port;
  base = `https://${host}:${port}`;
});
afterAll(() => stub.close());
beforeEach(() => {
  proxy.tunnels.length = 0;
  proxy.refusal = undefined;
  proxy.behave = undefined;
  stub.heard.length = 0;
});

const settings = (): OutboundSettings => ({ extraCa: identity.ca, proxy: proxy.url });

describe('which calls go through the proxy', () => {
  const isProxied = (url: string, ...noProxy: string[]) =>
    createOutbound({ proxy: 'http://proxy.example:3128', noProxy: noProxy.map(parseHostEntry) }).isProxied(url);

  test.each<[boolean, string, string[]]>([
    [true, 'https://sts.amazonaws.com/', []],
    [true, 'https://10.1.2.3/', []],
    [false, 'https://localhost:8443/', []],
    [false, 'https://127.0.0.1:8443/', []],
    [false, 'https://[::1]/', []],
    [false, 'http://127.0.0.1/', []],
    [false, 'https://id.example/', ['*']],
    [false, 'https://id.example/', ['ID.example']],
    [false, 'https://a.id.example/', ['id.example']],
    [false, 'https://a.id.example/', ['.id.example']],
    [false, 'https://a.id.example/', ['*.id.example']],
    [true, 'https://evilid.example/', ['id.example', '.id.example', '*.id.example']],
    [true, 'https://id.example.evil.example/', ['id.example']],
    [false, 'https://id.example/', ['id.example:443']],
    [false, 'https://id.example:8443/', ['other.example', 'id.example:8443']],
    [true, 'https://id.example:8443/', ['id.example:443']],
    [false, 'https://10.1.2.3/', ['10.0.0.0/8']],
    [false, 'https://10.1.2.3/', ['10.1.2.3']],
    [true, 'https://11.1.2.3/', ['10.0.0.0/8', '10.1.2.3']],
    [false, 'https://[fd00::1]/', ['fd00::/8']],
    [false, 'https://[fd00::1]/', ['[fd00::1]']],
    [false, 'https://[fd00::1]:8443/', ['[fd00::1]:8443']],
    [true, 'https://[fd00::1]/', ['[fd00::1]:8443']],
    [false, 'https://10.1.2.3:8443/', ['10.1.2.3:8443']],
    [true, 'https://10.1.2.3/', ['10.1.2.3:8443']],
    [false, 'https://id.example./', ['id.example']],
    [false, 'https://id.example:8443/', ['*:8443']],
    [true, 'https://id.example/', ['*:8443']],
  ])('%s: %s with the exceptions %j', (expected, url, noProxy) => {
    expect(isProxied(url, ...noProxy)).toBe(expected);
  });

  test('none without a proxy', () => {
    expect(createOutbound().isProxied('https://sts.amazonaws.com/')).toBe(false);
  });

  test.each([
    '',
    'a b',
    'https://id.example',
    'id.example/path',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '300.1.2.3',
    '10.0',
    '10.*',
    '*.*',
    'id.*.example',
    'id.example:0',
    'id.example:70000',
    'fd00::1:8443]',
    '..',
  ])('refuses the entry %j', (entry) => {
    expect(() => parseHostEntry(entry)).toThrow('must be names and addresses');
  });
});

describe('an exchange through the proxy', () => {
  const credentials = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
    <Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE00</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2026-11-21T13:00:00Z</Expiration></Credentials>
    </AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`;
  const bearer = { token_type: 'Bearer', expires_in: 3599, access_token: 'access' };

  const clouds = [
    ['aws', { aws_sts: ['BASE'] }, credentials, { role_arn: 'arn:aws:iam::111122223333:role/acme/deploy' }],
    [
      'azure',
      { azure_authority_hosts: ['BASE'] },
      bearer,
      {
        tenant_id: '72f988bf-86f1-41af-91ab-2d7cd011db47',
        client_id: '11111111-2222-4333-8444-555555555555',
      },
    ],
    [
      'gcp',
      { google_sts: 'BASE', google_iam: 'BASE' },
      { ...bearer, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
      { project_number: '123456789012', pool: 'arsia-pool', provider: 'arsia' },
    ],
  ] as const;

  async function prepare(type: string, endpoints: object, own: object, at = base) {
    const provider = findProvider(type)!;
    const exchanging = provider.exchanging as Exchanging;
    await exchanging.load();
    const named = JSON.parse(JSON.stringify(endpoints).replaceAll('BASE', at));
    const read = provider.settings.parse(own);
    const exchange = (outbound: OutboundSettings) =>
      exchanging.exchange(
        'our.work.token',
        read,
        exchangeContext({ endpoints: { ...noEndpoints, ...named, outbound: createOutbound(outbound, cloudHosts) } }),
      );
    return { exchanging, read, exchange };
  }

  test.each(clouds)(
    '%s: reaches a host that only the proxy can resolve, with the extra authority',
    async (type, endpoints, body, own) => {
      const { exchange } = await prepare(type, endpoints, own);
      stub.react({ body });
      await expect(exchange(settings())).resolves.toMatchObject({ type });
      expect(proxy.tunnels).toEqual([`${host}:${port}`]);
      expect(stub.heard).toHaveLength(1);
      // The proxy's password goes to the proxy alone.
      expect(stub.heard[0]!.headers['proxy-authorization']).toBeUndefined();
    },
  );

  test.each(clouds)('%s: verifies the certificate inside the tunnel', async (type, endpoints, _body, own) => {
    const { exchanging, read, exchange } = await prepare(type, endpoints, own);
    const thrown = await exchange({ proxy: proxy.url }).catch((error: unknown) => error);
    expect(exchanging.explain(thrown, trustFacts(), read)).toMatchObject({
      code: 'cloud_unavailable',
      message: expect.stringContaining('has a certificate that Arsia does not trust'),
    });
    expect(stub.heard).toEqual([]);
  });

  const hosts: Record<string, string> = { aws: awsHost, azure: azureHost, gcp: googleHost };

  test.each(clouds)(
    '%s: its own hosts have the extra authority only where they are listed',
    async (type, endpoints, body, own) => {
      const at = `https://${hosts[type]}:${port}`;
      const { exchanging, read, exchange } = await prepare(type, endpoints, own, at);
      for (const extraCaHosts of [undefined, [host]]) {
        const thrown = await exchange({ ...settings(), extraCaHosts }).catch((error: unknown) => error);
        expect(exchanging.explain(thrown, trustFacts(), read)).toMatchObject({
          message: expect.stringContaining('has a certificate that Arsia does not trust'),
          more: { advice: expect.stringContaining('ARSIA_EXTRA_CA_HOSTS') },
        });
      }
      expect(stub.heard).toEqual([]);
      stub.react({ body });
      for (const extraCaHosts of [['*'], [hosts[type]!]])
        await expect(exchange({ ...settings(), extraCaHosts })).resolves.toMatchObject({ type });
      expect(stub.heard).toHaveLength(2);
    },
  );

  test.each(clouds)(
    '%s: a proxy that is down is named by its setting, without its address',
    async (type, endpoints, _body, own) => {
      const { exchanging, read, exchange } = await prepare(type, endpoints, own);
      const down = await freePort();
      const thrown = await exchange({ proxy: `http://arsia:p%40ss@127.0.0.1:${down}` }).catch(
        (error: unknown) => error,
      );
      const explained = exchanging.explain(thrown, trustFacts(), read);
      expect(explained).toMatchObject({
        code: 'cloud_unavailable',
        message: expect.stringContaining('the outbound proxy did not open a connection'),
        more: { advice: expect.stringContaining('ARSIA_OUTBOUND_PROXY') },
      });
      const told = JSON.stringify([explained.message, explained.more]);
      for (const secret of [String(down), 'p@ss', 'p%40ss', proxyAuthorization]) expect(told).not.toContain(secret);
    },
  );

  test.each(clouds)(
    '%s: a refusal of the proxy is never taken for an answer of the cloud',
    async (type, endpoints, _body, own) => {
      const { exchanging, read, exchange } = await prepare(type, endpoints, own);
      for (const refusal of ['403 Forbidden', '201 Created', '502 Bad Gateway']) {
        proxy.refusal = refusal;
        const thrown = await exchange(settings()).catch((error: unknown) => error);
        expect(exchanging.explain(thrown, trustFacts(), read)).toMatchObject({
          code: 'cloud_unavailable',
          message: expect.stringContaining('the outbound proxy did not open a connection'),
          advice: expect.stringContaining('ARSIA_OUTBOUND_NO_PROXY'),
        });
        // Jobs do not learn where the proxy is.
        expect(JSON.stringify(exchanging.explain(thrown, trustFacts(), read).more)).not.toContain(
          new URL(proxy.url).port,
        );
      }
      expect(stub.heard).toEqual([]);
    },
  );
});

describe('a document of an outside issuer through the proxy', () => {
  const get = (outbound: OutboundSettings, more: Partial<FetchOptions> = {}) =>
    createDocumentFetch({ allowLoopback: false, outbound: createOutbound(outbound), resolve: async () => [], ...more })(
      `${base}/`,
      AbortSignal.timeout(5000),
    );

  test('is fetched where its name has no address here, by a connection of its own', async () => {
    stub.react({ body: { a: 1 } });
    expect(await get(settings())).toMatchObject({ body: { a: 1 } });
    const unknown = () => Promise.reject(new Error('no name server'));
    expect(await get(settings(), { resolve: unknown })).toMatchObject({ body: { a: 1 } });
    expect(proxy.tunnels).toEqual([`${host}:${port}`, `${host}:${port}`]);
  });

  test('is refused where its name has an internal address here (N30), without a tunnel', async () => {
    const resolve = async () => ['8.8.8.8', '10.0.0.1'];
    await expect(get(settings(), { resolve })).rejects.toMatchObject({ code: 'outside_token_refused' });
    expect(proxy.tunnels).toEqual([]);
  });

  test('is refused where a host without the proxy has an internal address (N30)', async () => {
    const resolve = async () => ['10.0.0.1'];
    const direct = { ...settings(), noProxy: [host] };
    await expect(get(direct, { resolve })).rejects.toMatchObject({ code: 'outside_token_refused' });
    const unknown = () => Promise.reject(new Error('no name server'));
    await expect(get(direct, { resolve: unknown })).rejects.toMatchObject({ code: 'issuer_unavailable' });
    expect(proxy.tunnels).toEqual([]);
  });

  test.each([
    'https://10.0.0.1/',
    'https://169.254.169.254/latest',
    'https://[fd00::1]/',
    'https://metadata/',
    'https://id.example:22/',
  ])('is refused at %s before a tunnel is asked for (N30)', async (url) => {
    const fetch = createDocumentFetch({ allowLoopback: false, outbound: createOutbound(settings()) });
    await expect(fetch(url, AbortSignal.timeout(5000))).rejects.toMatchObject({ code: 'outside_token_refused' });
    expect(proxy.tunnels).toEqual([]);
  });

  test('follows no redirect, by which an issuer could reach what the proxy reaches (N30)', async () => {
    stub.react({ status: 302, headers: { location: 'https://10.0.0.1/' }, body: '' });
    await expect(get(settings())).rejects.toMatchObject({ code: 'outside_token_refused' });
    expect(proxy.tunnels).toHaveLength(1);
  });

  test('is unavailable where the proxy refuses, and where the certificate is not trusted', async () => {
    stub.react({ body: { a: 1 } });
    await expect(get({ proxy: proxy.url })).rejects.toMatchObject({ code: 'issuer_unavailable' });
    proxy.refusal = '403 Forbidden';
    await expect(get(settings())).rejects.toMatchObject({ code: 'issuer_unavailable' });
    expect(stub.heard).toEqual([]);
  });

  test('is not read beyond its limit', async () => {
    stub.react({ body: JSON.stringify('x'.repeat(200_000)) });
    await expect(get(settings())).rejects.toMatchObject({ code: 'issuer_unavailable' });
  });
});

describe('sign-in through the proxy', () => {
  const metadata = () => ({
    issuer: base,
    authorization_endpoint: `${base}/auth`,
    token_endpoint: `${base}/token`,
    jwks_uri: `${base}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  });
  const upstreamOf = (outbound: OutboundSettings) =>
    createUpstream(
      {
        issuer: base,
        client_id: 'arsia',
        client_secret: 'secret',
        redirect_uri: 'https://arsia.example/oauth2/callback',
        scopes: 'openid',
      },
      { clock: systemClock, outbound: createOutbound(outbound) },
    );

  test('reads the metadata and redeems the code, with the extra authority', async () => {
    stub.react({ body: metadata() }, { status: 400, body: { error: 'invalid_grant' } });
    const upstream = upstreamOf(settings());
    const { url, ...request } = await upstream.begin({ isFresh: false });
    expect(url).toMatch(`${base}/auth?`);
    const answer = new URLSearchParams({ code: 'the-code', state: request.state });
    await expect(upstream.finish(answer, request)).rejects.toMatchObject({
      code: 'sign_in_refused',
      message: expect.stringContaining('invalid_grant'),
    });
    expect(stub.heard[1]).toMatchObject({
      method: 'POST',
      path: '/token',
      form: { grant_type: 'authorization_code', code: 'the-code', code_verifier: request.code_verifier },
      headers: { 'content-type': expect.stringMatching(/^application\/x-www-form-urlencoded/) },
    });
    expect(proxy.tunnels).toEqual([`${host}:${port}`, `${host}:${port}`]);
  });

  test('names the setting in the cause, and not the password, where the proxy refuses or is down', async () => {
    proxy.refusal = `407 ${proxyAuthorization}`;
    for (const outbound of [settings(), { proxy: `http://arsia:p%40ss@127.0.0.1:${await freePort()}` }]) {
      const thrown = await upstreamOf(outbound)
        .begin({ isFresh: false })
        .catch((error: unknown) => error);
      expect(thrown).toMatchObject({
        code: 'sign_in_unavailable',
        cause: {
          message: expect.stringMatching(/The proxy of ARSIA_OUTBOUND_PROXY (?:answered 407|could not be used)/),
        },
      });
      expect(String(((thrown as Error).cause as Error).stack)).not.toMatch(/p@ss|p%40ss|YXJz/);
    }
  });

  test.each([
    ['an untrusted certificate', () => ({ proxy: proxy.url })],
    ['no proxy', () => ({ extraCa: identity.ca })],
  ])('is unavailable with %s', async (_name, outbound) => {
    stub.react({ body: metadata() });
    await expect(upstreamOf(outbound()).begin({ isFresh: false })).rejects.toMatchObject({
      code: 'sign_in_unavailable',
    });
    expect(stub.heard).toEqual([]);
  });

  test.each([
    ['more than 256 KiB', { body: JSON.stringify('x'.repeat(300_000)) }],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' }, body: '' }],
    ['a Content-Encoding', { headers: { 'content-encoding': 'gzip' }, body: '{}' }],
    ['a broken connection', 'drop' as const],
  ])('is unavailable after %s', async (_name, reaction) => {
    stub.react(reaction);
    await expect(upstreamOf(settings()).begin({ isFresh: false })).rejects.toMatchObject({
      code: 'sign_in_unavailable',
    });
    expect(stub.heard).toHaveLength(1);
  });

  test('the settings reach sign-in and outside issuers of a server', async () => {
    const home = await makeHome('embedded');
    const [ca, secret] = [join(home.folder, 'ca.pem'), join(home.folder, 'sign-in.secret')];
    await writeFile(ca, identity.ca);
    await writeFile(secret, 'secret');
    const running = await startArsia({
      home,
      settings: {
        ARSIA_SIGN_IN_ISSUER: base,
        ARSIA_SIGN_IN_CLIENT_ID: 'arsia',
        ARSIA_SIGN_IN_CLIENT_SECRET_FILE: secret,
        ARSIA_EXTRA_CA_FILE: ca,
        ARSIA_OUTBOUND_PROXY: proxy.url,
        ARSIA_OUTBOUND_NO_PROXY: 'internal.example',
      },
    });
    const { issuer } = running;
    stub.react({ body: metadata() });
    const { url } = await createBrowser().open(authorizationRequest(issuer).url, `${base}/auth`);
    expect(url.href).toMatch(`${base}/auth?`);
    expect(proxy.tunnels).toEqual([`${host}:${port}`]);

    const made = await running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
    const owner = createClient(issuer, made.token.access_token);
    const account = await owner.send('POST', '/service-accounts', { name: 'ci', group: 'acme' });
    const audience = 'https://arsia.acme.example';
    const conditions = [{ claim: 'repository', equals: 'acme/app' }];
    await addTrustRule(owner, account.id, { issuer: base, audience, conditions });
    stub.heard.length = 0;
    stub.react({ body: { issuer: base, jwks_uri: `${base}/jwks` } }, { body: { keys: [] } });
    const unsigned = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const now = Math.floor(systemClock.now() / 1000);
    const claims = { iss: base, sub: 'repo', aud: audience, iat: now, exp: now + 300, repository: 'acme/app' };
    await exchangeOutside(issuer, `${unsigned({ alg: 'RS256', kid: 'k' })}.${unsigned(claims)}.AAAA`, account.id);
    expect(stub.heard.map(({ path }) => path)).toEqual(['/.well-known/openid-configuration', '/jwks']);

    const second = `${base}/second`;
    await addTrustRule(owner, account.id, { issuer: second, audience, conditions });
    proxy.refusal = `403 ${proxyAuthorization} arsia:p@ss`;
    await exchangeOutside(
      issuer,
      `${unsigned({ alg: 'RS256' })}.${unsigned({ ...claims, iss: second })}.AAAA`,
      account.id,
    );
    expect(running.logged()).toContain('The proxy of ARSIA_OUTBOUND_PROXY answered 403.');
    for (const secret of ['p%40ss', 'p@ss', proxyAuthorization]) expect(running.logged()).not.toContain(secret);
  }, 60_000);
});
