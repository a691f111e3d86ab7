import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeHome, startArsia } from '../support/arsia.ts';
import { createBrowser, type Visit } from '../support/browser.ts';
import { type Client, postForm } from '../support/client.ts';
import {
  authorizationRequest,
  codeOf,
  operatorOf,
  recordsOf,
  redeem,
  type SignInWorld,
  signInPerson,
  signInSettings,
  startSignIn,
  visit,
} from '../support/people.ts';
import { startUpstream } from '../support/upstream.ts';

let world: SignInWorld;
let operator: Client;

beforeAll(async () => {
  world = await startSignIn();
  await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  operator = await operatorOf(world);
  for (const sub of ['ada', 'mallory'])
    world.upstream.people.set(sub, { email: `${sub}@acme.example`, email_verified: true });
}, 60_000);

/** Expects a page with this status and one audit event of the refusal. */
async function expectRefused(page: Visit, status: number, action: string): Promise<void> {
  expect([page.status, page.location]).toEqual([status, undefined]);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.text).toContain('role="alert"');
  expect(await recordsOf(operator, page)).toMatchObject([{ action, outcome: 'refused' }]);
}

describe('N16 where codes go', () => {
  const ofConsole = (issuer: string) => `${issuer}/console/callback`;
  const { protocol, host } = { protocol: 'http:', host: '127.0.0.1' };

  test.each<[string, (good: string) => string]>([
    ['an appended path', (good) => `${good}/x`],
    ['a trailing slash', (good) => `${good}/`],
    ['a parent', (good) => `${good}/..`],
    ['encoded dots', (good) => `${good}/%2e%2e/x`],
    ['another query', (good) => `${good}?x=1`],
    ['a fragment', (good) => `${good}#x`],
    ['an empty fragment', (good) => `${good}#`],
    ['another port', (good) => good.replace(/:\d+\//, ':1/')],
    ['no port', (good) => good.replace(/:\d+\//, '/')],
    ['user information', (good) => good.replace('://', '://user@')],
    ['our host as user information', (good) => good.replace('/console', '@evil.example/console')],
    ['another host', (good) => good.replace(host, 'evil.example')],
    ['a name of the same host', (good) => good.replace(host, 'localhost')],
    ['another case', (good) => good.replace('callback', 'Callback')],
    ['another scheme', (good) => good.replace(protocol, 'https:')],
    ['a script', () => 'javascript:alert(1)'],
    ['a wildcard', (good) => good.replace('callback', '*')],
    ['nothing', () => ''],
    ['a space behind', (good) => `${good} `],
    ['the one of another client', () => 'http://127.0.0.1/callback'],
  ])('the console: %s is a page, never a redirect', async (_name, change) => {
    const redirect_uri = change(ofConsole(world.issuer));
    const page = await createBrowser().get(authorizationRequest(world.issuer, 'console', { redirect_uri }).url);
    await expectRefused(page, 400, 'authorization.request');
    expect(page.text).not.toContain('alert(1)');
  });

  test.each([
    'http://127.0.0.1:8000/other',
    'http://127.0.0.1:8000/callback/',
    'http://127.0.0.1:8000/callback?x=1',
    'http://127.0.0.1:8000/callback#x',
    'http://127.0.0.1:8000/CALLBACK',
    'http://user@127.0.0.1:8000/callback',
    'http://127.0.0.1:8000@evil.example/callback',
    'http://127.0.0.1.evil.example:8000/callback',
    'http://127.0.0.2:8000/callback',
    'http://127.1:8000/callback',
    'http://2130706433:8000/callback',
    'http://localhost:8000/callback',
    'https://127.0.0.1:8000/callback',
    'arsia://callback',
  ])('the command line: %s is a page, never a redirect', async (redirect_uri) => {
    const page = await createBrowser().get(authorizationRequest(world.issuer, 'cli', { redirect_uri }).url);
    await expectRefused(page, 400, 'authorization.request');
  });

  test.each(['http://127.0.0.1:1/callback', 'http://127.0.0.1:65535/callback', 'http://[::1]:49152/callback'])(
    'the command line may listen at %s (RFC 8252 7.3)',
    async (redirect_uri) => {
      const page = await createBrowser().get(authorizationRequest(world.issuer, 'cli', { redirect_uri }).url);
      expect([page.status, page.location]).toEqual([303, expect.stringContaining('/oauth2/interaction/')]);
    },
  );

  test('sent twice, or to an unknown client, it is a page', async () => {
    const { url } = authorizationRequest(world.issuer);
    const twice = await createBrowser().get(`${url}&redirect_uri=https://evil.example`);
    await expectRefused(twice, 400, 'authorization.request');
    const unknown = authorizationRequest(world.issuer, 'console', { client_id: 'evil' });
    await expectRefused(await createBrowser().get(unknown.url), 400, 'authorization.request');
    for (const client_id of ['workload', 'arsia']) {
      const page = await createBrowser().get(authorizationRequest(world.issuer, 'console', { client_id }).url);
      await expectRefused(page, 400, 'authorization.request');
    }
  });

  test('the code is bound to its redirect URI', async () => {
    world.upstream.visitor = 'ada';
    const ask = authorizationRequest(world.issuer);
    const code = codeOf(ask, await visit(createBrowser(), ask))!;
    const answer = await redeem(world.issuer, { ...ask, redirect_uri: 'http://127.0.0.1/callback' }, code);
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
  });
});

describe('the request', () => {
  test.each<[string, Record<string, string | undefined>, string]>([
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['PKCE in plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method', { code_challenge_method: undefined }, 'invalid_request'],
    ['a challenge that is none', { code_challenge: 'short' }, 'invalid_request'],
    ['a token at once', { response_type: 'token' }, 'unsupported_response_type'],
    ['an ID token at once', { response_type: 'code id_token', nonce: 'n' }, 'unsupported_response_type'],
    ['no sign-in', { prompt: 'none' }, 'login_required'],
    ['consent', { prompt: 'consent' }, 'invalid_request'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['a request by its address', { request_uri: 'https://evil.example/r' }, 'request_uri_not_supported'],
  ])('%s is refused by redirect to the client, with its state and our issuer', async (_name, change, error) => {
    const ask = authorizationRequest(world.issuer, 'console', change);
    const answer = await createBrowser().get(ask.url);
    expect(answer.status).toBe(303);
    const to = new URL(answer.location!);
    expect(`${to.origin}${to.pathname}`).toBe(`${world.issuer}/console/callback`);
    // Errors of response types that use the fragment are returned in the fragment (OAuth 2.0 Multiple Response Types 5).
    expect(Object.fromEntries(new URLSearchParams(to.search || to.hash.slice(1)))).toMatchObject({
      error,
      state: ask.state,
      iss: `${world.issuer}/oauth2`,
    });
    expect(await recordsOf(operator, answer)).toMatchObject([
      { action: 'authorization.request', outcome: 'refused', detail: { client_id: 'console', error } },
    ]);
  });

  test.each(['form_post', 'fragment', 'web_message', 'jwt', ''])(
    'the response mode %p is a page: what it would send runs a script, or leaks',
    async (response_mode) => {
      const page = await createBrowser().get(authorizationRequest(world.issuer, 'console', { response_mode }).url);
      await expectRefused(page, 400, 'authorization.request');
      expect(page.text).not.toContain('<form');
    },
  );

  test('a scope may be omitted', async () => {
    world.upstream.visitor = 'ada';
    const ask = authorizationRequest(world.issuer, 'console', { scope: undefined });
    const answer = await redeem(world.issuer, ask, codeOf(ask, await visit(createBrowser(), ask))!);
    expect([answer.status, answer.body.scope]).toEqual([200, 'openid']);
  });

  test.each<[string, Record<string, string>]>([
    ['without its verifier', { code_verifier: '' }],
    ['with another verifier', { code_verifier: 'v'.repeat(43) }],
    ['with the challenge as its verifier', {}],
    ['by another client', { client_id: 'cli' }],
  ])('refuses a code that is redeemed %s', async (name, change) => {
    world.upstream.visitor = 'ada';
    const ask = authorizationRequest(world.issuer);
    const code = codeOf(ask, await visit(createBrowser(), ask))!;
    const challenge = new URL(ask.url).searchParams.get('code_challenge')!;
    const answer = await postForm(world.issuer, '/token', {
      grant_type: 'authorization_code',
      client_id: 'console',
      code,
      redirect_uri: ask.redirect_uri,
      code_verifier: name.includes('challenge') ? challenge : ask.code_verifier,
      ...change,
    });
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
  });

  test('N13 the second use of a code is refused and revokes its tokens', async () => {
    world.upstream.visitor = 'ada';
    const ask = authorizationRequest(world.issuer);
    const code = codeOf(ask, await visit(createBrowser(), ask))!;
    const first = await redeem(world.issuer, ask, code);
    expect(first.status).toBe(200);
    expect((await redeem(world.issuer, ask, code)).body.error).toBe('invalid_grant');
    const headers = { authorization: `Bearer ${first.body.access_token}` };
    expect((await fetch(`${world.issuer}/oauth2/userinfo`, { headers })).status).toBe(401);
  });
});

describe('N17 N49 binds a sign-in to its browser', () => {
  const callback = () => `${world.issuer}/oauth2/callback`;

  test('refuses an interaction of another browser, or a guessed one', async () => {
    const ask = authorizationRequest(world.issuer);
    const begun = await createBrowser().get(ask.url);
    await expectRefused(await createBrowser().get(begun.location!), 400, 'user.sign_in');
    const [other, own] = [createBrowser(), authorizationRequest(world.issuer)];
    const mine = await other.get(own.url);
    // With a valid cookie of another interaction.
    await expectRefused(await other.get(begun.location!), 400, 'user.sign_in');
    await expectRefused(await other.post(begun.location!, { confirm: 'yes' }), 400, 'user.sign_in');
    const guessed = mine.location!.replace(/[\w-]{43}$/, 'x'.repeat(43));
    await expectRefused(await other.get(guessed), 400, 'user.sign_in');
    await expectRefused(
      await createBrowser().get(begun.location!.replace('interaction', 'authorize')),
      400,
      'authorization.request',
    );
    await expectRefused(
      await createBrowser().get(begun.location!.replace('interaction', 'device')),
      400,
      'device.approve',
    );
  });

  test('login CSRF: refuses the callback of another person, with or without an own interaction', async () => {
    world.upstream.visitor = 'mallory';
    const theirs = await createBrowser().open(authorizationRequest(world.issuer).url, callback());
    const victim = createBrowser();
    await expectRefused(await victim.get(theirs.url.href), 400, 'user.sign_in');
    await victim.get(authorizationRequest(world.issuer).url);
    await expectRefused(await victim.get(theirs.url.href), 400, 'user.sign_in');
    expect(victim.cookies.filter(({ name }) => name.startsWith('arsia_session'))).toEqual([]);
  });

  test('a callback can be used once', async () => {
    world.upstream.visitor = 'ada';
    const browser = createBrowser();
    const back = await browser.open(authorizationRequest(world.issuer).url, callback());
    expect((await browser.get(back.url.href)).status).toBe(303);
    await expectRefused(await browser.get(back.url.href), 400, 'user.sign_in');
  });

  test.each([
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['another state', (url: URL) => url.searchParams.set('state', 's'.repeat(43))],
    ['two states', (url: URL) => url.searchParams.append('state', 'second')],
  ])('refuses a callback with %s', async (_name, change) => {
    world.upstream.visitor = 'ada';
    const browser = createBrowser();
    const { url } = await browser.open(authorizationRequest(world.issuer).url, callback());
    change(url);
    await expectRefused(await browser.get(url.href), 400, 'user.sign_in');
  });

  test('the session gets a new id at sign-in', async () => {
    world.upstream.visitor = 'ada';
    const browser = createBrowser();
    await browser.open(`${world.issuer}/oauth2/device`);
    const named = () => browser.cookies.find(({ name }) => /^arsia_session_\d+$/.test(name))!.value;
    const before = named();
    await visit(browser, authorizationRequest(world.issuer));
    expect(named()).not.toBe(before);
  });

  test('ignores an altered cookie', async () => {
    const { browser } = await signInPerson(world, 'ada');
    const session = browser.cookies.find(({ name }) => /^arsia_session_\d+$/.test(name))!;
    session.value = session.value.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
    const answer = await browser.get(authorizationRequest(world.issuer, 'console', { prompt: 'none' }).url);
    expect(new URL(answer.location!).searchParams.get('error')).toBe('login_required');
  });

  test('a sign-out from another site ends nothing', async () => {
    const { browser, access_token } = await signInPerson(world, 'ada');
    await browser.get(`${world.issuer}/oauth2/session/end`);
    const confirm = `${world.issuer}/oauth2/session/end/confirm`;
    await expectRefused(await browser.post(confirm, { logout: 'yes' }), 400, 'session.end');
    const foreign = await browser.post(confirm, { logout: 'yes' }, { origin: 'https://evil.example' });
    await expectRefused(foreign, 403, 'session.end');
    const headers = { authorization: `Bearer ${access_token}` };
    expect((await fetch(`${world.issuer}/oauth2/userinfo`, { headers })).status).toBe(200);
  });
});

describe('the command line by the browser of its machine', () => {
  test('needs the confirmation of a person, with or without a session', async () => {
    const { browser } = await signInPerson(world, 'ada');
    const ask = authorizationRequest(world.issuer, 'cli');
    const page = await visit(browser, ask);
    expect([page.status, page.url.pathname]).toEqual([200, expect.stringMatching(/^\/oauth2\/interaction\//)]);
    expect(page.text).toContain('ada@acme.example');
    expect(page.text).toContain('127.0.0.1:49152');
    const back = await browser.submit(page.url.href, { confirm: 'yes' }, ask.redirect_uri);
    expect(Object.fromEntries(back.url.searchParams)).toMatchObject({
      state: ask.state,
      iss: `${world.issuer}/oauth2`,
    });
    const answer = await redeem(world.issuer, ask, codeOf(ask, back)!);
    expect(answer.body).toMatchObject({ access_token: expect.any(String), refresh_token: expect.any(String) });
  });

  test('needs it after a sign-in too', async () => {
    world.upstream.visitor = 'ada';
    const browser = createBrowser();
    const ask = authorizationRequest(world.issuer, 'cli');
    const page = await visit(browser, ask);
    expect(page.text).toContain('Sign in on this computer?');
    const back = await browser.submit(page.url.href, { confirm: 'yes' }, ask.redirect_uri);
    expect((await redeem(world.issuer, ask, codeOf(ask, back)!)).status).toBe(200);
  });

  test('gets no code when the person refuses, or when the form is empty or from another site', async () => {
    const { browser } = await signInPerson(world, 'ada');
    const ask = authorizationRequest(world.issuer, 'cli');
    const page = await visit(browser, ask);
    const foreign = await browser.post(page.url.href, { confirm: 'yes' }, { origin: 'https://evil.example' });
    await expectRefused(foreign, 403, 'user.sign_in');
    const back = await browser.submit(page.url.href, { abort: 'yes' }, ask.redirect_uri);
    expect(Object.fromEntries(back.url.searchParams)).toMatchObject({ error: 'access_denied', state: ask.state });
    const silent = await browser.get(authorizationRequest(world.issuer, 'cli', { prompt: 'none' }).url);
    expect(new URL(silent.location!).searchParams.get('error')).toBe('interaction_required');
  });
});

describe('N48 redirects only to registered URIs', () => {
  test.each([
    '//evil.example',
    '/\\evil.example',
    'https:evil.example',
    'https://evil.example',
    '%2f%2fevil.example',
    'javascript:alert(1)',
  ])('after signing out: %s', async (post_logout_redirect_uri) => {
    const { browser } = await signInPerson(world, 'ada');
    const query = new URLSearchParams({ client_id: 'console', post_logout_redirect_uri });
    const page = await browser.get(`${world.issuer}/oauth2/session/end?${query}`);
    await expectRefused(page, 400, 'session.end');
    // Without a client it is ignored.
    const nowhere = await createBrowser().get(
      `${world.issuer}/oauth2/session/end?${new URLSearchParams({ post_logout_redirect_uri })}`,
    );
    expect([nowhere.status, nowhere.location]).toEqual([200, undefined]);
    expect(nowhere.text).not.toContain('evil');
  });

  test('with parameters of other servers', async () => {
    world.upstream.visitor = 'ada';
    const ask = authorizationRequest(world.issuer);
    const evil = encodeURIComponent('//evil.example');
    const back = await visit(createBrowser(), {
      ...ask,
      url: `${ask.url}&next=${evil}&returnTo=${evil}&RelayState=${evil}`,
    });
    expect(back.url.href).toContain(`${ask.redirect_uri}?`);
    expect(back.url.href).not.toContain('evil');
  });
});

describe('N50 headers and cookies', () => {
  test('every page: no inline script, no frame, no sniffing, no cache', async () => {
    const browser = createBrowser();
    const pages = [
      await browser.open(`${world.issuer}/oauth2/device`),
      await browser.get(`${world.issuer}/oauth2/authorize`),
      await browser.get(`${world.issuer}/oauth2/callback`),
      await browser.get(`${world.issuer}/oauth2/session/end`),
      await browser.get(`${world.issuer}/oauth2/session/end/success`),
      await browser.get(`${world.issuer}/oauth2/interaction/${'x'.repeat(43)}`),
      await browser.post(`${world.issuer}/oauth2/device`, {}),
    ];
    for (const page of pages) {
      const policy = page.headers.get('content-security-policy')!;
      expect(policy).toMatch(/default-src 'none'; .*frame-ancestors 'none'; base-uri 'none'/);
      expect(policy).not.toMatch(/unsafe|nonce|script-src[^;]*sha256/);
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
      expect(page.headers.get('referrer-policy')).toBe('same-origin');
      expect(page.headers.get('strict-transport-security')).toBe('max-age=31536000');
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.text).not.toMatch(/<script>|javascript:|\son\w+=/);
      expect(page.text).toMatch(/<html lang="en">[\s\S]*<title>[^<]+ - Arsia<\/title>[\s\S]*<main>\s*<h1>/);
    }
  });

  test.each([
    ['https://arsia.example', '__Host-', '/'],
    ['https://arsia.example/base', '__Secure-', '/base'],
  ])(
    'cookies of %s are %s, at %s',
    async (issuer, prefix, path) => {
      const [upstream, home] = [await startUpstream(), await makeHome('embedded')];
      const settings = { ...(await signInSettings(upstream, home)), ARSIA_SIGN_IN_ISSUER: 'https://id.example' };
      const { origin } = await startArsia({ home, issuer, settings });
      const base = `${origin}${new URL(issuer).pathname.replace(/\/$/, '')}/oauth2`;
      const asked = new URL(authorizationRequest(issuer).url);
      const [begun, device] = [
        await createBrowser().get(`${base}/authorize${asked.search}`),
        await createBrowser().get(`${base}/device`),
      ];
      expect(begun.location).toMatch(new RegExp(`^${issuer}/oauth2/interaction/`));
      const cookies = [...begun.setCookies, ...device.setCookies];
      expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual(
        ['interaction', 'interaction.sig', 'resume', 'resume.sig', 'session', 'session.sig'].map(
          (name) => `${prefix}arsia_${name}`,
        ),
      );
      for (const cookie of cookies) {
        expect(
          cookie
            .split('; ')
            .slice(1)
            .map((one) => one.toLowerCase()),
        ).toEqual(expect.arrayContaining([`path=${path}`, 'secure', 'httponly', 'samesite=lax']));
        expect(cookie).not.toMatch(/domain=/i);
      }
    },
    60_000,
  );
});

test('the metadata lists what people are offered', async () => {
  const { issuer } = world;
  const metadata = (await (await fetch(`${issuer}/oauth2/.well-known/openid-configuration`)).json()) as object;
  expect(metadata).toMatchObject({
    authorization_endpoint: `${issuer}/oauth2/authorize`,
    device_authorization_endpoint: `${issuer}/oauth2/device_authorization`,
    userinfo_endpoint: `${issuer}/oauth2/userinfo`,
    end_session_endpoint: `${issuer}/oauth2/session/end`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid'],
    prompt_values_supported: ['none', 'login', 'select_account'],
    claims_supported: ['sub', 'login', 'sid', 'auth_time', 'iss'],
    authorization_response_iss_parameter_supported: true,
    grant_types_supported: [
      'authorization_code',
      'refresh_token',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:device_code',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
  });
  for (const name of Object.keys(metadata))
    expect(name).not.toMatch(/registration|pushed|backchannel|dpop|check_session/);
});
