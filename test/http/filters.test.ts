import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Body, Client } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createAccount, createIdentity, createOrganization, type Organization } from '../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let owner: Client;
/** A viewer of the group `lab`, who does not see the group `vault`. */
let ofLab: Client;
let launcher: Client;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  ({ owner, launcher } = acme);
  const vault = await owner.send('POST', '/groups', { name: 'vault', parent: 'acme' });
  for (const name of ['find-b', 'find-a', 'find_c', 'other', 'find']) {
    await owner.send('POST', '/users', { login: `${name}@acme.example` });
    for (const group of [acme.group, vault.path]) {
      await owner.send('POST', '/groups', { name: `${name}-g`, parent: group });
      await owner.send('POST', '/workspaces', { name, group });
      await owner.send('POST', '/service-accounts', { name, group });
    }
  }
  ofLab = (await createAccount(owner, acme.group, 'of-lab', { namespace: acme.groupId, role: 'viewer' })).client;
}, 60_000);

const lists = ['users', 'groups', 'workspaces', 'service-accounts'] as const;
const nameOf = (row: Body): string => row.login?.replace('@acme.example', '') ?? row.name.replace(/-g$/, '');

async function walk(client: Client, path: string, limit: number): Promise<Body[]> {
  const rows: Body[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Body = await client.send('GET', `${path}&limit=${limit}${cursor && `&cursor=${cursor}`}`);
    rows.push(...page.items);
    cursor = page.next_cursor;
  }
  return rows;
}

describe.each(lists)('the list of %s', (list) => {
  test('has those whose name begins with `q`, in the order of names, each once over all pages', async () => {
    const all = await walk(owner, `/${list}?q=find`, 200);
    expect([...new Set(all.map(nameOf))].sort()).toEqual(['find', 'find-a', 'find-b', 'find_c']);
    expect(all).toHaveLength(list === 'users' ? 4 : 8);
    const names = all.map((row) => row.login ?? row.name);
    expect(names).toEqual([...names].sort());
    expect((await walk(owner, `/${list}?q=find`, 1)).map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(await walk(owner, `/${list}?q=find-b`, 1)).toHaveLength(list === 'users' ? 1 : 2);
  });

  test('takes no character of `q` for a wildcard', async () => {
    const found = (await walk(owner, `/${list}?q=find_`, 200)).map(nameOf);
    expect(new Set(found)).toEqual(new Set(['find_c']));
    for (const q of ['%25', '*', 'find%25', "'", 'F', '', 'a%00'])
      await oracle.refuses(() => owner.ask('GET', `/${list}?q=${q}`), { status: 400, code: 'invalid_request' });
  });

  test('tells by `q` of nothing that the caller does not see', async () => {
    const page = await ofLab.send('GET', `/${list}?q=find&limit=4`);
    expect([page.items.length, page.next_cursor]).toEqual([4, null]);
    expect(JSON.stringify(page)).not.toContain('vault');
    expect(await launcher.send('GET', `/${list}?q=find`)).toEqual({ items: [], next_cursor: null });
  });
});

test.each(['users', 'service-accounts'] as const)('the list of %s has active or inactive ones', async (list) => {
  const [one] = await walk(owner, `/${list}?q=other`, 10);
  await owner.send('PATCH', `/${list}/${one!.id}`, { is_active: false });
  expect((await walk(owner, `/${list}?state=inactive`, 1)).map(({ id }) => id)).toEqual([one!.id]);
  const active = await walk(owner, `/${list}?state=active`, 2);
  expect(active.map(({ id }) => id)).not.toContain(one!.id);
  expect(active.length + 1).toBe((await walk(owner, `/${list}?`, 200)).length);
  expect(await walk(owner, `/${list}?q=other&state=active`, 10)).toHaveLength(list === 'users' ? 0 : 1);
});

test('the lists of groups and workspaces have those with an identity of a type', async () => {
  await createIdentity(acme, { name: 'i', type: 'oidc', settings: { audience: 'https://x.example' } });
  expect((await walk(owner, '/workspaces?type=oidc', 10)).map(({ path }) => path)).toEqual(['acme/lab/sim']);
  expect((await walk(owner, '/groups?type=oidc', 10)).map(({ path }) => path)).toEqual(['acme/lab']);
  expect(await walk(owner, '/workspaces?type=aws', 10)).toEqual([]);
  expect(await walk(owner, '/workspaces?type=oidc&q=sim', 10)).toHaveLength(1);
});

test('a service account without a role lists no user, team or namespace, and reads none by name', async () => {
  for (const path of ['/users', '/teams', '/groups', '/workspaces', '/service-accounts', '/managed-identities'])
    expect(await launcher.send('GET', path)).toEqual({ items: [], next_cursor: null });
  for (const path of ['/users/find%40acme.example', '/groups/acme', `/memberships?namespace=${acme.groupId}`])
    expect((await launcher.ask('GET', path)).status).toBe(404);
});
