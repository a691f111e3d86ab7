import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Browser, createBrowser, hiddenOf, type Visit } from '../support/browser.ts';
import { type Body, type Client, createClient, postForm } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { operatorOf, recordsOf, refresh, type SignInWorld, signInPerson, startSignIn } from '../support/people.ts';

const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';

describe.each(servedKinds)('a command line by a device code, on the %s database', (kind) => {
  let world: SignInWorld;
  let owner: Client;
  let verification: string;

  beforeAll(async () => {
    world = await startSignIn({ kind });
    const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
    owner = createClient(world.issuer, made.token.access_token);
    world.upstream.people.set('ada', { email: 'ada@acme.example', email_verified: true });
    verification = `${world.issuer}/oauth2/device`;
  }, 60_000);

  beforeEach(() => {
    world.upstream.visitor = 'ada';
  });

  const begin = async (): Promise<Body> =>
    (await postForm(world.issuer, '/device_authorization', { client_id: 'cli' })).body;
  const poll = (device_code: string) => postForm(world.issuer, '/token', { grant_type, client_id: 'cli', device_code });
  const wait = (seconds: number) => world.running.clock.advance(seconds * 1000);

  /** Types the code and returns the page that asks for the confirmation. */
  async function type(browser: Browser, user_code: string): Promise<Visit> {
    const { xsrf } = hiddenOf(await browser.open(verification));
    return await browser.submit(verification, { xsrf: xsrf!, user_code });
  }

  async function decide(browser: Browser, page: Visit, choice: 'confirm' | 'abort'): Promise<Visit> {
    browser.forget('upstream');
    return await browser.submit(verification, { ...hiddenOf(page), [choice]: 'yes' });
  }

  test('end to end: pending, confirmed by a person, tokens, and a refresh', async () => {
    const device = await begin();
    expect(device).toEqual({
      device_code: expect.stringMatching(/^[\w-]{43}$/),
      user_code: expect.stringMatching(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/),
      verification_uri: verification,
      verification_uri_complete: `${verification}?user_code=${device.user_code}`,
      expires_in: 600,
      interval: 5,
    });
    expect((await poll(device.device_code)).body.error).toBe('authorization_pending');
    const browser = createBrowser();
    // Small letters without the hyphen are the same code.
    const page = await type(browser, device.user_code.toLowerCase().replace('-', ''));
    expect(page.status).toBe(200);
    expect(page.text).toContain(`<code>${device.user_code}</code>`);
    expect(page.text).toContain('The Arsia command line');
    expect(page.text).toMatch(/<time datetime="\d{4}-\d\d-\d\dT[^"]+">\d{4}-\d\d-\d\d \d\d:\d\d UTC<\/time>/);
    const done = await decide(browser, page, 'confirm');
    expect([done.status, done.url.pathname.replace(/[\w-]{43}$/, 'uid')]).toEqual([200, '/oauth2/device/uid']);
    expect(done.text).toContain('Your device is connected');
    wait(6);
    const answer = await poll(device.device_code);
    expect(answer.status).toBe(200);
    const client = createClient(world.issuer, answer.body.access_token);
    expect((await client.send('GET', '/users')).items.length).toBeGreaterThan(0);
    // A device code can be used once, as a code of RFC 6749 4.1.2.
    wait(6);
    expect((await poll(device.device_code)).body.error).toBe('invalid_grant');
    const again = await begin();
    const [known] = (await owner.send('GET', '/audit-events?action=device.approve')).items as Body[];
    expect(known).toMatchObject({ outcome: 'success', actor_kind: 'user', detail: { client_id: 'cli' } });
    expect(again.user_code).not.toBe(device.user_code);
  });

  test('polling leaves no record, too fast or not', async () => {
    const records = async () =>
      (await owner.send('GET', '/audit-events?action=access_token.issue&limit=200')).items.length;
    const before = await records();
    const { device_code } = await begin();
    await poll(device_code);
    await poll(device_code);
    expect(await records()).toBe(before);
  });

  test('a device that polls too fast gets slow_down, and must wait longer from then on', async () => {
    const { device_code } = await begin();
    const ask = async () => (await poll(device_code)).body.error;
    expect(await ask()).toBe('authorization_pending');
    expect(await ask()).toBe('slow_down');
    wait(6);
    // 10 seconds by now.
    expect(await ask()).toBe('slow_down');
    wait(15);
    expect(await ask()).toBe('authorization_pending');
    wait(15);
    expect(await ask()).toBe('authorization_pending');
  });

  test('a code that was not typed in time has expired, for the device and for the person', async () => {
    const device = await begin();
    wait(601);
    try {
      expect((await poll(device.device_code)).body.error).toBe('expired_token');
      const page = await type(createBrowser(), device.user_code);
      expect([page.status, page.text]).toEqual([400, expect.stringContaining('This code does not exist')]);
    } finally {
      wait(-601);
    }
  });

  test('the device gets access_denied when the person refuses, with one audit event', async () => {
    const device = await begin();
    const browser = createBrowser();
    const page = await decide(browser, await type(browser, device.user_code), 'abort');
    expect(page.text).toContain('The device was refused');
    expect(await recordsOf(await operatorOf(world), page)).toMatchObject([
      { action: 'device.approve', outcome: 'refused', detail: { reason: 'The person refused the device.' } },
    ]);
    expect((await poll(device.device_code)).body.error).toBe('access_denied');
  });

  test('the device gets access_denied when the identity provider or Arsia refuses the person', async () => {
    world.upstream.people.set('gone', { email: 'gone@acme.example', email_verified: true });
    const { access_token } = await signInPerson(world, 'gone');
    const user = (await createClient(world.issuer, access_token).send('GET', '/users/gone@acme.example')).id;
    await owner.send('PATCH', `/users/${user}`, { is_active: false });
    for (const visitor of [null, 'gone']) {
      world.upstream.visitor = visitor;
      const device = await begin();
      const browser = createBrowser();
      const page = await decide(browser, await type(browser, device.user_code), 'confirm');
      expect(page.status).toBe(403);
      expect((await poll(device.device_code)).body.error).toBe('access_denied');
    }
  });

  test('N17 refuses a code that was guessed or used, or is in use', async () => {
    const device = await begin();
    const browser = createBrowser();
    const guessed = await type(browser, 'BBBB-BBBB');
    expect([guessed.status, guessed.text]).toEqual([400, expect.stringContaining('This code does not exist')]);
    // The form shows the typed code, so that it can be corrected.
    expect(guessed.text).toContain('value="BBBB-BBBB"');
    await decide(browser, await type(browser, device.user_code), 'confirm');
    const used = await type(createBrowser(), device.user_code);
    expect([used.status, used.text]).toEqual([400, expect.stringContaining('This code was used before')]);
  });

  test('N47 a link with the code in it shows the form and text as text, and does nothing by itself', async () => {
    const device = await begin();
    const page = await createBrowser().open(device.verification_uri_complete);
    expect(page.text).toContain(`value="${device.user_code}"`);
    expect(page.text).not.toContain('submit()');
    expect((await poll(device.device_code)).body.error).toBe('authorization_pending');
    const odd = await createBrowser().open(
      `${verification}?user_code=${encodeURIComponent('"><script>alert(1)</script>')}`,
    );
    expect(odd.text).toContain('name="user_code" value=""');
    expect(odd.text).not.toContain('alert');
  });

  test('with a session, the page shows the user that the device will act as', async () => {
    const { browser } = await signInPerson(world, 'ada');
    const device = await begin();
    const page = await type(browser, device.user_code);
    expect(page.text).toContain('ada@acme.example');
    const before = world.upstream.requests.length;
    expect((await decide(browser, page, 'confirm')).text).toContain('Your device is connected');
    expect(world.upstream.requests).toHaveLength(before);
  });

  test('N49 refuses the form of another site, or one without its secret', async () => {
    const device = await begin();
    const browser = createBrowser();
    const page = await type(browser, device.user_code);
    const form = { ...hiddenOf(page), confirm: 'yes' };
    const tries: [Record<string, string>, Record<string, string>, Browser][] = [
      [form, { origin: 'https://evil.example' }, browser],
      [form, { origin: 'null' }, browser],
      [form, { 'sec-fetch-site': 'cross-site' }, browser],
      [{ ...form, xsrf: '' }, {}, browser],
      [{ ...form, xsrf: 'f'.repeat(48) }, {}, browser],
      // Login CSRF: the form of one browser is refused in another.
      [form, {}, createBrowser()],
    ];
    for (const [body, headers, by] of tries) {
      const answer = await by.post(verification, body, headers);
      expect(answer.location).toBeUndefined();
      expect({ body, headers, status: answer.status, is: [400, 403].includes(answer.status) }).toMatchObject({
        is: true,
      });
    }
    expect((await poll(device.device_code)).body.error).toBe('authorization_pending');
  });

  test('two command lines of one person: signing one out leaves the other', async () => {
    const { browser } = await signInPerson(world, 'ada');
    const [first, second] = [await begin(), await begin()];
    for (const device of [first, second]) await decide(browser, await type(browser, device.user_code), 'confirm');
    const [one, other] = [(await poll(first.device_code)).body, (await poll(second.device_code)).body];
    await postForm(world.issuer, '/revoke', { client_id: 'cli', token: one.refresh_token });
    expect((await refresh(world.issuer, 'cli', one.refresh_token)).status).toBe(400);
    expect((await refresh(world.issuer, 'cli', other.refresh_token)).status).toBe(200);
  });

  test('refuses the device code of another client, and a client without this grant', async () => {
    expect((await postForm(world.issuer, '/device_authorization', { client_id: 'console' })).status).toBe(400);
    expect((await postForm(world.issuer, '/device_authorization', { client_id: 'nobody' })).status).toBe(401);
    const { device_code } = await begin();
    const answer = await postForm(world.issuer, '/token', { grant_type, client_id: 'console', device_code });
    expect(answer.status).toBe(400);
  });

  test('the script of the page is a file of its own', async () => {
    const page = await createBrowser().open(verification);
    const source = /<script type="module" src="([^"]+)">/.exec(page.text)![1]!;
    const script = await createBrowser().get(source);
    expect([script.status, script.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/javascript'),
    ]);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
  });
});
