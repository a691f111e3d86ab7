import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Body, type Client, encoded } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import {
  type Account,
  createAccount,
  createOrganization,
  type Organization,
  startJob,
} from '../../support/organization.ts';

/** Where things are, and who has a say there: depths, names, lists, rights on another's place, what a deletion cuts off. */
let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let owner: Client;
let count = 0;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  ({ owner } = acme);
}, 60_000);

const conflict = { status: 409, code: 'conflict' };
const unknown = { status: 404, code: 'not_found' };
const group = async (parent = 'acme') => (await owner.send('POST', '/groups', { name: `g${++count}`, parent })) as Body;
const workspace = async (parent: string) =>
  (await owner.send('POST', '/workspaces', { name: `w${++count}`, group: parent })) as Body;
const ownerOf = (namespace: string): Promise<Account> =>
  createAccount(owner, 'acme', `owner${++count}`, { namespace, role: 'owner' });
const identityBody = (name: string, of: string) => ({
  name,
  group: of,
  type: 'oidc',
  settings: { audience: 'https://api.example' },
  delivery: 'both',
});
const identity = (of: string, name = `i${++count}`) =>
  owner.send('POST', '/managed-identities', identityBody(name, of));

test('a move never makes a group deeper than the limit, also not an empty one', async () => {
  let deepest = (await group()).path as string;
  for (let depth = 3; depth <= 20; depth++) deepest = (await group(deepest)).path;
  await oracle.refuses(() => owner.ask('POST', '/groups', { name: 'deeper', parent: deepest }), conflict);
  const empty = await group();
  await oracle.refuses(() => owner.ask('POST', `/groups/${empty.id}/move`, { parent: deepest }), conflict);
  const below = await group(empty.path);
  const parent = deepest.slice(0, deepest.lastIndexOf('/'));
  await oracle.refuses(() => owner.ask('POST', `/groups/${empty.id}/move`, { parent }), conflict);
  await owner.send('DELETE', `/groups/${below.id}`);
  // A workspace is a leaf, and lies in the deepest group.
  await workspace(empty.path);
  expect((await owner.ask('POST', `/groups/${empty.id}/move`, { parent })).status).toBe(200);
  expect(
    (await owner.ask('POST', `/workspaces/${(await workspace('acme')).id}/move`, { parent: deepest })).status,
  ).toBe(200);
});

test('an alias and an identity of one group never share a name', async () => {
  const [source, place] = [await identity('acme', 'shared'), await group()];
  await owner.send('POST', `/managed-identities/${source.id}/aliases`, { group: place.id });
  await oracle.refuses(() => owner.ask('POST', '/managed-identities', identityBody('shared', place.path)), conflict);
});

test('the list of service accounts shows only those of groups that the caller sees', async () => {
  const [here, there] = [await group(), await group()];
  const { client } = await ownerOf(here.id);
  const seen = await client.send('POST', '/service-accounts', { name: 'seen', group: here.path });
  const hidden = await owner.send('POST', '/service-accounts', { name: 'hidden', group: there.path });
  await oracle.refuses(() => client.ask('GET', `/service-accounts/${hidden.id}`), unknown);
  const { items } = await client.send('GET', '/service-accounts?limit=200');
  expect(items.map(({ id }: Body) => id)).toEqual([seen.id]);
  const all = await owner.send('GET', '/service-accounts?limit=200');
  expect(all.items.map(({ id }: Body) => id)).toEqual(expect.arrayContaining([seen.id, hidden.id]));
});

test('an owner of a namespace removes a right to act there, also of a service account elsewhere', async () => {
  const place = await group();
  const [mine, other] = [await ownerOf(place.id), await ownerOf((await group()).id)];
  const account = await createAccount(owner, acme.group, `launcher${++count}`);
  const path = `/service-accounts/${account.id}/may-act`;
  const right = await mine.client.send('POST', path, { namespace: place.id, users: ['*'] });
  await oracle.refuses(() => other.client.ask('DELETE', `${path}/${right.id}`), unknown);
  expect((await mine.client.ask('DELETE', `${path}/${right.id}`)).status).toBe(204);
});

test('a member who was added to a team by hand stays in it when a sign-in drops the team', async () => {
  const team = await owner.send('POST', '/teams', { name: 'by-hand' });
  await oracle.execute(`INSERT INTO team_members VALUES ($1, $2, 'sign_in', now())`, [team.id, acme.userId]);
  await owner.send('POST', '/teams/by-hand/members', { user: acme.userId });
  const { items } = await owner.send('GET', '/teams/by-hand/members');
  expect(items).toMatchObject([{ user_id: acme.userId, source: 'manual' }]);
});

test('a token of a deactivated service account stays invalid after activation', async () => {
  const { id, client } = await ownerOf(acme.groupId);
  expect((await client.ask('GET', '/workspaces')).status).toBe(200);
  for (const is_active of [false, true]) await owner.send('PATCH', `/service-accounts/${id}`, { is_active });
  expect((await client.ask('GET', '/workspaces')).status).toBe(401);
});

test('owners of the group of an alias and of its source can delete it', async () => {
  const place = await group();
  const [mine, other] = [await ownerOf(place.id), await ownerOf((await group()).id)];
  const { id } = await identity(acme.group);
  const path = `/managed-identities/${id}/aliases`;
  const alias = await owner.send('POST', path, { group: place.id });
  await oracle.refuses(() => other.client.ask('DELETE', `${path}/${alias.id}`), unknown);
  await oracle.refuses(() => mine.client.ask('POST', path, { group: place.id, name: 'more' }), unknown);
  expect((await mine.client.ask('DELETE', `${path}/${alias.id}`)).status).toBe(204);
  expect((await owner.send('GET', path)).items).toEqual([]);
});

describe('trust of an identity by alias', () => {
  test('is available for a workspace below the alias, as for one below its own group', async () => {
    const [source, place] = [await identity(acme.group), await group()];
    const there = await workspace(place.path);
    const path = `/managed-identities/${source.id}/trust?workspace=${encoded(there.path)}`;
    await oracle.refuses(() => owner.ask('GET', path), { status: 409, code: 'conflict' });
    await owner.send('POST', `/managed-identities/${source.id}/aliases`, { group: place.id });
    expect((await owner.send('GET', path)).subject).toBe(`${source.id}:${there.id}`);
  });
});

describe('the record of a change lists what lost its access', () => {
  const recorded = async (answer: { headers: Headers }) =>
    (await oracle.recordsOf({ ...answer, status: 0, text: '', body: {} }))[0]!.detail;

  test('for an identity that is deleted, moved or masked, or loses an alias by force', async () => {
    const place = await group();
    const there = await workspace(place.path);
    const assigned = async () => {
      const { id } = await identity(place.path);
      await owner.send('POST', `/workspaces/${there.id}/managed-identities`, { managed_identity: id });
      return id as string;
    };
    const moved = await assigned();
    const elsewhere = await group();
    expect(
      await recorded(await owner.ask('POST', `/managed-identities/${moved}/move?force=true`, { group: elsewhere.id })),
    ).toMatchObject({ dropped: [there.path] });
    const alias = await owner.send('POST', `/managed-identities/${moved}/aliases`, { group: place.id });
    await owner.send('POST', `/workspaces/${there.id}/managed-identities`, { managed_identity: moved });
    expect(
      await recorded(await owner.ask('DELETE', `/managed-identities/${moved}/aliases/${alias.id}?force=true`)),
    ).toMatchObject({ dropped: [there.path] });
    const masked = await assigned();
    expect(
      await recorded(await owner.ask('POST', `/workspaces/${there.id}/masks?force=true`, { managed_identity: masked })),
    ).toMatchObject({ dropped: [there.path] });
    const { name, id } = await identity(place.path);
    await owner.send('POST', `/workspaces/${there.id}/managed-identities`, { managed_identity: id });
    expect(
      await recorded(await owner.ask('DELETE', `/managed-identities/${id}?name=${name}&force=true`)),
    ).toMatchObject({ dropped: [there.path] });
  });

  test('for a deleted group whose identities and launchers are used elsewhere', async () => {
    const [gone, place] = [await group(), await group()];
    const there = await workspace(place.path);
    const source = await identity(gone.path);
    await owner.send('POST', `/managed-identities/${source.id}/aliases`, { group: place.id });
    await owner.send('POST', `/workspaces/${there.id}/managed-identities`, { managed_identity: source.id });
    const answer = await owner.ask('DELETE', `/groups/${gone.id}?force=true`);
    expect(await recorded(answer)).toMatchObject({ dropped: [`${source.path} in ${there.path}`] });
    expect((await startJob(acme)).id).toMatch(/^job_/);
  });
});
