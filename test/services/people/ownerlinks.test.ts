import { beforeAll, expect, test } from '@jest/globals';
import { newId } from '../../../src/core/clock.ts';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Body, type Client, createClient } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createOrganization, type Organization } from '../../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let operator: Client;
let count = 0;

beforeAll(async () => {
  running = await startArsia({ settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  const { token } = await running.arsia.operators.link('root');
  operator = createClient(running.issuer, (await redeem(token)).body.access_token);
}, 60_000);

const redeem = (token: string) => createClient(running.issuer).ask('POST', '/admin-links/redeem', { token });
const eventsOf = async (owner: Client, action: string) =>
  (await owner.send('GET', `/audit-events?action=${action}`)).items as Body[];

/** An organisation whose only users have these logins; none of them is an owner who is active. */
async function abandoned(...logins: string[]): Promise<{ name: string; id: string }> {
  const name = `abandoned${++count}`;
  const { id } = await operator.send('POST', '/groups', { name });
  for (const login of logins)
    await oracle.execute(
      'INSERT INTO users (id, organization_id, login, is_active, created_at) VALUES ($1, $2, $3, false, now())',
      [newId(running.clock, 'user'), id, login],
    );
  return { name, id };
}

test('N87 a link that an operator opens lets the owner in once, and is in the audit of the organisation', async () => {
  const made = await operator.send('POST', '/owner-links', { organization: 'acme' });
  expect(made).toEqual({
    token: expect.stringMatching(/^arsia_owner_[\w-]{43}$/),
    expires_at: expect.any(String),
    organization_id: acme.id,
    user_id: acme.ownerId,
    login: 'acme.owner',
  });
  const opened = await redeem(made.token);
  expect(opened.body).toEqual({
    login: 'acme.owner',
    organization: 'acme',
    access_token: expect.stringMatching(/^arsia_at_/),
    expires_at: expect.any(String),
  });
  const owner = createClient(running.issuer, opened.body.access_token);
  expect(await owner.send('GET', `/users/${acme.ownerId}`)).toMatchObject({ is_operator: false });
  expect((await owner.ask('POST', '/groups', { name: 'hooli' })).status).toBe(403);
  expect(await eventsOf(owner, 'owner_link.create')).toMatchObject([
    { organization_id: acme.id, actor_kind: 'user', user_id: acme.ownerId, detail: { login: 'acme.owner' } },
  ]);
  expect(await eventsOf(owner, 'admin_link.redeem')).toMatchObject([{ outcome: 'success', user_id: acme.ownerId }]);
  await oracle.refuses(() => redeem(made.token), {
    status: 401,
    code: 'unauthenticated',
    action: 'admin_link.redeem',
    secrets: [made.token],
  });
  expect(JSON.stringify(await eventsOf(owner, 'owner_link.create'))).not.toContain('arsia_owner_');
});

test('N87 only operators open links, and only for owners', async () => {
  for (const organization of ['acme', 'globex'])
    await oracle.refuses(() => acme.owner.ask('POST', '/owner-links', { organization }), {
      status: 403,
      code: 'forbidden',
    });
  const { id: secondId } = await acme.owner.send('POST', '/users', { login: 'second' });
  for (const [body, status] of [
    [{ organization: 'globex' }, 404],
    [{ organization: acme.group }, 404],
    [{ organization: 'acme', owner: 'unknown' }, 404],
    [{ organization: 'acme', owner: acme.user }, 409],
  ] as const)
    expect((await operator.ask('POST', '/owner-links', body)).status).toBe(status);
  await acme.owner.send('POST', '/memberships', { namespace: 'acme', principal: 'second', role: 'owner' });
  const several = await operator.ask('POST', '/owner-links', { organization: 'acme' });
  expect([several.status, several.body.advice]).toEqual([409, expect.stringContaining(`second (${secondId})`)]);
  for (const owner of ['second', secondId])
    expect((await operator.send('POST', '/owner-links', { organization: acme.id, owner })).user_id).toBe(secondId);
});

test('repeated requests with one Idempotency-Key open one link, shown once', async () => {
  const headers = { 'idempotency-key': 'owner-link' };
  const body = { organization: 'acme', owner: 'acme.owner' };
  const first = await operator.ask('POST', '/owner-links', body, headers);
  const again = await operator.ask('POST', '/owner-links', body, headers);
  expect(first.body.token).toContain('arsia_owner_');
  expect(again.body).toMatchObject({ withheld: ['token'], user_id: acme.ownerId });
});

test('N87 the command on the server makes a user the owner where no owner is active', async () => {
  const { recover } = running.arsia.operators;
  const { name } = await abandoned('ada', 'bob');
  const refusal = await operator.ask('POST', '/owner-links', { organization: name, owner: 'ada' });
  expect([refusal.status, refusal.body.advice]).toEqual([
    409,
    expect.stringContaining(`arsia admin recover --organization ${name} --login`),
  ]);
  await expect(recover({ organization: name })).rejects.toMatchObject({ code: 'conflict' });
  await expect(recover({ organization: name, owner: 'eve' })).rejects.toMatchObject({ code: 'not_found' });
  const made = await recover({ organization: name, owner: 'ada' });
  expect(made).toMatchObject({ isAppointed: true, user: { login: 'ada', is_active: true } });
  const ada = createClient(running.issuer, (await redeem(made.token)).body.access_token);
  expect((await ada.ask('POST', '/users', { login: 'new' })).status).toBe(201);
  expect(await eventsOf(ada, 'organization.recover')).toMatchObject([
    { actor_kind: 'system', user_id: made.user.id, detail: { made_owner: true } },
  ]);
  // Nobody else becomes an owner while one is active.
  await expect(recover({ organization: name, owner: 'bob' })).rejects.toMatchObject({ code: 'conflict' });
  expect(await recover({ organization: name })).toMatchObject({ isAppointed: false, user: { login: 'ada' } });
});

test('N87 the refusal for several owners names them, and no other user', async () => {
  const there = await createOrganization(running, `many${++count}`);
  const ids: string[] = [];
  for (const login of ['one', 'two', 'three', 'four']) {
    const { id } = await there.owner.send('POST', '/users', { login });
    await there.owner.send('POST', '/memberships', { namespace: there.id, principal: login, role: 'owner' });
    ids.push(id);
  }
  for (const owner of [...ids, 'four', there.ownerId]) {
    const asked = await operator.ask('POST', '/owner-links', { organization: there.name, owner });
    expect([owner, asked.status]).toEqual([owner, 201]);
  }
  expect(await running.arsia.operators.recover({ organization: there.name, owner: 'three' })).toMatchObject({
    isAppointed: false,
    user: { login: 'three' },
  });
  const { advice } = (await operator.ask('POST', '/owner-links', { organization: there.name })).body;
  for (const id of ids) expect(advice).toContain(id);
  await there.owner.send('PATCH', `/users/${ids[3]}`, { is_active: false });
  for (const owner of ['four', there.user])
    expect((await operator.ask('POST', '/owner-links', { organization: there.name, owner })).status).toBe(409);
});

test('a link of a deactivated owner opens nothing, also after activation', async () => {
  const there = await createOrganization(running, `closed${++count}`);
  const { id } = await there.owner.send('POST', '/users', { login: 'heir' });
  await there.owner.send('POST', '/memberships', { namespace: there.id, principal: 'heir', role: 'owner' });
  const { token } = await running.arsia.operators.recover({ organization: there.name, owner: 'heir' });
  await there.owner.send('PATCH', `/users/${id}`, { is_active: false });
  expect((await redeem(token)).status).toBe(401);
  await there.owner.send('PATCH', `/users/${id}`, { is_active: true });
  expect((await redeem(token)).status).toBe(401);
});
