import { beforeAll, expect, test } from '@jest/globals';
import { createBrowser } from '../support/browser.ts';
import { createClient } from '../support/client.ts';
import {
  authorizationRequest,
  codeOf,
  operatorOf,
  recordsOf,
  redeem,
  type SignInWorld,
  signInPerson,
  startSignIn,
  visit,
} from '../support/people.ts';

let world: SignInWorld;

beforeAll(async () => {
  world = await startSignIn();
}, 60_000);

test('the link of `arsia admin link` signs the operator in with the browser that opens it, once', async () => {
  const { issuer, running, upstream } = world;
  const { token } = await running.arsia.operators.link('root');
  const browser = createBrowser();
  const opened = await browser.post(`${issuer}/oauth2/link`, { token });
  expect(opened.status).toBe(200);
  const body = JSON.parse(opened.text);
  expect(body).toEqual({
    login: 'root',
    access_token: expect.stringMatching(/^arsia_at_/),
    expires_at: expect.any(String),
  });
  expect(opened.headers.get('cache-control')).toBe('no-store');
  for (const cookie of opened.setCookies) expect(cookie).toMatch(/path=\/; expires=.*; samesite=lax; httponly/);
  const ask = authorizationRequest(issuer);
  const answer = await redeem(issuer, ask, codeOf(ask, await visit(browser, ask))!);
  const operator = createClient(issuer, answer.body.access_token);
  expect((await operator.send('GET', '/audit-events?action=admin_link.redeem')).items).toMatchObject([
    { outcome: 'success' },
  ]);
  expect(upstream.requests).toEqual([]);
  const again = await createBrowser().post(`${issuer}/oauth2/link`, { token });
  expect([again.status, JSON.parse(again.text).detail]).toEqual([401, expect.stringContaining('This link was used')]);
  expect(again.setCookies).toEqual([]);
});

test('N49 refuses the page of another site, and a text that is not a link', async () => {
  const { issuer, running } = world;
  const operator = await operatorOf(world);
  const { token } = await running.arsia.operators.link('root');
  const browser = createBrowser();
  const foreign = await browser.post(`${issuer}/oauth2/link`, { token }, { origin: 'https://evil.example' });
  const odd = await browser.post(`${issuer}/oauth2/link`, { token: 'arsia_link_x' });
  const long = await browser.post(`${issuer}/oauth2/link`, { token: 'x'.repeat(2000) });
  expect([foreign.status, odd.status, long.status]).toEqual([403, 400, 413]);
  for (const answer of [foreign, odd, long]) {
    expect(await recordsOf(operator, answer)).toMatchObject([{ outcome: 'refused' }]);
    expect(answer.setCookies).toEqual([]);
  }
  // The link was not used.
  expect((await browser.post(`${issuer}/oauth2/link`, { token })).status).toBe(200);
});

test('a person named like the operator at the identity provider does not become operator by the next link', async () => {
  const { issuer, running, upstream } = world;
  await running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  upstream.people.set('mallory', { preferred_username: 'operator' });
  const mallory = await signInPerson(world, 'mallory');
  const { token } = await running.arsia.operators.link('operator');
  await createClient(issuer).send('POST', '/admin-links/redeem', { token });
  expect((await mallory.client.ask('POST', '/groups', { name: 'mine' })).status).toBe(403);
  expect(await createClient(issuer, mallory.access_token).send('GET', '/users/operator')).toMatchObject({
    login: 'operator',
  });
});
