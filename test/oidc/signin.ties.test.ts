import { beforeAll, describe, expect, test } from '@jest/globals';
import { createBrowser } from '../support/browser.ts';
import { type Body, type Client, createClient, request } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import {
  authorizationRequest,
  choicesOf,
  choose,
  operatorOf,
  recordsOf,
  type SignInWorld,
  signInPerson,
  startSignIn,
  visit,
} from '../support/people.ts';
import { rounds } from '../support/rounds.ts';

const twoWeeks = 14 * 24 * 3600 * 1000;

interface World {
  world: SignInWorld;
  owner: Client;
}

async function startOrganization(kind: 'embedded' | 'postgres', settings: Record<string, string> = {}): Promise<World> {
  const world = await startSignIn({ kind, settings });
  const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  const owner = createClient(world.issuer, made.token.access_token);
  await owner.send('POST', '/groups', { name: 'lab', parent: 'acme' });
  return { world, owner };
}

describe.each(servedKinds)('a user that an owner created, on the %s database', (kind) => {
  let world: SignInWorld;
  let owner: Client;
  let operator: Client;
  let count = 0;

  beforeAll(async () => {
    ({ world, owner } = await startOrganization(kind));
    operator = await operatorOf(world);
  }, 60_000);

  /** A person at the identity provider, and a user with their address as login and a role. */
  async function prepare(name: string, tie?: (person: { sub: string; email: string }) => Body) {
    const sub = `${name}-${++count}`;
    const email = `${sub}@acme.example`;
    meet(sub, email);
    const body = { login: email, ...(tie && { tie: tie({ sub, email }) }) };
    const user = await owner.send('POST', '/users', body);
    await owner.send('POST', '/memberships', { namespace: 'acme/lab', principal: user.id, role: 'deployer' });
    return { sub, email, user, become: `Become ${email} in acme` };
  }
  const meet = (sub: string, email: string, email_verified: unknown = true) =>
    world.upstream.people.set(sub, { email, email_verified: email_verified as boolean });
  const begin = async (sub: string, browser = createBrowser()) => {
    world.upstream.visitor = sub;
    return await visit(browser, authorizationRequest(world.issuer));
  };
  const meOf = async ({ token }: Client): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await request(`${world.issuer}/oauth2/userinfo`, { headers })).body.sub;
  };
  const groupsOf = async (client: Client) =>
    ((await client.send('GET', '/groups')).items as Body[]).map(({ path }) => path);
  const loginsOf = async (email: string) =>
    ((await owner.send('GET', '/users?limit=200')).items as Body[])
      .map(({ login }) => login)
      .filter((login) => login.startsWith(email));
  const eventsOf = async (query: string) => (await owner.send('GET', `/audit-events?${query}`)).items as Body[];

  test.each([
    ['subject', ({ sub }: Body) => ({ iss: world.upstream.issuer, sub })],
    ['verified address', ({ email }: Body) => ({ email })],
  ])('is the user of the person of its tie by %s, once, with its roles', async (name, tie) => {
    const { sub, email, user, become } = await prepare(name.slice(0, 3), tie);
    const page = await begin(sub);
    expect(choicesOf(page)).toEqual([become, `Decline ${email} in acme`, 'Sign in as another person']);
    expect(page.text).toContain('owner of acme');
    const { client } = await signInPerson(world, sub, createBrowser(), become);
    expect([await meOf(client), await groupsOf(client), await loginsOf(email)]).toEqual([
      user.id,
      ['acme/lab'],
      [email],
    ]);
    const [event] = await eventsOf(`action=user.sign_in&user=${user.id}`);
    expect(event).toMatchObject({ outcome: 'success', detail: { first: true, tie: expect.stringMatching(/^tie_/) } });
    expect(event!.detail.tied_by).toMatch(/^usr_/);
    expect((await owner.ask('GET', `/users/${user.id}/tie`)).status).toBe(404);
    // The next sign-in needs no tie and no page.
    expect(await meOf((await signInPerson(world, sub)).client)).toBe(user.id);
    // The same address with another subject becomes another user.
    meet(`${sub}-other`, email);
    expect(await meOf((await signInPerson(world, `${sub}-other`)).client)).not.toBe(user.id);
  });

  test('without a tie the person is told, and becomes another user only by a click', async () => {
    const { sub, email, user } = await prepare('untied');
    const page = await begin(sub);
    expect(choicesOf(page)).toEqual(['Join acme', 'Sign in as another person']);
    expect(page.text).toContain(`The owners of acme have created the user ${email}, and have not tied it to you.`);
    expect(await loginsOf(email)).toEqual([email]);
    const { client } = await signInPerson(world, sub, createBrowser(), 'Join acme');
    const id = await meOf(client);
    expect([id === user.id, await groupsOf(client)]).toEqual([false, []]);
    const [event] = await eventsOf(`action=user.sign_in&user=${id}`);
    expect(event).toMatchObject({ detail: { namesake: user.id } });
    // The way out: one user with both ids in the audit.
    const merged = await owner.send('POST', `/users/${id}/merge`, { into: user.id });
    expect(merged).toMatchObject({ id: user.id, login: email });
    expect((await client.ask('GET', '/users')).status).toBe(401);
    const again = await signInPerson(world, sub);
    expect([await meOf(again.client), await groupsOf(again.client)]).toEqual([user.id, ['acme/lab']]);
    expect((await eventsOf(`action=user.sign_in&user=${user.id}`)).map(({ user_id }) => user_id)).toEqual([
      user.id,
      id,
    ]);
  });

  test.each([
    ['unverified', false],
    ['unsaid', null],
    ['nearly verified', 1],
  ])('N88 a tie by address does not open for an address that is %s', async (name, verified) => {
    const { sub, email, user } = await prepare(name.slice(0, 2), ({ email }) => ({ email }));
    meet(sub, email, verified);
    const { client } = await signInPerson(world, sub);
    expect(await meOf(client)).not.toBe(user.id);
    expect((await owner.send('GET', `/users/${user.id}/tie`)).email).toBe(email);
  });

  test('N88 a tie by subject opens for nobody else, whatever their address is', async () => {
    const { email, user } = await prepare('subject', ({ sub }) => ({ iss: world.upstream.issuer, sub }));
    meet('recycled', email);
    const page = await begin('recycled');
    expect(choicesOf(page)).toEqual(['Join acme', 'Sign in as another person']);
    expect((await owner.send('GET', `/users/${user.id}/tie`)).sub).toMatch(/^subject-/);
  });

  test('N88 a tie by address ends after two weeks, and a new one can be made', async () => {
    const { sub, email, user, become } = await prepare('late');
    world.running.clock.advance(-twoWeeks);
    const tie = await owner.send('POST', `/users/${user.id}/tie`, { email });
    world.running.clock.advance(twoWeeks);
    expect(Date.parse(tie.expires_at) - Date.parse(tie.created_at)).toBe(twoWeeks);
    expect(choicesOf(await begin(sub))).not.toContain(become);
    await owner.send('POST', `/users/${user.id}/tie`, { email });
    expect(choicesOf(await begin(sub))).toContain(become);
  });

  test('a declined or withdrawn tie opens nothing, and is recorded', async () => {
    const { sub, email, user, become } = await prepare('decline', ({ email }) => ({ email }));
    const browser = createBrowser();
    const left = await choose(browser, await begin(sub, browser), `Decline ${email} in acme`);
    expect(choicesOf(left)).toEqual(['Join acme', 'Sign in as another person']);
    expect(await eventsOf(`action=user_tie.decline&user=${user.id}`)).toMatchObject([{ detail: { email } }]);
    await owner.send('POST', `/users/${user.id}/tie`, { email });
    const other = createBrowser();
    const page = await begin(sub, other);
    expect(choicesOf(page)).toContain(become);
    await owner.send('DELETE', `/users/${user.id}/tie`);
    expect(await eventsOf(`action=user_tie.delete&user=${user.id}`)).toHaveLength(1);
    const refused = await choose(other, page, become);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('This tie was accepted, declined')]);
    expect(await recordsOf(operator, refused)).toMatchObject([{ action: 'user.sign_in', code: 'sign_in_refused' }]);
  });

  test('N20 a tie does not open when its maker may not make ties any more', async () => {
    const { sub, email, user, become } = await prepare('leaver');
    const { id } = await owner.send('POST', '/users', { login: `second-${count}` });
    const role = await owner.send('POST', '/memberships', { namespace: 'acme', principal: id, role: 'owner' });
    const { token } = await world.running.arsia.operators.recover({ organization: 'acme', owner: id });
    const opened = await createClient(world.issuer).send('POST', '/admin-links/redeem', { token });
    const second = createClient(world.issuer, opened.access_token);
    await second.send('POST', `/users/${user.id}/tie`, { email });
    await owner.send('PATCH', `/memberships/${role.id}`, { role: 'viewer' });
    expect(choicesOf(await begin(sub))).not.toContain(become);
    await owner.send('PATCH', `/memberships/${role.id}`, { role: 'owner' });
    expect(choicesOf(await begin(sub))).toContain(become);
    await owner.send('PATCH', `/users/${user.id}`, { is_active: false });
    expect(choicesOf(await begin(sub))).not.toContain(become);
  });

  test('N88 no tie opens an operator of the installation', async () => {
    const { sub, email, user, become } = await prepare('root', ({ email }) => ({ email }));
    const { token } = await world.running.arsia.operators.link(user.id);
    await createClient(world.issuer).send('POST', '/admin-links/redeem', { token });
    expect(choicesOf(await begin(sub))).not.toContain(become);
    await owner.send('DELETE', `/users/${user.id}/tie`);
    const refused = await owner.ask('POST', `/users/${user.id}/tie`, { email });
    expect([refused.status, refused.body.detail]).toEqual([409, `${email} is an operator of the installation.`]);
    const { id } = await owner.send('POST', '/users', { login: `mine-${count}` });
    for (const [from, into] of [
      [id, user.id],
      [user.id, id],
    ])
      expect((await owner.ask('POST', `/users/${from}/merge`, { into })).body.detail).toContain('is an operator');
    expect((await owner.ask('DELETE', `/users/${user.id}`)).status).toBe(409);
    expect((await owner.ask('PATCH', `/users/${user.id}`, { login: 'hidden' })).status).toBe(409);
  });

  test('N88 refuses a tie of a user as whom somebody signs in, of a person who is a user already, and a second tie', async () => {
    const { sub, email, user, become } = await prepare('known', ({ email }) => ({ email }));
    const second = await owner.ask('POST', `/users/${user.id}/tie`, { email: 'other@acme.example' });
    expect([second.status, second.body.detail]).toEqual([409, `The user ${email} is tied already.`]);
    await signInPerson(world, sub, createBrowser(), become);
    const again = await owner.ask('POST', `/users/${user.id}/tie`, { email: 'other@acme.example' });
    expect([again.status, again.body.detail]).toEqual([409, `A person signs in as ${email} already.`]);
    const { id } = await owner.send('POST', '/users', { login: `double-${count}` });
    for (const tie of [{ email }, { iss: world.upstream.issuer, sub }]) {
      const answer = await owner.ask('POST', `/users/${id}/tie`, tie);
      expect([answer.status, answer.body.advice]).toEqual([409, expect.stringContaining(`/users/${user.id}/merge`)]);
    }
  });

  test('N88 no merge makes one user of two people, until an operator ends the sign-in of one', async () => {
    const [ada, mallory] = [`ada-${++count}`, `mallory-${count}`];
    for (const sub of [ada, mallory]) meet(sub, `${sub}@acme.example`);
    const [mine, theirs] = [
      await meOf((await signInPerson(world, mallory)).client),
      await meOf((await signInPerson(world, ada)).client),
    ];
    for (const [from, into] of [
      [mine, theirs],
      [theirs, mine],
    ]) {
      const answer = await owner.ask('POST', `/users/${from}/merge`, { into });
      expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining('A person signs in as')]);
    }
    await operator.send('POST', '/user-identities/detach', { user: mine });
    await owner.send('POST', `/users/${mine}/merge`, { into: theirs });
    expect(await meOf((await signInPerson(world, ada)).client)).toBe(theirs);
    expect(await meOf((await signInPerson(world, mallory)).client)).not.toBe(theirs);
  });

  test.each([
    ['another provider', { iss: 'https://evil.example', sub: 'x' }, '/iss'],
    ['an issuer alone', { iss: 'https://evil.example' }, ''],
    ['a subject alone', { sub: 'x' }, ''],
    ['subject and address', { iss: 'https://evil.example', sub: 'x', email: 'x@acme.example' }, ''],
    ['nothing', {}, ''],
    ['an address in Unicode', { email: 'ädä@acme.example' }, '/email'],
  ])('N88 refuses a tie to %s', async (_name, tie, pointer) => {
    const { user } = await prepare('wrong');
    const answer = await owner.ask('POST', `/users/${user.id}/tie`, tie);
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, pointer]);
  });

  test('N88 a recycled address: the former holder gets nothing by it, and the next one is not kept out', async () => {
    const { sub, email, user, become } = await prepare('former', ({ email }) => ({ email }));
    await signInPerson(world, sub, createBrowser(), become);
    await owner.send('PATCH', `/users/${user.id}`, { is_active: false });
    const next = await owner.send('POST', '/users', { login: `next-${count}`, tie: { email } });
    // The former holder is a user of the organisation, so the tie is not theirs.
    expect((await begin(sub)).text).toContain('is deactivated');
    meet(`next-${count}`, email);
    const { client } = await signInPerson(world, `next-${count}`, createBrowser(), `Become next-${count} in acme`);
    expect(await meOf(client)).toBe(next.id);
    // An invitation works once the former user is deleted.
    await owner.send('DELETE', `/users/${user.id}`);
    expect((await owner.ask('POST', '/invitations', { email, role: 'viewer' })).status).toBe(201);
  });

  test('an invitation of a person who is an active user gives the role at the next sign-in', async () => {
    const email = `joined-${++count}@acme.example`;
    meet('joined', email);
    const id = await meOf((await signInPerson(world, 'joined')).client);
    const pointless = await owner.ask('POST', '/invitations', { email });
    expect([pointless.status, pointless.body.detail]).toEqual([409, `${email} signs in as ${email} already.`]);
    expect(pointless.body.advice).toContain(`POST /api/v1/memberships with "principal": "${id}"`);
    const { id: invitation } = await owner.send('POST', '/invitations', {
      email,
      role: 'deployer',
      namespace: 'acme/lab',
    });
    const { client } = await signInPerson(world, 'joined', createBrowser(), 'Accept the invitation to acme');
    expect([await meOf(client), await groupsOf(client)]).toEqual([id, ['acme/lab']]);
    const [event] = await eventsOf(`action=user.sign_in&user=${id}`);
    expect(event!.detail).toMatchObject({ invitation, first: false });
    // A lower role takes nothing away.
    await owner.send('POST', '/invitations', { email, role: 'viewer', namespace: 'acme/lab' });
    await signInPerson(world, 'joined', createBrowser(), 'Accept the invitation to acme');
    const roles = (await owner.send('GET', '/memberships?namespace=acme/lab&limit=200')).items as Body[];
    expect(roles.filter(({ principal_id }) => principal_id === id)).toMatchObject([{ role: 'deployer' }]);
    await owner.send('PATCH', `/users/${id}`, { is_active: false });
    const inactive = await owner.ask('POST', '/invitations', { email, role: 'viewer' });
    expect([inactive.status, inactive.body.detail]).toEqual([
      409,
      `${email} is the address of ${email}, who is deactivated.`,
    ]);
  });
});

test('F13 one of 20 people with one verified address gets the user of the tie', async () => {
  const { world, owner } = await startOrganization('postgres', { ARSIA_SIGN_IN_USERS: 'invited' });
  const people = 20;
  for (let round = 0; round < rounds(1, 10); round++) {
    const email = `once-${round}@acme.example`;
    const user = await owner.send('POST', '/users', { login: email, tie: { email } });
    const pages = [];
    for (let index = 0; index < people; index++) {
      const sub = `once-${round}-${index}`;
      world.upstream.people.set(sub, { email, email_verified: true });
      world.upstream.visitor = sub;
      const browser = createBrowser();
      pages.push({ browser, page: await browser.open(authorizationRequest(world.issuer).url) });
    }
    const answers = await Promise.all(
      pages.map(({ browser, page }) =>
        choose(browser, page, `Become ${email} in acme`, `${world.issuer}/oauth2/authorize`),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([303, ...Array.from({ length: people - 1 }, () => 403)]);
    const events = (await owner.send('GET', `/audit-events?action=user.sign_in&user=${user.id}`)).items as Body[];
    expect(events.filter(({ outcome }) => outcome === 'success')).toHaveLength(1);
  }
}, 120_000);

test('N88 an owner of one organisation gains nothing in another by a tie or a merge', async () => {
  const world = await startSignIn({ settings: { ARSIA_TENANCY: 'multi' } });
  const make = async (organization: string) => {
    const made = await world.running.arsia.operators.bootstrap({ organization, login: 'owner' });
    return { owner: createClient(world.issuer, made.token.access_token), id: made.owner.id };
  };
  const [acme, evil] = [await make('acme'), await make('evil')];
  const email = 'victim@acme.example';
  world.upstream.people.set('victim', { email, email_verified: true });
  const { id } = await acme.owner.send('POST', '/users', { login: email, tie: { email } });
  const victim = await signInPerson(world, 'victim', createBrowser(), `Become ${email} in acme`);
  // A tie elsewhere is offered on the page and changes nothing by itself.
  const planted = await evil.owner.send('POST', '/users', { login: 'planted', tie: { email } });
  world.upstream.visitor = 'victim';
  const browser = createBrowser();
  const page = await visit(browser, authorizationRequest(world.issuer));
  expect(choicesOf(page)).toEqual([
    `Continue as ${email} in acme`,
    'Become planted in evil',
    'Decline planted in evil',
    'Sign in as another person',
  ]);
  const both = await signInPerson(world, 'victim', createBrowser(), 'Become planted in evil');
  const before = await acme.owner.send('GET', `/users/${id}`);
  // Users of the other organisation cannot be named.
  for (const [ref, into] of [
    [id, planted.id],
    [planted.id, id],
    [evil.id, id],
  ])
    expect((await evil.owner.ask('POST', `/users/${ref}/merge`, { into })).status).toBe(404);
  expect((await evil.owner.ask('POST', `/users/${id}/tie`, { email: 'me@evil.example' })).status).toBe(404);
  expect((await evil.owner.ask('DELETE', `/users/${id}`)).status).toBe(404);
  expect((await evil.owner.ask('PATCH', `/users/${id}`, { login: 'mine' })).status).toBe(404);
  // Merges and deletions in one organisation end no session of the other.
  const other = await evil.owner.send('POST', '/users', { login: 'other' });
  await evil.owner.send('POST', `/users/${planted.id}/merge`, { into: other.id });
  expect((await both.client.ask('GET', '/users')).status).toBe(401);
  expect((await victim.client.ask('GET', '/users')).status).toBe(200);
  await evil.owner.send('DELETE', `/users/${other.id}`);
  expect((await victim.client.ask('GET', '/users')).status).toBe(200);
  expect(await acme.owner.send('GET', `/users/${id}`)).toEqual(before);
  // With one user left there is no page, and it is that of the first organisation.
  const again = await signInPerson(world, 'victim');
  const headers = { authorization: `Bearer ${again.access_token}` };
  expect((await request(`${world.issuer}/oauth2/userinfo`, { headers })).body.sub).toBe(id);
}, 60_000);

test('without sign-in, invitations and ties are refused with the settings to set', async () => {
  const { startArsia } = await import('../support/arsia.ts');
  const { arsia, issuer } = await startArsia();
  const made = await arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  const owner = createClient(issuer, made.token.access_token);
  const { id } = await owner.send('POST', '/users', { login: 'ada' });
  for (const [path, body] of [
    ['/invitations', { email: 'ada@acme.example' }],
    [`/users/${id}/tie`, { email: 'ada@acme.example' }],
    ['/users', { login: 'bob', tie: { email: 'bob@acme.example' } }],
  ] as const) {
    const answer = await owner.ask('POST', path, body);
    expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining('sign-in is not configured')]);
    expect(answer.body.advice).toContain('ARSIA_SIGN_IN_ISSUER');
  }
  expect((await owner.send('GET', '/users')).items).toHaveLength(2);
});
