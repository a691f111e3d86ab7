import { beforeAll, describe, expect, test } from '@jest/globals';
import { memberships } from '../../src/entities/memberships.ts';
import { addNames } from '../../src/http/kernel/names.ts';
import type { Api, Route } from '../../src/http/route.ts';
import type { Call } from '../../src/services/pipeline/action.ts';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Body, Client } from '../support/client.ts';
import {
  type Account,
  createAccount,
  createIdentity,
  createOrganization,
  type Organization,
  startJob,
} from '../support/organization.ts';

/** Answers name what they show by id: logins, names of teams, paths. */
let running: RunningArsia;
let acme: Organization;
let owner: Client;
/** A service account in a group that only the owners of the organisation see. */
let hidden: Account;
let viewer: Client;

beforeAll(async () => {
  running = await startArsia();
  acme = await createOrganization(running);
  ({ owner } = acme);
  await owner.send('POST', '/groups', { name: 'vault', parent: 'acme' });
  hidden = await createAccount(owner, 'acme/vault', 'hidden', { namespace: acme.workspaceId, role: 'viewer' });
  viewer = (await createAccount(owner, acme.group, 'viewer', { namespace: acme.groupId, role: 'viewer' })).client;
  await owner.send('POST', '/teams', { name: 'ops' });
}, 60_000);

const onlyItem = async (client: Client, path: string): Promise<Body> => (await client.send('GET', path)).items[0];

describe('an answer', () => {
  test('names the principal and the namespace of a membership', async () => {
    const made = await owner.send('POST', '/memberships', {
      namespace: acme.groupId,
      principal: acme.userId,
      role: 'viewer',
    });
    expect(made).toMatchObject({ namespace: 'acme/lab', principal: acme.user, principal_id: acme.userId });
    const changed = await owner.send('PATCH', `/memberships/${made.id}`, { role: 'deployer' });
    expect(changed).toMatchObject({ namespace: 'acme/lab', principal: acme.user, role: 'deployer' });
    const { items } = await owner.send('GET', `/memberships?namespace=${acme.workspaceId}`);
    expect(items.map((one: Body) => [one.namespace, one.principal])).toEqual(
      expect.arrayContaining([
        ['acme/lab/sim', acme.user],
        ['acme/lab/sim', 'acme/vault/hidden'],
      ]),
    );
  });

  test('names workspace, user, launcher and starter of a job', async () => {
    const { id } = await startJob(acme);
    const named = {
      workspace: 'acme/lab/sim',
      user: acme.user,
      launcher: 'acme/lab/launcher',
      starter: 'acme/lab/launcher',
    };
    expect(await owner.send('GET', `/workspaces/${acme.workspaceId}/jobs/${id}`)).toMatchObject({ id, ...named });
    expect(await onlyItem(owner, `/workspaces/${acme.workspaceId}/jobs?limit=1`)).toMatchObject(named);
  });

  test('names who ended a job', async () => {
    const { path } = await startJob(acme);
    await owner.send('PATCH', path, { state: 'ended' });
    expect(await owner.send('GET', path)).toMatchObject({ ended_by: acme.ownerId, ender: 'acme.owner' });
  });

  test('of a heartbeat has ids only: it is frequent, and names cost reads', async () => {
    const job = await startJob(acme, { heartbeat: 60 });
    const answer = await job.client.send('POST', `${job.path}/heartbeat`);
    expect(answer).toMatchObject({ id: job.id, workspace_id: acme.workspaceId, user_id: acme.userId });
    for (const name of ['workspace', 'user', 'launcher', 'starter']) expect(answer).not.toHaveProperty(name);
  });

  test('tells a job its own user and workspace, and no other name', async () => {
    const job = await startJob(acme);
    const answer = await job.client.send('GET', `/workspaces/${acme.workspaceId}/jobs/${job.id}`);
    expect(answer).toMatchObject({ workspace: 'acme/lab/sim', user: acme.user, launcher: null, starter: null });
  });

  test('names what an assignment, a use grant, a subject grant, a right to act, an alias and a mask are about', async () => {
    const settings = { audience: 'https://names.example' };
    const ops = (await owner.send('GET', '/teams/ops')).id;
    const made = await createIdentity(acme, { name: 'named', type: 'oidc', subject_scope: 'user', settings });
    const path = `/managed-identities/${made.id}`;
    const assigned = await owner.send('POST', `/workspaces/${acme.otherWorkspaceId}/managed-identities`, {
      managed_identity: made.id,
      principal: ops,
    });
    expect(assigned).toMatchObject({ principal_id: ops, principal: 'ops' });
    expect(await onlyItem(owner, `/workspaces/${acme.workspaceId}/managed-identities`)).toMatchObject({
      principal: null,
    });
    await owner.send('POST', `${path}/grants`, { principal: acme.launcherId });
    expect(await onlyItem(owner, `${path}/grants`)).toMatchObject({
      managed_identity: 'acme/lab/named',
      principal: 'acme/lab/launcher',
    });
    await owner.send('POST', `${path}/subject-grants`, { launcher: acme.launcherId, namespace: 'acme/lab' });
    expect(await onlyItem(owner, `${path}/subject-grants`)).toMatchObject({
      launcher: 'acme/lab/launcher',
      namespace: 'acme/lab',
    });
    const right = { namespace: 'acme/lab', users: [ops, acme.userId, '*', acme.launcherId] };
    expect(await owner.send('POST', `/service-accounts/${acme.launcherId}/may-act`, right)).toMatchObject({
      service_account: 'acme/lab/launcher',
      namespace: 'acme/lab',
      user_names: { [ops]: 'ops', [acme.userId]: acme.user, [acme.launcherId]: 'acme/lab/launcher' },
    });
    const rule = { kind: 'user', values: [acme.userId] };
    expect(await owner.send('POST', `${path}/access-rules`, rule)).toMatchObject({
      managed_identity: 'acme/lab/named',
      value_names: { [acme.userId]: acme.user },
    });
    expect(await owner.send('POST', `${path}/aliases`, { group: 'acme/vault' })).toMatchObject({
      managed_identity: 'acme/lab/named',
      group: 'acme/vault',
    });
    await owner.send('POST', `/workspaces/${acme.workspaceId}/masks?force=true`, { managed_identity: made.id });
    expect(await onlyItem(owner, `${path}/masks`)).toMatchObject({
      namespace: 'acme/lab/sim',
      managed_identity: 'acme/lab/named',
    });
  });

  test('names actor, user, workspace, identity and target of an audit event', async () => {
    const event = await onlyItem(owner, '/audit-events?action=job.start');
    expect(event).toMatchObject({
      actor: 'acme/lab/launcher',
      user: acme.user,
      workspace: 'acme/lab/sim',
      identity: null,
    });
    const created = await onlyItem(owner, '/audit-events?action=service_account.create');
    expect(created).toMatchObject({ actor: 'acme.owner', target: 'acme/lab/viewer' });
  });

  test('names the group and the path of a service account', async () => {
    const found = await owner.send('GET', `/service-accounts/${acme.launcherId}`);
    expect(found).toMatchObject({ group: 'acme/lab', path: 'acme/lab/launcher' });
  });

  test('names what the caller may not see as little as what does not exist', async () => {
    const { items } = await viewer.send('GET', `/memberships?namespace=${acme.workspaceId}`);
    const shown = items.find((one: Body) => one.principal_id === hidden.id);
    expect(shown).toMatchObject({ principal: null, namespace: 'acme/lab/sim' });
    expect(JSON.stringify(items)).not.toContain('vault');
  });

  test('tells a launcher without a role no login of another', async () => {
    const { id } = await startJob(acme);
    const own = await acme.launcher.send('GET', `/workspaces/${acme.workspaceId}/jobs/${id}`);
    expect(own).toMatchObject({ user_id: acme.userId, user: null, workspace: null, launcher: 'acme/lab/launcher' });
  });

  test('is the same for a request that repeats its Idempotency-Key, with the names of now', async () => {
    const body = { namespace: acme.groupId, principal: 'acme.owner', role: 'viewer' };
    const headers = { 'idempotency-key': 'names' };
    const first = await owner.ask('POST', '/memberships', body, headers);
    const again = await owner.ask('POST', '/memberships', body, headers);
    expect([first.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect(again.body).toEqual(first.body);
    expect(again.body.principal).toBe('acme.owner');
  });
});

test('the answer of a change has no names where they cannot be read; a read is refused', async () => {
  const pipeline = { perform: () => Promise.reject(new Error('the database is away')) };
  const api = { pipeline, actions: { names: {} } } as unknown as Api;
  const add = (method: string) => {
    const row = { id: 'mbr_1', namespace_id: 'grp_1', principal_id: 'usr_1' };
    return addNames(api, {} as Call, { method, response: memberships.answer } as unknown as Route, row);
  };
  expect(await add('POST')).toMatchObject({ id: 'mbr_1', namespace: null, principal: null });
  await expect(add('GET')).rejects.toThrow('the database is away');
});
