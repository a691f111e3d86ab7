import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Body, type Client, encoded } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { type Account, createAccount, createOrganization, type Organization } from '../../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let jobs: string;
let second: Account;
let first: Body;
let ended: Body;
let referenced: Body;
let ofSecond: Body;
let ofOwner: Body;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  jobs = `/workspaces/${encoded(acme.workspace)}/jobs`;
  second = await createAccount(acme.owner, acme.group, 'second');
  await acme.owner.send('POST', `/service-accounts/${second.id}/may-act`, { namespace: acme.group, users: ['*'] });
  const body = { user: acme.user, stage: 'run' };
  // Ids sort by the millisecond of their creation.
  const start = async (client: Client, sent: Body) => {
    running.clock.advance(2);
    return await client.send('POST', jobs, sent);
  };
  first = await start(acme.launcher, body);
  ended = await start(acme.launcher, body);
  await acme.owner.send('PATCH', `${jobs}/${ended.id}`, { state: 'ended' });
  referenced = await start(acme.launcher, { ...body, reference: 'run 7/b' });
  ofSecond = await start(second.client, body);
  ofOwner = await start(acme.owner, {});
}, 60_000);

const idsOf = async (client: Client, query = '') =>
  ((await client.send('GET', `${jobs}?${query}`)).items as Body[]).map(({ id }) => id);

test('lists jobs newest first', async () => {
  const all = [ofOwner, ofSecond, referenced, ended, first].map(({ id }) => id);
  expect(await idsOf(acme.owner)).toEqual(all);
  const page = await acme.owner.send('GET', `${jobs}?limit=2`);
  expect(await idsOf(acme.owner, `limit=2&cursor=${page.next_cursor}`)).toEqual(all.slice(2, 4));
});

test('filters by state, reference, launcher and user, by id and by name', async () => {
  const { owner } = acme;
  expect(await idsOf(owner, 'state=ended')).toEqual([ended.id]);
  expect(await idsOf(owner, 'state=running')).toEqual([ofOwner, ofSecond, referenced, first].map(({ id }) => id));
  expect(await idsOf(owner, `reference=${encoded('run 7/b')}`)).toEqual([referenced.id]);
  for (const launcher of [second.id, `${acme.group}/second`])
    expect(await idsOf(owner, `launcher=${encoded(launcher)}`)).toEqual([ofSecond.id]);
  for (const user of [acme.ownerId, 'acme.owner'])
    expect(await idsOf(owner, `user=${encoded(user)}`)).toEqual([ofOwner.id]);
  expect(await idsOf(owner, `user=${encoded(acme.user)}&state=ended&launcher=${acme.launcherId}`)).toEqual([ended.id]);
});

test('counts a job as ended from its deadline on, before the server has stored that', async () => {
  const short = await acme.launcher.send('POST', jobs, { user: acme.user, stage: 'run', deadline: 60 });
  running.clock.advance(61_000);
  expect(await idsOf(acme.owner, 'state=ended')).toEqual([short.id, ended.id]);
});

test.each([
  ['launcher', 'acme/lab/none'],
  ['user', 'nobody'],
])('refuses an unknown %s', async (parameter, name) => {
  const { answer } = await oracle.refuses(() => acme.owner.ask('GET', `${jobs}?${parameter}=${encoded(name)}`), {
    status: 400,
    code: 'invalid_request',
    action: 'job.list',
  });
  expect(answer.body.errors).toEqual([{ pointer: parameter, detail: 'is unknown' }]);
});

describe('a launcher without a role', () => {
  test('lists and reads the jobs that it started, and no others', async () => {
    const { client } = second;
    expect(await idsOf(client)).toEqual([ofSecond.id]);
    expect(await client.send('GET', `${jobs}/${ofSecond.id}`)).toMatchObject({ id: ofSecond.id });
    expect(await idsOf(client, 'state=ended')).toEqual([]);
    expect(await idsOf(client, `launcher=${acme.launcherId}`)).toEqual([]);
    expect((await client.ask('GET', `${jobs}/${first.id}`)).status).toBe(404);
  });

  test('does not learn from the list whether a user exists (N83)', async () => {
    expect(await idsOf(second.client, 'user=nobody')).toEqual([]);
    expect(await idsOf(second.client, 'user=acme.owner')).toEqual([]);
  });

  test('lists nothing where it may not act', async () => {
    const { client } = await createAccount(acme.owner, acme.group, 'without');
    await oracle.refuses(() => client.ask('GET', jobs), { status: 404, code: 'not_found', action: 'job.list' });
  });
});
