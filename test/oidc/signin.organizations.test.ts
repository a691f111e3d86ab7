import { beforeAll, describe, expect, test } from '@jest/globals';
import { createBrowser, type Visit } from '../support/browser.ts';
import { type Body, type Client, createClient, postForm, request } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createAccount } from '../support/organization.ts';
import {
  authorizationRequest,
  choicesOf,
  choose,
  operatorOf,
  recordsOf,
  refresh,
  type SignInWorld,
  signInPerson,
  startSignIn,
  visit,
} from '../support/people.ts';

/** Organisation `evil` sends its invitations first; people belong to `acme`. */
describe.each(servedKinds)('a person in several organisations, on the %s database', (kind) => {
  let world: SignInWorld;
  let operator: Client;
  let acme: Client;
  let evil: Client;
  let acmeId: string;
  let evilId: string;
  let count = 0;

  beforeAll(async () => {
    world = await startSignIn({ kind, settings: { ARSIA_TENANCY: 'multi' } });
    operator = await operatorOf(world);
    const make = async (organization: string, login: string) => {
      const made = await world.running.arsia.operators.bootstrap({ organization, login });
      return { client: createClient(world.issuer, made.token.access_token), id: made.organization.id };
    };
    ({ client: evil, id: evilId } = await make('evil', 'owner'));
    ({ client: acme, id: acmeId } = await make('acme', 'owner'));
    await acme.send('POST', '/groups', { name: 'lab', parent: 'acme' });
  }, 60_000);

  /** A person without a user or invitation. */
  function meet(name: string): { sub: string; email: string } {
    const sub = `${name}-${++count}`;
    const email = `${sub}@acme.example`;
    world.upstream.people.set(sub, { email, email_verified: true });
    return { sub, email };
  }
  const invite = (owner: Client, email: string, more: Body = {}) =>
    owner.send('POST', '/invitations', { email, ...more });
  const acceptOf = (name: string) => `Accept the invitation to ${name}`;
  const join = (sub: string, organization: string) => signInPerson(world, sub, createBrowser(), acceptOf(organization));
  const begin = async (sub: string, browser = createBrowser(), change: Record<string, string> = {}): Promise<Visit> => {
    world.upstream.visitor = sub;
    return await visit(browser, authorizationRequest(world.issuer, 'console', change));
  };
  const usersOf = async (owner: Client, email: string) =>
    ((await owner.send('GET', '/users?limit=200')).items as Body[]).filter(({ login }) => login.startsWith(email));
  const meOf = async ({ token }: Client): Promise<Body> => {
    const headers = { authorization: `Bearer ${token}` };
    const { sub } = (await request(`${world.issuer}/oauth2/userinfo`, { headers })).body;
    return await createClient(world.issuer, token).send('GET', `/users/${sub}`);
  };
  const eventsOf = async (owner: Client, query: string) =>
    (await owner.send('GET', `/audit-events?${query}`)).items as Body[];

  /** A person who is a user in both organisations. */
  async function memberOfBoth(name: string) {
    const { sub, email } = meet(name);
    for (const owner of [evil, acme]) await invite(owner, email, { role: 'viewer' });
    const inEvil = await join(sub, 'evil');
    const inAcme = await join(sub, 'acme');
    const [evilUser] = await usersOf(evil, email);
    const [acmeUser] = await usersOf(acme, email);
    return { sub, email, inEvil, inAcme, evilUser: evilUser!, acmeUser: acmeUser! };
  }

  test('N69 invitations are accepted on a page that names every organisation, and the first takes no precedence', async () => {
    const { sub, email } = meet('ceo');
    await invite(evil, email);
    await invite(acme, email, { role: 'deployer', namespace: 'acme/lab' });
    const browser = createBrowser();
    const page = await begin(sub, browser);
    expect([page.status, page.url.pathname.replace(/[\w-]{43}$/, 'uid')]).toEqual([200, '/oauth2/interaction/uid']);
    expect(choicesOf(page)).toEqual([
      acceptOf('evil'),
      'Decline the invitation to evil',
      acceptOf('acme'),
      'Decline the invitation to acme',
      'Sign in as another person',
    ]);
    expect(page.text).toContain('deployer in acme/lab');
    expect(page.text).toContain('owner of acme');
    expect(page.text).toContain(email);
    expect(page.text).not.toContain('<script');
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(page.headers.get('cache-control')).toBe('no-store');
    // Showing the page creates no user.
    expect([await usersOf(evil, email), await usersOf(acme, email)]).toEqual([[], []]);
    await choose(browser, page, acceptOf('acme'), `${world.issuer}/console`);
    expect([await usersOf(evil, email), (await usersOf(acme, email)).length]).toEqual([[], 1]);
    const [event] = await eventsOf(acme, 'action=user.sign_in&outcome=success');
    expect(event).toMatchObject({ organization_id: acmeId, detail: { first: true, login: email } });
    // The page is shown until the other invitation is accepted or declined.
    const again = await begin(sub);
    expect(choicesOf(again)).toEqual([
      `Continue as ${email} in acme`,
      acceptOf('evil'),
      'Decline the invitation to evil',
      'Sign in as another person',
    ]);
  });

  test('N69 a declined invitation is deleted, and recorded in its organisation', async () => {
    const { sub, email } = meet('decliner');
    const { id } = await invite(evil, email);
    await invite(acme, email);
    await join(sub, 'acme');
    const browser = createBrowser();
    const left = await choose(browser, await begin(sub, browser), 'Decline the invitation to evil');
    expect(choicesOf(left)).toEqual([`Continue as ${email} in acme`, 'Sign in as another person']);
    expect(await eventsOf(evil, 'action=invitation.decline')).toMatchObject([
      { outcome: 'success', target_id: id, organization_id: evilId, detail: { email } },
    ]);
    expect((await evil.ask('DELETE', `/invitations/${id}`)).status).toBe(404);
    // A person with one user and no invitation sees no page.
    expect((await signInPerson(world, sub)).access_token).toMatch(/^arsia_at_/);
  });

  test('declining the last one ends the sign-in, with one record and a way to begin again', async () => {
    const { sub, email } = meet('stranger');
    await invite(evil, email);
    const browser = createBrowser();
    const page = await choose(browser, await begin(sub, browser), 'Decline the invitation to evil');
    expect([page.status, page.text]).toEqual([403, expect.stringContaining(`There is no invitation for ${email}.`)]);
    expect(await recordsOf(operator, page)).toMatchObject([{ action: 'user.sign_in', outcome: 'refused' }]);
    await invite(acme, email);
    const [again] = /[^"]*\/oauth2\/interaction\/[\w-]{43}/.exec(page.text)!;
    browser.forget('upstream');
    expect(choicesOf(await browser.open(again))).toContain(acceptOf('acme'));
  });

  test('N69 a person with two users chooses one at sign-in, and the session is of that user', async () => {
    const { sub, email, inAcme, acmeUser, evilUser } = await memberOfBoth('both');
    expect([acmeUser.organization_id, evilUser.organization_id]).toEqual([acmeId, evilId]);
    expect(choicesOf(await begin(sub))).toEqual([
      `Continue as ${email} in evil`,
      `Continue as ${email} in acme`,
      'Sign in as another person',
    ]);
    const { browser } = inAcme;
    // With a session there is no page, unless the client requests a choice.
    expect((await begin(sub, browser)).url.pathname).toBe('/console/callback');
    for (const prompt of ['login', 'select_account'])
      expect(choicesOf(await begin(sub, browser, { prompt }))).toContain(`Continue as ${email} in evil`);
    const other = await signInPerson(world, sub, browser, `Continue as ${email} in evil`, { prompt: 'select_account' });
    expect(await meOf(other.client)).toMatchObject({ id: evilUser.id });
    // The former session has ended with the tokens of the console, as for another person.
    expect((await inAcme.client.ask('GET', '/users')).status).toBe(401);
    expect((await refresh(world.issuer, 'console', inAcme.refresh_token)).body.error).toBe('invalid_grant');
  });

  test('a device gets tokens of the user that the person chooses', async () => {
    const { sub, email, acmeUser } = await memberOfBoth('device');
    const device = (await postForm(world.issuer, '/device_authorization', { client_id: 'cli' })).body;
    const browser = createBrowser();
    const verification = `${world.issuer}/oauth2/device`;
    world.upstream.visitor = sub;
    const xsrfOf = ({ text }: Visit) => /name="xsrf" value="(\w+)"/.exec(text)![1]!;
    const typed = xsrfOf(await browser.open(verification));
    const asked = await browser.submit(verification, { xsrf: typed, user_code: device.user_code });
    const form = { xsrf: xsrfOf(asked), user_code: device.user_code, confirm: 'yes' };
    const page = await browser.submit(verification, form);
    const done = await choose(browser, page, `Continue as ${email} in acme`);
    expect(done.text).toContain('Your device is connected');
    world.running.clock.advance(6000);
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
    const answer = await postForm(world.issuer, '/token', {
      grant_type,
      client_id: 'cli',
      device_code: device.device_code,
    });
    expect(await meOf(createClient(world.issuer, answer.body.access_token))).toMatchObject({ id: acmeUser.id });
    // The pages name the organisation beside the login.
    const signOut = await browser.open(`${world.issuer}/oauth2/session/end`);
    expect(signOut.text).toContain(`You are signed in as ${email} in acme.`);
  });

  test('N70 deactivation in one organisation touches no user, session or sign-in of another', async () => {
    const { sub, inEvil, inAcme, evilUser } = await memberOfBoth('victim');
    await evil.send('PATCH', `/users/${evilUser.id}`, { is_active: false });
    expect((await inEvil.client.ask('GET', '/users')).status).toBe(401);
    expect((await inAcme.client.ask('GET', '/users')).status).toBe(200);
    expect((await refresh(world.issuer, 'console', inAcme.refresh_token)).status).toBe(200);
    // No page: one active user is left.
    const again = await signInPerson(world, sub);
    expect(await meOf(again.client)).toMatchObject({ organization_id: acmeId });
  });

  test('N70 names the organisations only in the refusal of a person whose users are all deactivated', async () => {
    const { sub, email, evilUser, acmeUser } = await memberOfBoth('gone');
    await evil.send('PATCH', `/users/${evilUser.id}`, { is_active: false });
    await acme.send('PATCH', `/users/${acmeUser.id}`, { is_active: false });
    const page = await begin(sub);
    expect([page.status, page.text]).toEqual([403, expect.stringContaining('You are deactivated in evil and acme.')]);
    // Neither organisation can read events of the other.
    expect(await recordsOf(operator, page)).toMatchObject([{ code: 'user_inactive', organization_id: null }]);
    for (const owner of [evil, acme]) expect(await recordsOf(owner, page)).toEqual([]);
    const stranger = 'somebody-with-the-same-address';
    world.upstream.people.set(stranger, { email, email_verified: true });
    const refused = await begin(stranger);
    expect(refused.text).toContain(`There is no invitation for ${email}.`);
    expect(refused.text).not.toMatch(/evil|deactivated/);
  });

  test('N70 a person who is deactivated in one organisation can accept the invitation of another', async () => {
    const { sub, email } = meet('rescued');
    await invite(evil, email);
    await join(sub, 'evil');
    const [user] = await usersOf(evil, email);
    await evil.send('PATCH', `/users/${user!.id}`, { is_active: false });
    const refused = await begin(sub);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('Ask an owner of evil')]);
    expect(await recordsOf(evil, refused)).toMatchObject([{ code: 'user_inactive', user_id: user!.id }]);
    await invite(acme, email, { role: 'viewer' });
    expect(choicesOf(await begin(sub))).toEqual([
      acceptOf('acme'),
      'Decline the invitation to acme',
      'Sign in as another person',
    ]);
    expect(await meOf((await join(sub, 'acme')).client)).toMatchObject({ organization_id: acmeId });
    // An invitation does not reactivate a deactivated user, and is refused with the reason.
    const useless = await evil.ask('POST', '/invitations', { email });
    expect([useless.status, useless.body.detail]).toEqual([409, expect.stringContaining('who is deactivated')]);
    expect((await signInPerson(world, sub)).access_token).toMatch(/^arsia_at_/);
  });

  test('N69 a person who leaves an organisation loses what they had there, and nothing elsewhere', async () => {
    const { sub, email, inEvil, inAcme, evilUser } = await memberOfBoth('leaver');
    const leave = (client: Client, organization: string) => client.ask('POST', '/me/leave', { organization });
    const wrong = await leave(inEvil.client, 'acme');
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([400, '/organization']);
    expect((await leave(inEvil.client, 'evil')).status).toBe(204);
    expect(await eventsOf(evil, `action=user.leave&outcome=success&user=${evilUser.id}`)).toMatchObject([
      { outcome: 'success', actor_id: evilUser.id, organization_id: evilId },
    ]);
    expect((await inEvil.client.ask('GET', '/users')).status).toBe(401);
    expect((await refresh(world.issuer, 'console', inEvil.refresh_token)).body.error).toBe('invalid_grant');
    expect(await evil.send('GET', `/users/${evilUser.id}`)).toMatchObject({ is_active: false });
    const roles = (await evil.send('GET', '/memberships?namespace=evil&limit=200')).items as Body[];
    expect(roles.map(({ principal_id }) => principal_id)).not.toContain(evilUser.id);
    expect((await inAcme.client.ask('GET', '/users')).status).toBe(200);
    expect(await meOf((await signInPerson(world, sub)).client)).toMatchObject({ organization_id: acmeId });
    // A new invitation creates another user without the rights of the former one.
    await invite(evil, email);
    const returned = await signInPerson(world, sub, createBrowser(), acceptOf('evil'));
    const me = await meOf(returned.client);
    expect([me.organization_id, me.id === evilUser.id]).toEqual([evilId, false]);
    expect((await returned.client.send('GET', '/groups')).items).toEqual([]);
  });

  test('the last active owner cannot leave, nor can a service account', async () => {
    const last = await acme.ask('POST', '/me/leave', { organization: 'acme' });
    expect([last.status, last.body.detail]).toEqual([409, 'This is the last active owner of the organisation.']);
    const { client } = await createAccount(acme, 'acme', `leaver-${++count}`);
    expect((await client.ask('POST', '/me/leave', { organization: 'acme' })).status).toBe(403);
    expect((await acme.ask('GET', '/users')).status).toBe(200);
  });

  test('N70 an operator removes the tie between a person and a user, by route and by command', async () => {
    for (const byRoute of [true, false]) {
      const { sub, email } = meet('taken-over');
      await invite(evil, email, { role: 'viewer' });
      const taken = await join(sub, 'evil');
      const [user] = await usersOf(evil, email);
      const { id: workspace } = await evil.send('POST', '/workspaces', { name: `w${++count}`, group: 'evil' });
      await evil.send('POST', '/memberships', { namespace: workspace, principal: user!.id, role: 'deployer' });
      const job = await taken.client.send('POST', `/workspaces/${workspace}/jobs`, {});
      await invite(acme, email);
      const body = byRoute ? { iss: world.upstream.issuer, sub } : { user: user!.id };
      const told = { id: user!.id, organization_id: evilId, login: email };
      if (byRoute) expect(await operator.send('POST', '/user-identities/detach', body)).toEqual({ users: [told] });
      else
        expect(await world.running.arsia.operators.detach({ login: email, organization: 'evil' })).toMatchObject([
          told,
        ]);
      expect((await taken.client.ask('GET', '/users')).status).toBe(401);
      expect(await eventsOf(evil, `action=user_identity.detach&user=${user!.id}`)).toMatchObject([
        { outcome: 'success', organization_id: evilId, actor_kind: byRoute ? 'user' : 'system' },
      ]);
      const minted = await createClient(world.issuer, job.job_token).ask('POST', '/tokens', {
        managed_identity: 'aws',
      });
      expect(minted.body.code).toBe('job_ended');
      // The user remains in its organisation without a person; the person can sign in elsewhere.
      expect(await evil.send('GET', `/users/${user!.id}`)).toMatchObject({ is_active: true });
      expect(choicesOf(await begin(sub))).toEqual([
        acceptOf('acme'),
        'Decline the invitation to acme',
        'Sign in as another person',
      ]);
      expect((await acme.ask('POST', '/user-identities/detach', body)).status).toBe(403);
    }
    const unknown = { user: 'usr_01jznk00000000000000000000' };
    expect((await operator.ask('POST', '/user-identities/detach', unknown)).status).toBe(404);
    expect((await acme.ask('POST', '/user-identities/detach', unknown)).status).toBe(403);
    expect((await operator.ask('POST', '/user-identities/detach', { sub: 'x' })).status).toBe(400);
  });

  test.each(['detached', 'deactivated for a while'])(
    'N70 a browser that has signed in and waits on its way back gets nothing once the user was %s',
    async (how) => {
      const { sub, email } = meet('waiting');
      await invite(acme, email, { role: 'viewer' });
      await join(sub, 'acme');
      const [user] = await usersOf(acme, email);
      const browser = createBrowser();
      world.upstream.visitor = sub;
      const ask = authorizationRequest(world.issuer);
      const { url } = await browser.open(ask.url, `${world.issuer}/oauth2/authorize/`);
      if (how === 'detached') await operator.send('POST', '/user-identities/detach', { user: user!.id });
      else for (const is_active of [false, true]) await acme.send('PATCH', `/users/${user!.id}`, { is_active });
      const page = await browser.open(url.href, ask.redirect_uri);
      expect([page.status, page.url.pathname]).toEqual([400, url.pathname]);
    },
  );

  test('an acceptance that is sent twice creates one user', async () => {
    const { sub, email } = meet('double');
    await invite(acme, email);
    const browser = createBrowser();
    const page = await begin(sub, browser);
    const answers = await Promise.all(
      [1, 2].map(() => choose(browser, page, acceptOf('acme'), `${world.issuer}/oauth2/authorize`)),
    );
    for (const { status } of answers) expect([303, 400]).toContain(status);
    expect(await usersOf(acme, email)).toHaveLength(1);
  });

  describe('N17 N49 binds the choice to the person', () => {
    async function asked() {
      const { sub, email } = meet('chooser');
      const { id } = await invite(acme, email);
      const browser = createBrowser();
      const page = await begin(sub, browser);
      return { sub, email, id: String(id), browser, address: page.url.href };
    }

    test('refuses another browser and another site', async () => {
      const { email, id, browser, address } = await asked();
      const form = { choice: `accept:${id}` };
      const stolen = await createBrowser().post(address, form);
      const foreign = await browser.post(address, form, { origin: 'https://evil.example' });
      expect([stolen.status, foreign.status]).toEqual([400, 403]);
      for (const page of [stolen, foreign])
        expect(await recordsOf(operator, page)).toMatchObject([{ action: 'user.sign_in', outcome: 'refused' }]);
      expect(await usersOf(acme, email)).toEqual([]);
    });

    test('refuses ids of other people', async () => {
      const victim = await memberOfBoth('other');
      const { id: theirs } = await invite(acme, meet('third').email);
      const tied = await acme.send('POST', '/users', { login: 'tied', tie: { email: meet('fourth').email } });
      const tie = await acme.send('GET', `/users/${tied.id}/tie`);
      const { email, browser, address } = await asked();
      for (const [choice, status] of [
        [`user:${victim.acmeUser.id}`, 403],
        [`accept:${theirs}`, 403],
        [`decline:${theirs}`, 403],
        [`tie:${tie.id}`, 403],
        [`untie:${tie.id}`, 403],
        ['join', 403],
        ['accept', 403],
        ['nonsense', 400],
      ] as const) {
        const page = await browser.post(address, { choice });
        expect([choice, page.status]).toEqual([choice, status]);
        expect(await recordsOf(operator, page)).toMatchObject([{ outcome: 'refused', organization_id: null }]);
      }
      expect(await usersOf(acme, email)).toEqual([]);
      expect((await acme.send('GET', '/invitations?limit=200')).items.map((one: Body) => one.id)).toContain(theirs);
      expect(await acme.send('GET', `/users/${tied.id}/tie`)).toEqual(tie);
    });

    test('an invitation that was withdrawn while the page was open is refused, with a way to see the rest', async () => {
      const { email, id, browser, address } = await asked();
      await invite(evil, email);
      await acme.send('DELETE', `/invitations/${id}`);
      const page = await browser.post(address, { choice: `accept:${id}` });
      expect([page.status, page.text]).toEqual([
        403,
        expect.stringContaining('This invitation was accepted, declined'),
      ]);
      expect(page.text).toContain(`href="${address}"`);
      expect(choicesOf(await browser.open(address))).toContain(acceptOf('evil'));
    });

    test('another person can sign in instead, and the provider asks who they are', async () => {
      const { browser, address } = await asked();
      const page = await browser.open(address);
      const { sub, email } = meet('else');
      await invite(evil, email);
      world.upstream.visitor = sub;
      browser.forget('upstream');
      const other = await choose(browser, page, 'Sign in as another person');
      expect(other.text).toContain(email);
      expect(world.upstream.asked.at(-1)!.get('prompt')).toBe('login');
    });
  });
});

test('when anyone may join, a person can accept or ignore an invitation; without it they join without a role', async () => {
  const world = await startSignIn();
  const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  const owner = createClient(world.issuer, made.token.access_token);
  for (const sub of ['ada', 'bob']) {
    world.upstream.people.set(sub, { email: `${sub}@acme.example`, email_verified: true });
    await owner.send('POST', '/invitations', { email: `${sub}@acme.example`, role: 'viewer' });
  }
  const ada = await signInPerson(world, 'ada', createBrowser(), 'Accept the invitation to acme');
  expect((await ada.client.send('GET', '/groups')).items).toHaveLength(1);
  world.upstream.visitor = 'bob';
  const browser = createBrowser();
  const ask = authorizationRequest(world.issuer);
  const left = await choose(browser, await visit(browser, ask), 'Decline the invitation to acme');
  expect(choicesOf(left)).toEqual(['Join acme', 'Sign in as another person']);
  await choose(browser, left, 'Join acme', ask.redirect_uri);
  const [bob] = ((await owner.send('GET', '/users?limit=200')).items as Body[]).filter(({ login }) =>
    login.startsWith('bob'),
  );
  const roles = (await owner.send('GET', '/memberships?namespace=acme&limit=200')).items as Body[];
  expect(roles.map(({ principal_id }) => principal_id)).not.toContain(bob!.id);
}, 60_000);
