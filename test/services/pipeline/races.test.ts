import { beforeAll, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Answer, type Body, type Client, createClient } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createOrganization, type Organization, startJob } from '../../support/organization.ts';
import { rounds } from '../../support/rounds.ts';

/** Two changes at once, on two replicas, each of them right by itself: whichever wins, the tree stays whole. */
let replicas: [RunningArsia, RunningArsia];
let oracle: Oracle;
let acme: Organization;
let owners: [Client, Client];
let count = 0;

beforeAll(async () => {
  const first = await startArsia();
  replicas = [first, await startArsia({ home: first.home })];
  oracle = await createOracle(first);
  acme = await createOrganization(first);
  owners = [acme.owner, createClient(replicas[1].origin, acme.owner.token)];
}, 90_000);

const times = rounds(8, 200);
const group = async (parent = 'acme'): Promise<Body> =>
  await acme.owner.send('POST', '/groups', { name: `g${++count}`, parent });
const identity = async (of: string): Promise<Body> =>
  await acme.owner.send('POST', '/managed-identities', {
    name: `i${++count}`,
    group: of,
    type: 'oidc',
    settings: { audience: 'https://api.example' },
    delivery: 'both',
  });

/** Both at once. A loser is refused, or told to come again. */
async function both(one: Promise<Answer>, other: Promise<Answer>): Promise<[Answer, Answer]> {
  const answers = await Promise.all([one, other]);
  for (const { status, text } of answers) {
    const isTold = [200, 201, 204, 400, 403, 404, 409, 503].includes(status);
    expect({ status, text: isTold ? '' : text, isTold }).toEqual({ status, text: '', isTold: true });
  }
  return answers;
}

/** Every path is its parent's with the name, every lineage its parent's with the id. */
async function expectWholeTree(): Promise<void> {
  const torn = await oracle.execute(`
    SELECT n.path FROM namespaces n LEFT JOIN namespaces p ON p.id = n.parent_id
    WHERE n.parent_id IS NOT NULL AND (p.id IS NULL OR n.path <> p.path || '/' || n.name OR n.lineage <> p.lineage || n.id)`);
  expect(torn).toEqual([]);
}

/** No assignment of an identity that does not reach its workspace. */
async function expectAllReach(): Promise<void> {
  const cut = await oracle.execute(`
    SELECT w.path FROM assignments a JOIN namespaces w ON w.id = a.workspace_id JOIN managed_identities m ON m.id = a.identity_id
    WHERE NOT m.group_id = ANY (w.lineage) AND NOT EXISTS (
      SELECT FROM identity_aliases l WHERE l.identity_id = m.id AND l.group_id = ANY (w.lineage))`);
  expect(cut).toEqual([]);
}

test('of two groups that move below each other one moves', async () => {
  for (let round = 0; round < times; round++) {
    const [a, b] = [await group(), await group()];
    const answers = await both(
      owners[0].ask('POST', `/groups/${a.id}/move`, { parent: b.id }),
      owners[1].ask('POST', `/groups/${b.id}/move`, { parent: a.id }),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    await expectWholeTree();
  }
});

test('a group that moves while another is created in it keeps the tree valid', async () => {
  for (let round = 0; round < times; round++) {
    const [moved, place] = [await group(), await group()];
    const inner = await group(moved.path);
    await both(
      owners[0].ask('POST', `/groups/${moved.id}/move`, { parent: place.id }),
      owners[1].ask('POST', '/workspaces', { name: 'w', group: inner.id }),
    );
    await expectWholeTree();
  }
});

test('a group that is deleted while something is created, assigned or moved in leaves no orphan', async () => {
  for (let round = 0; round < times; round++) {
    const gone = await group();
    const other = await group();
    const made = [
      () => owners[1].ask('POST', '/workspaces', { name: 'w', group: gone.id }),
      () => owners[1].ask('POST', `/groups/${other.id}/move`, { parent: gone.id }),
      () => owners[1].ask('POST', '/service-accounts', { name: 's', group: gone.id }),
      () => owners[1].ask('POST', '/memberships', { namespace: gone.id, principal: acme.user, role: 'viewer' }),
    ][round % 4]!;
    await both(owners[0].ask('DELETE', `/groups/${gone.id}?force=true`), made());
    await expectWholeTree();
  }
});

test('an identity that is assigned while it moves, is masked or loses its alias is never assigned out of reach', async () => {
  for (let round = 0; round < times; round++) {
    const [home, place] = [await group(), await group()];
    const inner = await group(home.path);
    const { id: workspace } = await acme.owner.send('POST', '/workspaces', { name: 'w', group: inner.id });
    const { id } = await identity(round % 3 === 2 ? place.path : home.path);
    const alias =
      round % 3 !== 2
        ? undefined
        : await acme.owner.send('POST', `/managed-identities/${id}/aliases`, { group: home.id });
    const taken = [
      () => owners[0].ask('POST', `/managed-identities/${id}/move`, { group: place.id }),
      () => owners[0].ask('POST', `/groups/${inner.id}/masks`, { managed_identity: id }),
      () => owners[0].ask('DELETE', `/managed-identities/${id}/aliases/${alias?.id}`),
    ][round % 3]!;
    await both(taken(), owners[1].ask('POST', `/workspaces/${workspace}/managed-identities`, { managed_identity: id }));
    await expectAllReach();
    const masked = await oracle.execute(
      'SELECT 1 FROM identity_masks x JOIN assignments a ON a.identity_id = x.identity_id WHERE x.identity_id = $1',
      [id],
    );
    expect(masked).toEqual([]);
  }
});

test('of an alias and an identity with one name that are created at once one exists', async () => {
  const source = await identity('acme');
  for (let round = 0; round < times; round++) {
    const place = await group();
    const settings = { audience: 'https://api.example' };
    await both(
      owners[0].ask('POST', `/managed-identities/${source.id}/aliases`, { group: place.id, name: 'same' }),
      owners[1].ask('POST', '/managed-identities', { name: 'same', group: place.id, type: 'oidc', settings }),
    );
    const named = await oracle.execute(
      `SELECT id FROM identity_aliases WHERE group_id = $1 UNION ALL SELECT id FROM managed_identities WHERE group_id = $1`,
      [place.id],
    );
    expect(named.length).toBeLessThanOrEqual(1);
  }
});

test('an array task that starts while its job ends ends with it', async () => {
  const launchers = replicas.map(({ issuer }) => createClient(issuer, acme.launcher.token)) as [Client, Client];
  for (let round = 0; round < times; round++) {
    const parent = await startJob(acme, { stage: 'array' });
    const path = `/workspaces/${acme.workspaceId}/jobs`;
    await both(
      launchers[0].ask('PATCH', parent.path, { state: 'ended' }),
      launchers[1].ask('POST', path, { parent: parent.id, task_index: 1 }),
    );
    const running = await oracle.execute('SELECT id FROM jobs WHERE parent_id = $1 AND ended_at IS NULL', [parent.id]);
    expect(running).toEqual([]);
  }
});

test('of the two last owners, one deactivated while the other is removed, one stays', async () => {
  const { id: second } = await acme.owner.send('POST', '/users', { login: `second${++count}` });
  const { items } = await acme.owner.send('GET', '/memberships?namespace=acme');
  const mine = items.find((row: Body) => row.principal_id === acme.ownerId);
  for (let round = 0; round < times; round++) {
    const membership = { namespace: acme.id, principal: second, role: 'owner' };
    const theirs = await acme.owner.send('POST', '/memberships', membership);
    await acme.owner.send('PATCH', `/memberships/${mine.id}`, { role: 'owner' });
    await both(
      owners[0].ask('PATCH', `/users/${second}`, { is_active: false }),
      owners[1].ask('PATCH', `/memberships/${mine.id}`, { role: 'viewer' }),
    );
    const left = await oracle.execute(
      `SELECT m.id FROM memberships m JOIN users u ON u.id = m.principal_id
       WHERE m.namespace_id = $1 AND m.role = 'owner' AND u.is_active`,
      [acme.id],
    );
    expect(left.length).toBeGreaterThan(0);
    // Back to one owner, as the superuser: whoever was demoted cannot.
    await oracle.execute(`UPDATE memberships SET role = 'owner' WHERE id = $1`, [mine.id]);
    await oracle.execute('DELETE FROM memberships WHERE id = $1', [theirs.id]);
    await oracle.execute('UPDATE users SET is_active = true WHERE id = $1', [second]);
  }
});

test('a job that starts while the right to act is narrowed gets no token beyond the right', async () => {
  const { id } = await identity(acme.group);
  await acme.owner.send('POST', `/workspaces/${acme.workspaceId}/managed-identities`, { managed_identity: id });
  const { items } = await acme.owner.send('GET', `/service-accounts/${acme.launcherId}/may-act`);
  const path = `/service-accounts/${acme.launcherId}/may-act/${items[0].id}`;
  const launcher = createClient(replicas[1].issuer, acme.launcher.token);
  const start = () =>
    launcher.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, {
      user: acme.user,
      stage: 'run',
      labels: { any: 'x' },
    });
  for (let round = 0; round < times; round++) {
    await acme.owner.send('PATCH', path, { labels: { '*': '*' } });
    // Its mint on the second replica leaves facts there, which the change must end.
    const { body: former } = await start();
    const tokens = replicas.map(({ issuer }) => createClient(issuer, former.job_token));
    for (const client of tokens)
      expect((await client.ask('POST', '/tokens', { managed_identity: id })).status).toBe(200);
    const [narrowed, started] = await both(owners[0].ask('PATCH', path, { labels: {} }), start());
    if (narrowed.status !== 200) continue;
    if (started.status === 201) tokens.push(createClient(replicas[1].issuer, started.body.job_token));
    for (const client of tokens)
      expect((await client.ask('POST', '/tokens', { managed_identity: id })).body.code).toBe('launcher_may_not_act');
    expect((await start()).status).toBe(403);
  }
});

test('an identity that is unassigned without force while it is assigned again loses one assignment at most', async () => {
  for (let round = 0; round < times; round++) {
    const { id: workspace } = await acme.owner.send('POST', '/workspaces', { name: `w${++count}`, group: acme.group });
    const { id } = await identity(acme.group);
    const path = `/workspaces/${workspace}/managed-identities`;
    await acme.owner.send('POST', path, { managed_identity: id });
    const remove = () => owners[0].ask('DELETE', `${path}/${id}`);
    const assign = () => owners[1].ask('POST', path, { managed_identity: id, principal: acme.userId });
    // Either is sent first in half of the rounds.
    const first = round % 2 === 0 ? undefined : assign();
    const [removed, assigned] = await both(remove(), first ?? assign());
    const { items } = await acme.owner.send('GET', path);
    const left = items.map((one: Body) => one.principal_id);
    expect(left).toEqual([...(removed.status === 204 ? [] : ['']), ...(assigned.status === 201 ? [acme.userId] : [])]);
  }
});

test('a team that is deleted without force while it gets a role leaves no role behind', async () => {
  for (let round = 0; round < times; round++) {
    const { id } = await acme.owner.send('POST', '/teams', { name: `t${++count}` });
    const [removed, given] = await both(
      owners[0].ask('DELETE', `/teams/${id}`),
      owners[1].ask('POST', '/memberships', { namespace: acme.id, principal: id, role: 'viewer' }),
    );
    const roles = await oracle.execute('SELECT id FROM memberships WHERE principal_id = $1', [id]);
    expect([removed.status, roles.length]).toEqual(given.status === 201 ? [removed.status, 1] : [removed.status, 0]);
    expect(removed.status === 204 && given.status === 201).toBe(false);
  }
});
