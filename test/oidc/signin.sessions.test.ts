import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type Browser, createBrowser, hiddenOf } from '../support/browser.ts';
import { type Client, createClient } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { authorizationRequest, type SignInWorld, signInPerson, startSignIn } from '../support/people.ts';

describe.each(servedKinds)(
  'N20 a session that ended while a request of it was under way, on the %s database',
  (kind) => {
    let world: SignInWorld;
    let owner: Client;

    beforeAll(async () => {
      world = await startSignIn({ kind });
      const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
      owner = createClient(world.issuer, made.token.access_token);
      world.upstream.people.set('ada', { email: 'ada@acme.example', email_verified: true });
    }, 60_000);

    /** Another browser with the cookies of this one. */
    const copyOf = ({ cookies }: Browser): Browser => {
      const copy = createBrowser();
      copy.cookies.push(...cookies.map((cookie) => ({ ...cookie })));
      return copy;
    };

    /** Sends a form without its last byte, so that its session is read. Returns a function that sends the last byte. */
    async function beginForm({ cookies }: Browser, path: string, form: Record<string, string>) {
      const body = new URLSearchParams(form).toString();
      const sent = httpRequest(`${world.issuer}/oauth2${path}`, {
        method: 'POST',
        headers: {
          cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': body.length,
        },
      });
      const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
      sent.write(body.slice(0, -1));
      await sleep(300);
      return async () => {
        sent.end(body.slice(-1));
        const [answer] = await answered;
        await answer.resume().toArray();
        return (answer.headers['set-cookie'] ?? []).map((cookie) => cookie.split('; ')[0]!.split('='));
      };
    }

    async function isSignedIn(browser: Browser): Promise<boolean> {
      const { location } = await browser.get(authorizationRequest(world.issuer, 'console', { prompt: 'none' }).url);
      return new URL(location!).searchParams.has('code');
    }

    async function signOut(browser: Browser): Promise<void> {
      const page = await browser.open(`${world.issuer}/oauth2/session/end`);
      await browser.submit(`${world.issuer}/oauth2/session/end/confirm`, { ...hiddenOf(page), logout: 'yes' });
    }

    test('is not saved again by it', async () => {
      const { browser } = await signInPerson(world, 'ada');
      const thief = copyOf(browser);
      expect(await isSignedIn(thief)).toBe(true);
      const end = await beginForm(thief, '/device', { user_code: 'BCDF-GHJK', xsrf: 'x' });
      await signOut(browser);
      await end();
      expect(await isSignedIn(thief)).toBe(false);
    });

    test('is not saved under another name either', async () => {
      const { browser } = await signInPerson(world, 'ada');
      const page = await browser.open(`${world.issuer}/oauth2/session/end?client_id=console`);
      const thief = copyOf(browser);
      const end = await beginForm(thief, '/session/end/confirm', hiddenOf(page));
      await browser.submit(`${world.issuer}/oauth2/session/end/confirm`, { ...hiddenOf(page), logout: 'yes' });
      for (const [name, value] of await end()) {
        const cookie = thief.cookies.find((one) => one.name === name);
        if (cookie !== undefined) cookie.value = value!;
      }
      expect(await isSignedIn(thief)).toBe(false);
    });

    test('stays ended when its user is activated again', async () => {
      const { browser, id_token } = await signInPerson(world, 'ada');
      const user = decodeJwt(id_token).sub;
      const end = await beginForm(browser, '/device', { user_code: 'BCDF-GHJK', xsrf: 'x' });
      await owner.send('PATCH', `/users/${user}`, { is_active: false });
      await end();
      await owner.send('PATCH', `/users/${user}`, { is_active: true });
      expect(await isSignedIn(browser)).toBe(false);
    });

    test('an active one is kept, also by two concurrent requests', async () => {
      const { browser } = await signInPerson(world, 'ada');
      const end = await beginForm(browser, '/device', { user_code: 'BCDF-GHJK', xsrf: 'x' });
      expect(await isSignedIn(browser)).toBe(true);
      await end();
      expect(await isSignedIn(browser)).toBe(true);
    });
  },
);
