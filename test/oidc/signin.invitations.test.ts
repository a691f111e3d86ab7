import { beforeAll, describe, expect, test } from '@jest/globals';
import { createBrowser } from '../support/browser.ts';
import { type Body, type Client, createClient } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createAccount } from '../support/organization.ts';
import {
  authorizationRequest,
  choose,
  operatorOf,
  recordsOf,
  type SignInWorld,
  signInPerson,
  startSignIn,
  visit,
} from '../support/people.ts';
import { rounds } from '../support/rounds.ts';

const invited = { ARSIA_SIGN_IN_USERS: 'invited' };
const accept = 'Accept the invitation to acme';
const twoWeeks = 14 * 24 * 3600 * 1000;

async function startInvited(kind: 'embedded' | 'postgres'): Promise<{ world: SignInWorld; owner: Client }> {
  const world = await startSignIn({ kind, settings: invited });
  const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  return { world, owner: createClient(world.issuer, made.token.access_token) };
}

describe.each(servedKinds)('an invited person can sign in, on the %s database', (kind) => {
  let world: SignInWorld;
  let owner: Client;

  beforeAll(async () => {
    ({ world, owner } = await startInvited(kind));
    await owner.send('POST', '/groups', { name: 'lab', parent: 'acme' });
  }, 60_000);

  const refusals = async () =>
    (await owner.send('GET', '/audit-events?action=user.sign_in&outcome=refused')).items as Body[];
  const meet = (sub: string, email: string, email_verified: unknown = true) =>
    world.upstream.people.set(sub, { email, email_verified: email_verified as boolean });
  const invitationOf = async (email: string) =>
    ((await owner.send('GET', '/invitations?limit=200')).items as Body[]).find((one) => one.email === email)!;

  test('refuses a person without an invitation, with a reason on the page and in the audit', async () => {
    meet('stranger', 'stranger@acme.example');
    world.upstream.visitor = 'stranger';
    const before = (await owner.send('GET', '/users')).items.length;
    const page = await visit(createBrowser(), authorizationRequest(world.issuer));
    expect([page.status, page.url.pathname]).toEqual([403, '/oauth2/callback']);
    expect(page.text).toContain('There is no invitation for stranger@acme.example.');
    expect((await owner.send('GET', '/users')).items).toHaveLength(before);
    // It belongs to no organisation, so that only operators of the installation can read it.
    expect(await refusals()).toEqual([]);
    const [event, ...more] = await recordsOf(await operatorOf(world), page);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      action: 'user.sign_in',
      outcome: 'refused',
      code: 'sign_in_refused',
      actor_kind: 'anonymous',
      user_id: null,
      detail: { iss: world.upstream.issuer, reason: 'There is no invitation for stranger@acme.example.' },
    });
  });

  test('by an address in any case, once, with the role that the invitation gives', async () => {
    const made = await owner.send('POST', '/invitations', {
      email: 'Ada@ACME.example',
      role: 'deployer',
      namespace: 'acme/lab',
    });
    expect(made).toEqual({
      id: expect.stringMatching(/^inv_/),
      organization_id: expect.any(String),
      email: 'ada@acme.example',
      namespace_id: expect.stringMatching(/^grp_/),
      namespace: 'acme/lab',
      role: 'deployer',
      invited_by: expect.stringMatching(/^usr_/),
      inviter: 'owner',
      created_at: expect.any(String),
      expires_at: expect.any(String),
      accepted_at: null,
      user_id: null,
    });
    meet('ada', 'aDa@acme.EXAMPLE');
    const ada = await signInPerson(world, 'ada', createBrowser(), accept);
    expect((await ada.client.send('GET', '/groups')).items).toMatchObject([{ path: 'acme/lab' }]);
    const accepted = await invitationOf('ada@acme.example');
    expect(accepted).toMatchObject({ id: made.id, accepted_at: expect.any(String), user_id: expect.any(String) });
    const [event] = (await owner.send('GET', '/audit-events?action=user.sign_in&outcome=success')).items as Body[];
    expect(event).toMatchObject({ user_id: accepted.user_id, detail: { invitation: made.id, first: true } });
    // The same address with another subject: the invitation is used.
    meet('imposter', 'ada@acme.example');
    await expect(signInPerson(world, 'imposter')).rejects.toThrow('There is no invitation for ada@acme.example');
    // The person needs no invitation for the next sign-in.
    expect((await signInPerson(world, 'ada')).access_token).toMatch(/^arsia_at_/);
  });

  test.each([
    ['unverified', false],
    ['unsaid', null],
    ['nearly verified', 1],
  ])('an address that is %s matches no invitation', async (name, verified) => {
    const email = `${name.replace(' ', '-')}@acme.example`;
    await owner.send('POST', '/invitations', { email });
    meet(name, email, verified);
    await expect(signInPerson(world, name)).rejects.toThrow('does not confirm your e-mail address');
    expect((await invitationOf(email)).accepted_at).toBeNull();
  });

  test('an address that only looks the same matches no invitation', async () => {
    await owner.send('POST', '/invitations', { email: 'kelvin@acme.example' });
    // The Kelvin sign lower-cases to k.
    meet('kelvin', '\u212Aelvin@acme.example');
    await expect(signInPerson(world, 'kelvin')).rejects.toThrow('403');
  });

  test('refuses a withdrawn or expired invitation', async () => {
    const { id } = await owner.send('POST', '/invitations', { email: 'late@acme.example' });
    meet('late', 'late@acme.example');
    await owner.send('DELETE', `/invitations/${id}`);
    await expect(signInPerson(world, 'late')).rejects.toThrow('There is no invitation for');
    // The clock is set back and not forward, because oidc-provider uses the clock of the machine.
    world.running.clock.advance(-twoWeeks);
    await owner.send('POST', '/invitations', { email: 'late@acme.example' });
    const conflict = await owner.ask('POST', '/invitations', { email: 'LATE@acme.example' });
    expect([conflict.status, conflict.body.code]).toEqual([409, 'conflict']);
    world.running.clock.advance(twoWeeks);
    await expect(signInPerson(world, 'late')).rejects.toThrow('There is no invitation for');
    // An expired invitation does not prevent a new one.
    await owner.send('POST', '/invitations', { email: 'late@acme.example' });
    expect((await signInPerson(world, 'late', createBrowser(), accept)).access_token).toMatch(/^arsia_at_/);
  });

  test('N20 refuses an invitation of a person who may not invite any more', async () => {
    const { id, client } = await createAccount(owner, 'acme', 'leaving');
    const role = { namespace: 'acme', principal: id, role: 'owner' };
    const membership = await owner.send('POST', '/memberships', role);
    await client.send('POST', '/invitations', { email: 'backdoor@acme.example', role: 'owner' });
    meet('backdoor', 'backdoor@acme.example');
    const tries = () => signInPerson(world, 'backdoor', createBrowser(), accept);
    await owner.send('DELETE', `/memberships/${membership.id}`);
    await expect(tries()).rejects.toThrow('There is no invitation for backdoor@acme.example');
    await owner.send('POST', '/memberships', role);
    await owner.send('PATCH', `/service-accounts/${id}`, { is_active: false });
    await expect(tries()).rejects.toThrow('There is no invitation for backdoor@acme.example');
    await owner.send('PATCH', `/service-accounts/${id}`, { is_active: true });
    expect((await tries()).access_token).toMatch(/^arsia_at_/);
  });

  test('an accepted invitation is not withdrawn, and one of another organisation is not there', async () => {
    const { id } = await invitationOf('ada@acme.example');
    expect((await owner.ask('DELETE', `/invitations/${id}`)).status).toBe(409);
    expect((await owner.ask('DELETE', '/invitations/inv_00000000000000000000000000')).status).toBe(404);
  });

  test('only owners invite, see and withdraw invitations', async () => {
    meet('deployer', 'deployer@acme.example');
    await owner.send('POST', '/invitations', { email: 'deployer@acme.example', role: 'deployer' });
    const deployer = (await signInPerson(world, 'deployer', createBrowser(), accept)).client;
    const { id } = await owner.send('POST', '/invitations', { email: 'next@acme.example' });
    for (const [client, status] of [
      [deployer, 403],
      [createClient(world.issuer), 401],
    ] as const) {
      expect((await client.ask('POST', '/invitations', { email: 'x@acme.example' })).status).toBe(status);
      expect((await client.ask('GET', '/invitations')).status).toBe(status);
      expect((await client.ask('DELETE', `/invitations/${id}`)).status).toBe(status);
    }
    expect(await invitationOf('next@acme.example')).toBeDefined();
  });

  test.each([
    ['no address', { email: 'ada' }, '/email'],
    ['an address in Unicode', { email: 'ädä@acme.example' }, '/email'],
    ['a display name', { email: 'Ada <ada@acme.example>' }, '/email'],
    ['another role', { email: 'a@acme.example', role: 'king' }, '/role'],
    ['a namespace that is not there', { email: 'a@acme.example', namespace: 'acme/none' }, '/namespace'],
    ['an unknown member', { email: 'a@acme.example', password: 'x' }, '/password'],
  ])('%s is refused, by the name of the field', async (_name, body, pointer) => {
    const answer = await owner.ask('POST', '/invitations', body);
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, pointer]);
  });

  test('lists page', async () => {
    const first = await owner.send('GET', '/invitations?limit=2');
    expect(first.items).toHaveLength(2);
    const second = await owner.send('GET', `/invitations?limit=2&cursor=${first.next_cursor}`);
    expect(second.items[0].id > first.items[1].id).toBe(true);
  });
});

test('F13 admits one of 20 people who accept one invitation concurrently', async () => {
  const { world, owner } = await startInvited('postgres');
  const people = 20;
  for (let round = 0; round < rounds(2, 20); round++) {
    const email = `once-${round}@acme.example`;
    await owner.send('POST', '/invitations', { email, role: 'viewer' });
    const returns = [];
    for (let index = 0; index < people; index++) {
      const sub = `once-${round}-${index}`;
      world.upstream.people.set(sub, { email, email_verified: true });
      world.upstream.visitor = sub;
      const browser = createBrowser();
      const request = authorizationRequest(world.issuer);
      returns.push({ browser, page: await browser.open(request.url) });
    }
    const answers = await Promise.all(
      returns.map(({ browser, page }) => choose(browser, page, accept, `${world.issuer}/oauth2/authorize`)),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([303, ...Array.from({ length: people - 1 }, () => 403)]);
    const users = ((await owner.send('GET', '/users?limit=200')).items as Body[]).filter(({ login }) =>
      login.startsWith(email),
    );
    expect(users).toHaveLength(1);
  }
}, 120_000);
