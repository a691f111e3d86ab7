import { beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { createBrowser } from '../support/browser.ts';
import { type Body, type Client, createClient, postForm, request } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import {
  authorizationRequest,
  redeem,
  refresh,
  type SignInWorld,
  signInPerson,
  startSignIn,
  visit,
} from '../support/people.ts';

describe.each(servedKinds)('people sign in, on the %s database', (kind) => {
  let world: SignInWorld;
  let owner: Client;

  beforeAll(async () => {
    world = await startSignIn({ kind });
    const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
    owner = createClient(world.issuer, made.token.access_token);
    world.upstream.people.set('ada', { email: 'Ada@Acme.example', email_verified: true, name: 'Ada L' });
  }, 60_000);

  const eventsOf = async (query: string) => (await owner.send('GET', `/audit-events?${query}`)).items as Body[];
  const whoIs = async (access_token: string) => {
    const headers = { authorization: `Bearer ${access_token}` };
    return await request(`${world.issuer}/oauth2/userinfo`, { headers });
  };
  const userOf = async (access_token: string) => (await whoIs(access_token)).body.sub as string;

  test('the console gets tokens that the API accepts', async () => {
    const { issuer } = world;
    const browser = createBrowser();
    world.upstream.visitor = 'ada';
    const ask = authorizationRequest(issuer);
    const back = await visit(browser, ask);
    expect(back.url.href.split('?')[0]).toBe(`${issuer}/console/callback`);
    expect(Object.fromEntries(back.url.searchParams)).toEqual({
      // The format that the rate limits look up (N76).
      code: expect.stringMatching(/^[\w-]{43}$/),
      state: ask.state,
      // RFC 9207.
      iss: `${issuer}/oauth2`,
    });
    const answer = await redeem(issuer, ask, back.url.searchParams.get('code')!);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      access_token: expect.stringMatching(/^arsia_at_[\w-]{43}$/),
      refresh_token: expect.stringMatching(/^arsia_rt_[\w-]{43}$/),
      id_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'openid',
    });
    const keys = createRemoteJWKSet(new URL(`${issuer}/oauth2/jwks`));
    const { payload } = await jwtVerify(answer.body.id_token, keys, {
      issuer: `${issuer}/oauth2`,
      audience: 'console',
    });
    expect(payload.sub).toMatch(/^usr_/);
    expect((await whoIs(answer.body.access_token)).body).toEqual({ sub: payload.sub, login: 'ada@acme.example' });
    const client = createClient(issuer, answer.body.access_token);
    expect(await client.send('GET', `/users/${payload.sub}`)).toMatchObject({
      login: 'ada@acme.example',
      display_name: 'Ada L',
      is_active: true,
      is_operator: false,
    });
    // A user of the organisation, with no role in it.
    expect((await client.send('GET', '/groups')).items).toEqual([]);
  });

  test('the provider was asked for a code with PKCE, state and nonce', () => {
    const asked = world.upstream.asked[0]!;
    expect(Object.fromEntries(asked)).toEqual({
      client_id: 'arsia',
      response_type: 'code',
      redirect_uri: `${world.issuer}/oauth2/callback`,
      scope: 'openid email profile',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  test('a sign-in leaves one record with the issuer and no token, and so does each token', async () => {
    const person = await signInPerson(world, 'ada');
    const user = await userOf(person.access_token);
    const [latest, ...older] = await eventsOf(`action=user.sign_in&user=${user}`);
    expect(older).toHaveLength(1);
    expect(latest).toMatchObject({
      outcome: 'success',
      actor_kind: 'user',
      actor_id: user,
      target_id: user,
      detail: { iss: world.upstream.issuer, login: 'ada@acme.example', first: false },
    });
    expect(older[0]!.detail.first).toBe(true);
    const issued = await eventsOf(`action=access_token.issue&user=${user}`);
    expect(issued).toHaveLength(2);
    expect(issued[0]).toMatchObject({ outcome: 'success', actor_id: user, detail: { client_id: 'console' } });
    const written = JSON.stringify([latest, older, issued]) + world.running.logged();
    for (const secret of [person.access_token, person.refresh_token, person.id_token])
      expect(written).not.toContain(secret);
  });

  test('with a session the next request needs no sign-in', async () => {
    const { browser, access_token } = await signInPerson(world, 'ada');
    const before = world.upstream.requests.length;
    const ask = authorizationRequest(world.issuer);
    const back = await visit(browser, ask);
    const answer = await redeem(world.issuer, ask, back.url.searchParams.get('code')!);
    expect(await userOf(answer.body.access_token)).toBe(await userOf(access_token));
    expect(world.upstream.requests).toHaveLength(before);
    // Unless the client requests a new authentication, which the provider must then require too.
    await visit(browser, authorizationRequest(world.issuer, 'console', { prompt: 'login' }));
    expect(world.upstream.asked.at(-1)!.get('prompt')).toBe('login');
  });

  test('the same subject with another address is the same user', async () => {
    const { upstream } = world;
    const before = await userOf((await signInPerson(world, 'ada')).access_token);
    upstream.people.set('ada', { email: 'lovelace@elsewhere.example', email_verified: true });
    expect(await whoIs((await signInPerson(world, 'ada')).access_token)).toMatchObject({
      body: { sub: before, login: 'ada@acme.example' },
    });
  });

  test('the same address with another subject is another user', async () => {
    const { upstream } = world;
    upstream.people.set('mallory', { email: 'ada@acme.example', email_verified: true });
    const [ada, mallory] = [await signInPerson(world, 'ada'), await signInPerson(world, 'mallory')];
    const [first, second] = [await whoIs(ada.access_token), await whoIs(mallory.access_token)];
    expect(second.body.sub).not.toBe(first.body.sub);
    expect(second.body.login).toMatch(/^ada@acme\.example-[0-9a-f]{6}$/);
  });

  test('a user that an owner created is not taken over by a matching login', async () => {
    const made = await owner.send('POST', '/users', { login: 'grace@acme.example' });
    world.upstream.people.set('grace', { email: 'grace@acme.example', email_verified: true });
    const grace = await signInPerson(world, 'grace', createBrowser(), 'Join acme');
    const { body } = await whoIs(grace.access_token);
    expect(body.sub).not.toBe(made.id);
    expect(body.login).not.toBe('grace@acme.example');
  });

  test('an unverified address does not become the login', async () => {
    world.upstream.people.set('eve', { email: 'ada@acme.example', preferred_username: 'ada@acme.example' });
    expect((await whoIs((await signInPerson(world, 'eve')).access_token)).body.login).toBe('ada');
  });

  test('another person in the same browser: the former session ends with its tokens', async () => {
    const { issuer } = world;
    const ada = await signInPerson(world, 'ada');
    world.upstream.visitor = 'grace';
    const ask = authorizationRequest(issuer, 'console', { prompt: 'login' });
    const back = await visit(ada.browser, ask);
    const answer = await redeem(issuer, ask, back.url.searchParams.get('code')!);
    expect(answer.status).toBe(200);
    expect(await userOf(answer.body.access_token)).not.toBe(decodeJwt(ada.id_token).sub);
    expect((await whoIs(ada.access_token)).status).toBe(401);
    expect((await ada.client.ask('GET', '/users')).status).toBe(401);
    expect((await refresh(issuer, 'console', ada.refresh_token)).body.error).toBe('invalid_grant');
  });

  test('signing out ends the session and everything of the console, with a record', async () => {
    const { issuer } = world;
    const ada = await signInPerson(world, 'ada');
    const url = `${issuer}/oauth2/session/end?client_id=console&post_logout_redirect_uri=${issuer}/console/&state=s`;
    const page = await ada.browser.open(url);
    expect(page.text).toContain('You are signed in as ada@acme.example');
    // Showing the page ends nothing.
    expect((await whoIs(ada.access_token)).status).toBe(200);
    const xsrf = /name="xsrf" value="(\w+)"/.exec(page.text)![1]!;
    const gone = await ada.browser.submit(`${issuer}/oauth2/session/end/confirm`, { xsrf, logout: 'yes' }, issuer);
    expect(gone.url.href).toBe(`${issuer}/console/?state=s`);
    expect((await whoIs(ada.access_token)).status).toBe(401);
    expect((await ada.client.ask('GET', '/users')).status).toBe(401);
    expect((await refresh(issuer, 'console', ada.refresh_token)).status).toBe(400);
    const user = decodeJwt(ada.id_token).sub;
    expect(await eventsOf(`action=session.end&user=${user}`)).toMatchObject([{ outcome: 'success', actor_id: user }]);
    const before = world.upstream.requests.length;
    await visit(ada.browser, authorizationRequest(issuer));
    expect(world.upstream.requests.length).toBeGreaterThan(before);
    // There is nothing to confirm.
    const again = await createBrowser().open(url, `${issuer}/console`);
    expect(again.url.href).toBe(`${issuer}/console/?state=s`);
  });

  test('a sign-out that the person did not confirm ends nothing, and leaves no record of an end', async () => {
    const { issuer } = world;
    const ada = await signInPerson(world, 'ada');
    const user = decodeJwt(ada.id_token).sub;
    const ends = async () => (await eventsOf(`action=session.end&user=${user}`)).length;
    const before = await ends();
    const page = await ada.browser.open(`${issuer}/oauth2/session/end`);
    const xsrf = /name="xsrf" value="(\w+)"/.exec(page.text)![1]!;
    await ada.browser.submit(`${issuer}/oauth2/session/end/confirm`, { xsrf });
    expect((await whoIs(ada.access_token)).status).toBe(200);
    expect(await ends()).toBe(before);
    // With a request of the console the same form ends the tokens of the console, and is recorded.
    const named = await ada.browser.open(`${issuer}/oauth2/session/end?client_id=console`);
    const secret = /name="xsrf" value="(\w+)"/.exec(named.text)![1]!;
    await ada.browser.submit(`${issuer}/oauth2/session/end/confirm`, { xsrf: secret });
    expect((await whoIs(ada.access_token)).status).toBe(401);
    expect(await ends()).toBe(before + 1);
  });

  test('N13 a refresh token can be used once; its second use ends the whole family', async () => {
    const { issuer } = world;
    const first = await signInPerson(world, 'ada');
    const second = await refresh(issuer, 'console', first.refresh_token);
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).toMatch(/^arsia_rt_/);
    expect(second.body.refresh_token).not.toBe(first.refresh_token);
    expect((await whoIs(second.body.access_token)).status).toBe(200);
    const reused = await refresh(issuer, 'console', first.refresh_token);
    expect([reused.status, reused.body.error]).toEqual([400, 'invalid_grant']);
    expect((await refresh(issuer, 'console', second.body.refresh_token)).body.error).toBe('invalid_grant');
    expect((await whoIs(second.body.access_token)).status).toBe(401);
    expect((await createClient(issuer, second.body.access_token).ask('GET', '/users')).status).toBe(401);
    const user = decodeJwt(first.id_token).sub;
    const refused = await eventsOf(`action=access_token.issue&outcome=refused&user=${user}`);
    expect(refused[0]).toMatchObject({ target_id: user, detail: { reason: 'refresh token already used' } });
  });

  test('N20 a session ends 12 hours after signing in, and the console`s tokens with it', async () => {
    const { issuer, running } = world;
    const { browser, refresh_token } = await signInPerson(world, 'ada');
    const ask = authorizationRequest(issuer, 'console', { prompt: 'none' });
    running.clock.advance(12 * 3600 * 1000);
    try {
      const silent = await browser.get(ask.url);
      expect(new URL(silent.location!).searchParams.get('error')).toBe('login_required');
      expect((await refresh(issuer, 'console', refresh_token)).body.error).toBe('invalid_grant');
    } finally {
      running.clock.advance(-12 * 3600 * 1000);
    }
  });

  test('N20 the revocation of a refresh token revokes its access tokens', async () => {
    const { issuer } = world;
    const person = await signInPerson(world, 'ada');
    const revoked = await postForm(issuer, '/revoke', { client_id: 'console', token: person.refresh_token });
    expect(revoked.status).toBe(200);
    expect((await person.client.ask('GET', '/users')).status).toBe(401);
    expect((await refresh(issuer, 'console', person.refresh_token)).status).toBe(400);
  });

  test('N20 a deactivated user: tokens, refresh tokens and sessions end at once, and stay invalid', async () => {
    const { issuer, upstream } = world;
    upstream.people.set('linus', { email: 'linus@acme.example', email_verified: true });
    const linus = await signInPerson(world, 'linus');
    const user = await userOf(linus.access_token);
    await owner.send('PATCH', `/users/${user}`, { is_active: false });
    expect((await linus.client.ask('GET', '/users')).status).toBe(401);
    expect((await whoIs(linus.access_token)).status).toBe(401);
    expect((await refresh(issuer, 'console', linus.refresh_token)).body.error).toBe('invalid_grant');
    // Neither with the session nor with a new sign-in.
    const again = await visit(linus.browser, authorizationRequest(issuer));
    expect([again.status, again.url.pathname]).toEqual([403, '/oauth2/callback']);
    expect(again.text).toContain('User linus@acme.example is deactivated.');
    expect((await eventsOf(`action=user.sign_in&outcome=refused&user=${user}`))[0]).toMatchObject({
      code: 'user_inactive',
      detail: { iss: upstream.issuer, reason: 'User linus@acme.example is deactivated.' },
    });
    await owner.send('PATCH', `/users/${user}`, { is_active: true });
    expect((await linus.client.ask('GET', '/users')).status).toBe(401);
    expect((await refresh(issuer, 'console', linus.refresh_token)).status).toBe(400);
    expect(await userOf((await signInPerson(world, 'linus')).access_token)).toBe(user);
  });
});
