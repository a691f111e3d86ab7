import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { decodeJwt, type JWTPayload } from 'jose';
import { makeHome, startArsia } from '../support/arsia.ts';
import { createBrowser } from '../support/browser.ts';
import { type Body, type Client, createClient } from '../support/client.ts';
import {
  authorizationRequest,
  operatorOf,
  recordsOf,
  type SignInWorld,
  signInPerson,
  signInSettings,
  startSignIn,
  visit,
} from '../support/people.ts';
import { startUpstream } from '../support/upstream.ts';

let world: SignInWorld;
let operator: Client;
let owner: Client;

beforeAll(async () => {
  world = await startSignIn();
  const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  owner = createClient(world.issuer, made.token.access_token);
  operator = await operatorOf(world);
}, 60_000);

let people = 0;

beforeEach(() => {
  const { upstream } = world;
  Object.assign(upstream, { tamper: undefined, isForger: false, instead: undefined, visitor: `person-${++people}` });
  upstream.people.set(upstream.visitor!, { email: `${upstream.visitor}@acme.example`, email_verified: true });
});

const callback = () => `${world.issuer}/oauth2/callback`;
const usersOf = async () => ((await owner.send('GET', '/users?limit=200')).items as Body[]).map(({ id }) => id);

/** Expects a refusal at the callback: a page, one audit event, no user, no session, and no secret in event or log. */
async function expectRefused(change: (url: URL) => void, reason: RegExp): Promise<Body> {
  const browser = createBrowser();
  const users = await usersOf();
  const { url } = await browser.open(authorizationRequest(world.issuer).url, callback());
  change(url);
  const page = await browser.get(url.href);
  expect({ status: page.status, location: page.location, text: page.text }).toEqual({
    status: 403,
    location: undefined,
    text: expect.stringContaining('role="alert"'),
  });
  const records = await recordsOf(operator, page);
  expect(records).toMatchObject([
    {
      action: 'user.sign_in',
      outcome: 'refused',
      user_id: null,
      detail: { reason: expect.stringMatching(reason) },
    },
  ]);
  expect(await usersOf()).toEqual(users);
  expect(browser.cookies.filter(({ name }) => /^arsia_session/.test(name))).toEqual([]);
  const written = JSON.stringify(records) + page.text + world.running.logged();
  for (const secret of [url.searchParams.get('code'), world.upstream.clientSecret])
    if (secret !== null && secret.length > 10) expect(written).not.toContain(secret);
  return records[0]!;
}

const unchanged = () => {};
const now = () => Math.floor(Date.now() / 1000);

test.each<[string, (claims: JWTPayload) => JWTPayload, RegExp]>([
  ['another nonce', (claims) => ({ ...claims, nonce: 'n'.repeat(43) }), /nonce/],
  ['no nonce', ({ nonce: _, ...claims }) => claims, /verified/],
  ['another issuer (mix-up)', (claims) => ({ ...claims, iss: 'https://evil.example' }), /iss/],
  ['another audience', (claims) => ({ ...claims, aud: 'another-client' }), /aud/],
  ['several audiences and another azp', (claims) => ({ ...claims, aud: ['arsia', 'x'], azp: 'x' }), /azp/],
  ['an expiry long ago', (claims) => ({ ...claims, exp: now() - 3600 }), /verified/],
  ['no subject', ({ sub: _, ...claims }) => claims, /verified/],
  ['a number for a subject', (claims) => ({ ...claims, sub: 7 as unknown as string }), /verified/],
  ['an empty subject', (claims) => ({ ...claims, sub: '' }), /sub/],
  ['a subject of 256 characters', (claims) => ({ ...claims, sub: 's'.repeat(256) }), /sub/],
  ['a subject with NUL', (claims) => ({ ...claims, sub: 'a\0b' }), /sub/],
])('refuses an ID token with %s', async (_name, tamper, reason) => {
  world.upstream.tamper = tamper;
  const { code } = await expectRefused(unchanged, reason);
  expect(code).toBe('sign_in_refused');
});

test('refuses an ID token that another key signed', async () => {
  world.upstream.isForger = true;
  await expectRefused(unchanged, /verified/);
});

test('refuses a userinfo response about another subject', async () => {
  // The ID token has one subject, and userinfo of the access token another.
  world.upstream.tamper = (claims) => ({ ...claims, sub: 'somebody-else' });
  await expectRefused(unchanged, /verified/);
});

test.each<[string, (url: URL) => void]>([
  ['another issuer (RFC 9207)', (url) => url.searchParams.set('iss', 'https://evil.example')],
  ['no issuer, where the provider promises one', (url) => url.searchParams.delete('iss')],
  ['two codes', (url) => url.searchParams.append('code', 'second')],
  ['no code', (url) => url.searchParams.delete('code')],
  ['a code of nobody', (url) => url.searchParams.set('code', 'c'.repeat(43))],
  ['a token beside the code', (url) => url.searchParams.set('response', 'eyJhbGciOiJub25lIn0.e30.')],
])('refuses a callback with %s', async (_name, change) => {
  await expectRefused(change, /verified/);
});

test('a person who cancels at the provider can go back, and the client gets access_denied', async () => {
  world.upstream.visitor = null;
  const browser = createBrowser();
  const ask = authorizationRequest(world.issuer);
  const page = await visit(browser, ask);
  expect([page.status, page.text]).toEqual([
    403,
    expect.stringContaining('The identity provider refused the sign-in with access_denied.'),
  ]);
  expect(await recordsOf(operator, page)).toMatchObject([{ action: 'user.sign_in', outcome: 'refused' }]);
  const [again, back] = [...page.text.matchAll(/<a href="([^"]+)">/g)].map((match) => match[1]!);
  const told = await browser.open(back!, ask.redirect_uri);
  expect(Object.fromEntries(told.url.searchParams)).toMatchObject({ error: 'access_denied', state: ask.state });
  expect(again).toContain('/oauth2/interaction/');
});

test('a refused person can try again on the same page', async () => {
  world.upstream.isForger = true;
  const browser = createBrowser();
  const ask = authorizationRequest(world.issuer);
  const page = await visit(browser, ask);
  world.upstream.isForger = false;
  const again = /<a href="([^"]+\/interaction\/[^"]+)">/.exec(page.text)![1]!;
  const back = await browser.open(again, ask.redirect_uri);
  expect(back.url.searchParams.get('code')).toMatch(/^[\w-]{43}$/);
});

test('N47 shows the message of the provider as text', async () => {
  const browser = createBrowser();
  const { url } = await browser.open(authorizationRequest(world.issuer).url, callback());
  url.searchParams.delete('code');
  url.searchParams.set('error', '<script>alert(1)</script>');
  url.searchParams.set('error_description', '<img src=x onerror=alert(1)>');
  const page = await browser.get(url.href);
  expect([page.status, page.text]).toEqual([
    403,
    expect.stringContaining('The identity provider refused the sign-in with an error.'),
  ]);
  expect(page.text).not.toContain('alert(1)');
});

test.each<[string, (path: string) => [number, Record<string, string>, string] | undefined]>([
  ['is broken', () => [500, { 'content-type': 'text/html' }, 'oops']],
  ['sends us elsewhere', () => [302, { location: 'http://169.254.169.254/latest/meta-data' }, '']],
  ['answers with a page', () => [200, { 'content-type': 'text/html' }, '<html>']],
  ['answers without end', () => [200, { 'content-type': 'application/json' }, `{"x":"${'x'.repeat(300_000)}"}`]],
  ['answers with half a document', () => [200, { 'content-type': 'application/json' }, '{"access_token":']],
  ['does not know us', () => [401, { 'content-type': 'application/json' }, '{"error":"invalid_client"}']],
])(
  'a provider that %s at its token endpoint: nobody is signed in, and the person may try again',
  async (_name, answer) => {
    const browser = createBrowser();
    const { url } = await browser.open(authorizationRequest(world.issuer).url, callback());
    world.upstream.instead = (request, response) => {
      const [status, headers, text] = answer(request.url!)!;
      response.writeHead(status, headers).end(text);
    };
    const before = world.upstream.requests.length;
    const page = await browser.get(url.href);
    expect([page.status, page.text]).toEqual([502, expect.stringContaining('did not respond correctly')]);
    expect(page.text).toContain('/oauth2/interaction/');
    expect(await recordsOf(operator, page)).toMatchObject([
      { action: 'user.sign_in', outcome: 'failed', code: 'sign_in_unavailable' },
    ]);
    expect(world.upstream.requests.slice(before)).toEqual(['POST /token']);
    expect(world.running.logged()).not.toContain('oops');
  },
);

test('a provider that is unreachable or has another issuer: 502, and everything else works', async () => {
  const [upstream, home] = [await startUpstream(), await makeHome('embedded')];
  const running = await startArsia({ home, settings: await signInSettings(upstream, home) });
  const owner = createClient(
    running.issuer,
    (await running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' })).token.access_token,
  );
  const documents: [number, object | string][] = [
    [503, 'away'],
    [200, { issuer: 'https://evil.example', authorization_endpoint: `${upstream.issuer}/auth` }],
    [200, { issuer: `${upstream.issuer}/`, authorization_endpoint: `${upstream.issuer}/auth` }],
    [200, { issuer: upstream.issuer, authorization_endpoint: 'javascript:alert(1)' }],
    [200, { issuer: upstream.issuer }],
  ];
  for (const [status, document] of documents) {
    upstream.instead = (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    };
    const page = await createBrowser().open(authorizationRequest(running.issuer).url);
    expect([page.status, page.location, page.text]).toEqual([
      502,
      undefined,
      expect.stringContaining('did not respond'),
    ]);
  }
  expect((await owner.ask('GET', '/users')).status).toBe(200);
  expect((await fetch(`${running.issuer}/readyz`)).status).toBe(200);
  // Works again without a restart once the provider is back.
  upstream.instead = undefined;
  upstream.register(running.issuer);
  upstream.people.set('ada', {});
  await signInPerson({ running, upstream, issuer: running.issuer }, 'ada');
}, 60_000);

test('a provider that spells its issuer otherwise than the URL parser would signs people in, as AD FS does', async () => {
  const upstream = await startUpstream();
  upstream.issuer = upstream.issuer.replace('127.0.0.1', 'LOCALHOST');
  const home = await makeHome('embedded');
  const running = await startArsia({ home, settings: await signInSettings(upstream, home) });
  await running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  upstream.register(running.issuer);
  upstream.people.set('ada', {});
  await signInPerson({ running, upstream, issuer: running.issuer }, 'ada');
}, 60_000);

test('the provider may be another Arsia', async () => {
  const home = await makeHome('embedded');
  const settings = { ...(await signInSettings(world.upstream, home)), ARSIA_SIGN_IN_ISSUER: `${world.issuer}/oauth2` };
  const second = await startArsia({ home, settings });
  const sent = await createBrowser().open(authorizationRequest(second.issuer).url, `${world.issuer}/oauth2/authorize`);
  expect(sent.url.searchParams.get('redirect_uri')).toBe(`${second.issuer}/oauth2/callback`);
  expect(sent.url.searchParams.get('code_challenge_method')).toBe('S256');
}, 60_000);

test('the same subject of another provider is another user', async () => {
  const first = await startSignIn({ kind: 'postgres' });
  await first.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  const userOf = async (world: SignInWorld) => {
    world.upstream.people.set('ada', { email: 'ada@acme.example', email_verified: true });
    return decodeJwt((await signInPerson(world, 'ada')).id_token).sub;
  };
  const user = await userOf(first);
  await first.running.stop();
  expect(await userOf(await startSignIn({ home: first.running.home }))).not.toBe(user);
}, 60_000);
