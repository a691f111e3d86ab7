import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import type { Body, Client } from '../../support/client.ts';
import { createAccount, createOrganization, type Organization, startJob } from '../../support/organization.ts';

let running: RunningArsia;
let acme: Organization;
let owner: Client;
let identity: Body;
let elsewhere: Body;
let alias: Body;
/** A viewer of the group of the identity, who does not see the group of the alias. */
let viewer: Client;
/** A viewer of one workspace. */
let ofWorkspace: Client;

beforeAll(async () => {
  running = await startArsia();
  acme = await createOrganization(running);
  ({ owner } = acme);
  identity = await owner.send('POST', '/managed-identities', {
    name: 'shared',
    group: acme.group,
    type: 'oidc',
    settings: { audience: 'https://shared.example' },
  });
  const vault = await owner.send('POST', '/groups', { name: 'vault', parent: 'acme' });
  elsewhere = await owner.send('POST', '/workspaces', { name: 'hidden', group: vault.path });
  alias = await owner.send('POST', `/managed-identities/${identity.id}/aliases`, { group: vault.path });
  for (const [workspace, principal] of [
    [acme.workspaceId, undefined],
    [acme.workspaceId, acme.user],
    [acme.otherWorkspaceId, undefined],
    [elsewhere.id, undefined],
  ])
    await owner.send('POST', `/workspaces/${workspace}/managed-identities`, {
      managed_identity: identity.id,
      principal,
    });
  viewer = (await createAccount(owner, acme.group, 'v', { namespace: acme.groupId, role: 'viewer' })).client;
  ofWorkspace = (await createAccount(owner, acme.group, 'w', { namespace: acme.workspaceId, role: 'viewer' })).client;
}, 60_000);

const uses = async (client = owner): Promise<Body[]> =>
  (await client.send('GET', `/managed-identities/${identity.id}/workspaces`)).items;

describe('the workspaces of an identity', () => {
  test('are listed with the principal of each assignment and the alias by which the identity reaches them', async () => {
    expect((await uses()).map((use) => [use.workspace, use.principal, use.alias])).toEqual([
      ['acme/lab/sim', null, null],
      ['acme/lab/sim', acme.user, null],
      ['acme/lab/reports', null, null],
      ['acme/vault/hidden', null, { id: alias.id, path: 'acme/vault/shared' }],
    ]);
  });

  test('are listed as far as the caller sees them, and pages tell of no others', async () => {
    const seen = await uses(viewer);
    expect(seen.map(({ workspace }) => workspace)).toEqual(['acme/lab/sim', 'acme/lab/sim', 'acme/lab/reports']);
    const page = await viewer.send('GET', `/managed-identities/${identity.id}/workspaces?limit=3`);
    expect([page.items.length, page.next_cursor]).toEqual([3, null]);
    expect(JSON.stringify(page)).not.toContain('vault');
  });

  test('have every assignment once over all pages', async () => {
    const all = (await uses()).map(({ assignment_id }) => assignment_id);
    const walked: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path = `/managed-identities/${identity.id}/workspaces?limit=1${cursor && `&cursor=${cursor}`}`;
      const page: Body = await owner.send('GET', path);
      walked.push(...page.items.map((use: Body) => use.assignment_id));
      cursor = page.next_cursor;
    }
    expect(walked).toEqual(all);
  });
});

test('the masks of a group and of a workspace are listed, each its own', async () => {
  const inner = await owner.send('POST', '/groups', { name: 'inner', parent: acme.group });
  const workspace = await owner.send('POST', '/workspaces', { name: 'w', group: inner.path });
  await owner.send('POST', `/groups/${inner.id}/masks`, { managed_identity: identity.id });
  const { items } = await owner.send('GET', `/groups/${inner.id}/masks`);
  expect(items).toEqual([
    expect.objectContaining({
      namespace_id: inner.id,
      namespace: 'acme/lab/inner',
      identity_id: identity.id,
      managed_identity: 'acme/lab/shared',
    }),
  ]);
  expect((await owner.send('GET', `/workspaces/${workspace.id}/masks`)).items).toEqual([]);
  await owner.send('POST', `/workspaces/${workspace.id}/masks`, { managed_identity: identity.id });
  expect((await owner.send('GET', `/workspaces/${workspace.id}/masks?limit=1`)).items).toHaveLength(1);
  expect((await ofWorkspace.ask('GET', `/groups/${inner.id}/masks`)).status).toBe(404);
});

describe('the effective identities', () => {
  const effective = async (query: string, client = owner): Promise<Body> =>
    (await client.send('GET', `/workspaces/${acme.workspaceId}/effective-identities?${query}`)).items[0];

  test('say that the user may not run jobs there, in the words of the mint', async () => {
    const user = await owner.send('POST', '/users', { login: 'eve@acme.example' });
    const role = await owner.send('POST', '/memberships', {
      namespace: acme.workspaceId,
      principal: user.id,
      role: 'viewer',
    });
    const refusal = { code: 'user_lacks_role', detail: 'eve@acme.example may not run jobs in acme/lab/sim.' };
    expect((await effective('user=eve@acme.example')).refusal).toEqual(refusal);
    await owner.send('PATCH', `/memberships/${role.id}`, { role: 'deployer' });
    expect((await effective('user=eve@acme.example')).refusal).toBeNull();
    await owner.send('PATCH', `/users/${user.id}`, { is_active: false });
    expect((await effective('user=eve@acme.example')).refusal.code).toBe('user_inactive');
    expect((await effective('')).refusal).toBeNull();
  });

  test('name the access rule that refuses, as the mint does', async () => {
    const rule = await owner.send('POST', `/managed-identities/${identity.id}/access-rules`, {
      kind: 'stage',
      values: ['run'],
    });
    const { refusal } = await effective(`user=${acme.user}`);
    expect(refusal).toMatchObject({ code: 'access_rule_refused', condition: rule.id });
    expect((await effective(`user=${acme.user}&stage=run`)).refusal).toBeNull();
    const job = await startJob(acme, { stage: 'other' });
    const minted = await job.client.ask('POST', '/tokens', { managed_identity: identity.id });
    const { refusal: shown } = await effective(`user=${acme.user}&stage=other`);
    expect([minted.body.code, minted.body.detail]).toEqual([shown.code, shown.detail]);
  });

  test('keep the rule from a member of the workspace who may not see the rules', async () => {
    const { refusal } = await effective(`user=${acme.user}`, ofWorkspace);
    expect(refusal).toEqual({
      code: 'access_rule_refused',
      detail: 'The access rules of acme/lab/shared refuse this job.',
    });
  });
});
