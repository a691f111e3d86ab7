import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { createBrowser } from '../support/browser.ts';
import { type Body, type Client, createClient } from '../support/client.ts';
import {
  authorizationRequest,
  codeOf,
  redeem,
  refresh,
  type SignInWorld,
  signInPerson,
  signInSettings,
  startSignIn,
  visit,
} from '../support/people.ts';
import { rounds } from '../support/rounds.ts';

const tries = rounds(5, 100);
const uses = 20;

describe('two replicas on one PostgreSQL', () => {
  let world: SignInWorld;
  let other: RunningArsia;
  let origins: string[];
  let owner: Client;

  beforeAll(async () => {
    world = await startSignIn({ kind: 'postgres' });
    const { running, issuer, upstream } = world;
    const made = await running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
    owner = createClient(issuer, made.token.access_token);
    const settings = await signInSettings(upstream, running.home);
    other = await startArsia({ home: running.home, issuer, settings });
    origins = [issuer, other.origin];
    upstream.people.set('ada', { email: 'ada@acme.example', email_verified: true });
    upstream.visitor = 'ada';
  }, 60_000);

  const opens = async (access_token: string) =>
    await Promise.all(
      origins.map(async (origin) => (await createClient(origin, access_token).ask('GET', '/users')).status),
    );

  test('N13 F13 one refresh token, 20 times at once: one wins, and then the whole family is gone', async () => {
    for (let round = 0; round < tries; round++) {
      const person = await signInPerson(world, 'ada', createBrowser());
      const answers = await Promise.all(
        Array.from({ length: uses }, (_, index) => refresh(origins[index % 2]!, 'console', person.refresh_token)),
      );
      const won = answers.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      const lost = answers.filter(({ status }) => status !== 200);
      expect(new Set(lost.map(({ status, body }) => `${status} ${body.error}`))).toEqual(
        new Set(['400 invalid_grant']),
      );
      for (const token of [person.access_token, won[0]!.body.access_token])
        expect(await opens(token)).toEqual([401, 401]);
      for (const origin of origins)
        expect((await refresh(origin, 'console', won[0]!.body.refresh_token)).body.error).toBe('invalid_grant');
    }
  }, 300_000);

  test('N13 F13 one code, 20 times at once: at most one gets tokens, and they are revoked', async () => {
    for (let round = 0; round < tries; round++) {
      const ask = authorizationRequest(world.issuer);
      const code = codeOf(ask, await visit(createBrowser(), ask))!;
      const answers = await Promise.all(
        Array.from({ length: uses }, (_, index) => redeem(origins[index % 2]!, ask, code)),
      );
      const won = answers.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      expect(await opens(won[0]!.body.access_token)).toEqual([401, 401]);
    }
  }, 300_000);

  test('a sign-in that started on one replica completes on the other, and both know the session', async () => {
    const browser = createBrowser();
    const ask = authorizationRequest(world.issuer);
    const there = (url: string) => url.replace(origins[0]!, origins[1]!);
    const begun = await browser.get(ask.url);
    const back = await browser.open(there(begun.location!), `${world.issuer}/oauth2/callback`);
    const resumed = await browser.open(there(back.url.href), ask.redirect_uri);
    const answer = await redeem(origins[1]!, ask, codeOf(ask, resumed)!);
    expect(await opens(answer.body.access_token)).toEqual([200, 200]);
    const again = authorizationRequest(world.issuer, 'console', { prompt: 'none' });
    for (const origin of origins) {
      const silent = await browser.get(again.url.replace(origins[0]!, origin));
      expect(codeOf(again, { ...silent, url: new URL(silent.location!) })).toMatch(/^[\w-]{43}$/);
    }
  });

  test('N20 deactivated on one replica, refused by the other with the next request', async () => {
    world.upstream.people.set('linus', { email: 'linus@acme.example', email_verified: true });
    const linus = await signInPerson(world, 'linus');
    const [user] = (await owner.send('GET', '/users?limit=200')).items.filter((one: Body) =>
      one.login.startsWith('linus'),
    );
    await owner.send('PATCH', `/users/${user.id}`, { is_active: false });
    expect(await opens(linus.access_token)).toEqual([401, 401]);
    expect((await refresh(origins[1]!, 'console', linus.refresh_token)).body.error).toBe('invalid_grant');
    const ask = authorizationRequest(world.issuer, 'console', { prompt: 'none' });
    const silent = await linus.browser.get(ask.url.replace(origins[0]!, origins[1]!));
    expect(new URL(silent.location!).searchParams.get('error')).toBe('login_required');
  });
});

test('sessions and cookies outlive a restart', async () => {
  const home = await makeHome('embedded');
  const first = await startSignIn({ home });
  await first.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  first.upstream.people.set('ada', { email: 'ada@acme.example', email_verified: true });
  const { browser, refresh_token } = await signInPerson(first, 'ada');
  await first.running.stop();
  const settings = { ...(await signInSettings(first.upstream, home)), ARSIA_ISSUER: first.issuer };
  const second = await startArsia({ home, issuer: first.issuer, settings });
  const ask = authorizationRequest(first.issuer, 'console', { prompt: 'none' });
  const silent = await browser.get(ask.url.replace(first.issuer, second.origin));
  expect(codeOf(ask, { ...silent, url: new URL(silent.location!) })).toMatch(/^[\w-]{43}$/);
  expect((await refresh(second.origin, 'console', refresh_token)).status).toBe(200);
}, 60_000);
