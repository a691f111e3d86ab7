import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Role } from '../../../src/core/permissions.ts';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Answer, type Body, type Client, createClient } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { type Account, createAccount, createOrganization, type Organization } from '../../support/organization.ts';

/** Changes of a whole tree override no nearer, lower role of the caller (N72). */
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

const forbidden = { status: 403, code: 'forbidden' };
const group = async (parent = 'acme'): Promise<Body> => owner.send('POST', '/groups', { name: `g${++count}`, parent });
const workspace = async (parent: string): Promise<Body> =>
  owner.send('POST', '/workspaces', { name: `w${++count}`, group: parent });
const give = (principal: string, namespace: Body, role: Role) =>
  owner.send('POST', '/memberships', { namespace: namespace.id, principal, role });
const ownerOf = (namespace: Body): Promise<Account> =>
  createAccount(owner, 'acme', `owner${++count}`, { namespace: namespace.id, role: 'owner' });
const identity = (of: Body): Promise<Body> =>
  owner.send('POST', '/managed-identities', {
    name: `i${++count}`,
    group: of.id,
    type: 'oidc',
    settings: { audience: 'https://api.example' },
    delivery: 'both',
  });
const assign = ({ id }: Body, to: Body) =>
  owner.send('POST', `/workspaces/${to.id}/managed-identities`, { managed_identity: id });
const assignedTo = async ({ id }: Body): Promise<string[]> =>
  (await owner.send('GET', `/workspaces/${id}/managed-identities`)).items.map((one: Body) => one.id);
const detailOf = ({ body }: Answer) => String(body.detail);

/** A group, its owner, and a group `vault` two levels below it on which the owner has the role. */
async function vaulted(role: Role = 'viewer') {
  const top = await group();
  const vault = await group((await group(top.path)).path);
  const account = await ownerOf(top);
  await give(account.id, vault, role);
  return { top, vault, account, client: account.client };
}

describe('a forced delete of a group', () => {
  test.each(['viewer', 'deployer'] as const)(
    'N72: is refused to its owner who is %s of a group below',
    async (role) => {
      const { top, vault, client } = await vaulted(role);
      const { answer } = await oracle.refuses(() => client.ask('DELETE', `/groups/${top.id}?force=true`), {
        ...forbidden,
        action: 'group.delete',
      });
      expect(detailOf(answer)).toBe(`Your role is too low on ${vault.path}, which lies below ${top.path}.`);
      // The refusal is the same without force: the advice to add it would not help.
      await oracle.refuses(() => client.ask('DELETE', `/groups/${top.id}`), forbidden);
      expect((await owner.ask('DELETE', `/groups/${top.id}?force=true`)).status).toBe(204);
    },
  );

  test('N72: is refused to its owner who is viewer of a workspace below, directly or by a team', async () => {
    const { top, client, vault } = await vaulted('owner');
    const there = await workspace(vault.path);
    expect((await client.ask('GET', `/groups/${vault.id}`)).status).toBe(200);
    const person = await owner.send('POST', '/users', { login: `person${++count}@acme.example` });
    const team = await owner.send('POST', '/teams', { name: `team${++count}` });
    await owner.send('POST', `/teams/${team.id}/members`, { user: person.id });
    await give(person.id, top, 'owner');
    await give(team.id, there, 'viewer');
    const { token } = await running.arsia.operators.link(person.id);
    const { access_token } = await createClient(running.issuer).send('POST', '/admin-links/redeem', { token });
    const asPerson = createClient(running.issuer, access_token);
    const { answer } = await oracle.refuses(() => asPerson.ask('DELETE', `/groups/${top.id}?force=true`), forbidden);
    expect(detailOf(answer)).toContain(there.path);
    expect((await client.ask('DELETE', `/groups/${top.id}?force=true`)).status).toBe(204);
  });

  test('N72: judges a place below with a role of its own by that role', async () => {
    const { top, vault, account, client } = await vaulted();
    const own = await group(vault.path);
    await give(account.id, own, 'owner');
    const { answer } = await oracle.refuses(() => client.ask('DELETE', `/groups/${top.id}?force=true`), forbidden);
    expect(detailOf(answer)).not.toContain(own.path);
    expect((await client.ask('DELETE', `/groups/${own.id}?force=true`)).status).toBe(204);
  });

  test('N72: lists the first 20 places and a count in the refusal', async () => {
    const top = await group();
    const account = await ownerOf(top);
    for (let made = 0; made < 22; made++) await give(account.id, await workspace(top.path), 'viewer');
    const { answer } = await oracle.refuses(
      () => account.client.ask('DELETE', `/groups/${top.id}?force=true`),
      forbidden,
    );
    expect(detailOf(answer).split(', acme/')).toHaveLength(20);
    expect(detailOf(answer)).toContain(` and 2 more, which lie below ${top.path}.`);
  });

  test('N72: is allowed to an owner of the organisation, whatever the role below', async () => {
    const { top, vault } = await vaulted();
    await give(acme.ownerId, vault, 'viewer');
    expect((await owner.ask('DELETE', `/groups/${top.id}?force=true`)).status).toBe(204);
  });
});

describe('a move of a group', () => {
  test('N72: is refused where the caller may not move a descendant', async () => {
    const { top, vault, account, client } = await vaulted('deployer');
    const to = await group();
    await give(account.id, to, 'owner');
    for (const force of ['', '?force=true']) {
      const { answer } = await oracle.refuses(
        () => client.ask('POST', `/groups/${top.id}/move${force}`, { parent: to.id }),
        { ...forbidden, action: 'group.move' },
      );
      expect(detailOf(answer)).toContain(vault.path);
    }
    expect((await owner.ask('POST', `/groups/${top.id}/move`, { parent: to.id })).status).toBe(200);
  });
});

describe('a mask', () => {
  test('N72: is refused where the caller may not unassign in a workspace', async () => {
    const { top, vault, client } = await vaulted();
    const shared = await identity(await owner.send('GET', '/groups/acme'));
    const [mine, theirs] = [await workspace(top.path), await workspace(vault.path)];
    for (const one of [mine, theirs]) await assign(shared, one);
    const mask = (force: boolean) =>
      client.ask('POST', `/groups/${top.id}/masks?force=${force}`, { managed_identity: shared.id });
    for (const force of [false, true]) {
      const { answer } = await oracle.refuses(() => mask(force), { ...forbidden, action: 'identity_mask.create' });
      expect(detailOf(answer)).toContain(theirs.path);
      expect(detailOf(answer)).not.toContain(mine.path);
    }
    expect(await assignedTo(theirs)).toEqual([shared.id]);
    await owner.send('DELETE', `/workspaces/${theirs.id}/managed-identities/${shared.id}`);
    expect((await mask(true)).status).toBe(201);
    expect(await assignedTo(mine)).toEqual([]);
  });
});

describe('a caller who deletes an identity that others use', () => {
  test('N72: may do so by force, whatever its role there, and the record lists the workspaces', async () => {
    const { top, vault, account, client } = await vaulted();
    const there = await workspace(vault.path);
    const other = await group(top.path);
    await give(account.id, other, 'owner');
    const [deleted, moved] = [await identity(top), await identity(top)];
    const forced = {
      [`/managed-identities/${deleted.id}?name=${deleted.name}&force=true`]: () =>
        client.ask('DELETE', `/managed-identities/${deleted.id}?name=${deleted.name}&force=true`),
      [`/managed-identities/${moved.id}/move`]: () =>
        client.ask('POST', `/managed-identities/${moved.id}/move?force=true`, { group: other.id }),
    };
    for (const one of [deleted, moved])
      await owner.send('POST', `/workspaces/${there.id}/managed-identities`, {
        managed_identity: one.id,
        profile: one.name,
      });
    for (const send of Object.values(forced)) {
      const answer = await send();
      expect([200, 204]).toContain(answer.status);
      expect((await oracle.recordsOf(answer))[0]!.detail).toMatchObject({ dropped: [there.path] });
    }
    expect(await assignedTo(there)).toEqual([]);
  });

  test('N72: is told the number, and not the paths, of workspaces that it may not see', async () => {
    const [source, place] = [await group(), await group()];
    const account = await ownerOf(source);
    const [here, there, third] = [
      await workspace(source.path),
      await workspace(place.path),
      await workspace(place.path),
    ];
    const shared = await identity(source);
    await owner.send('POST', `/managed-identities/${shared.id}/aliases`, { group: place.id });
    for (const one of [here, there, third]) await assign(shared, one);
    const { answer } = await oracle.refuses(
      () => account.client.ask('DELETE', `/managed-identities/${shared.id}?name=${shared.name}`),
      { status: 409, code: 'conflict' },
    );
    expect(detailOf(answer)).toBe(`${shared.path} is assigned to ${here.path} and 2 workspaces that you may not see.`);
    expect(detailOf(await owner.ask('DELETE', `/managed-identities/${shared.id}?name=${shared.name}`))).toContain(
      third.path,
    );
  });
});
