import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Body, type Client, createClient, postForm } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import {
  type Account,
  createAccount,
  createIdentity,
  createOrganization,
  type Job,
  type Organization,
  startJob,
} from '../../support/organization.ts';
import { rounds } from '../../support/rounds.ts';

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let owner: Client;
let identity: string;
let count = 0;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  ({ owner } = acme);
  const settings = { audience: 'https://x.example' };
  identity = (await createIdentity(acme, { name: 'i', type: 'oidc', subject_scope: 'user', settings })).id;
  await owner.send('POST', '/groups', { name: 'vault', parent: 'acme' });
}, 60_000);

const conflict = { status: 409, code: 'conflict', action: 'service_account.delete' };
const make = (group = acme.group): Promise<Account> => createAccount(owner, group, `robot${++count}`);
const remove = (id: string, client = owner) => client.ask('DELETE', `/service-accounts/${id}?force=true`);

/** A launcher with one of everything that a service account can be given, and a running job. */
async function laden(group?: string): Promise<{ account: Account; path: string; job: Job }> {
  const account = await make(group);
  const { id } = account;
  await owner.send('POST', '/memberships', { namespace: acme.workspaceId, principal: id, role: 'deployer' });
  await owner.send('POST', `/service-accounts/${id}/may-act`, { namespace: acme.group, users: ['*'] });
  await owner.send('POST', `/managed-identities/${identity}/grants`, { principal: id });
  await owner.send('POST', `/managed-identities/${identity}/subject-grants`, { launcher: id });
  await owner.send('POST', `/workspaces/${acme.otherWorkspaceId}/managed-identities`, {
    managed_identity: identity,
    principal: id,
  });
  await owner.send('POST', `/service-accounts/${id}/trust-rules`, {
    issuer: 'https://token.actions.githubusercontent.com',
    audience: 'arsia',
    conditions: [{ claim: 'repository', equals: 'acme/sim' }],
  });
  const job = await startJob({ ...acme, launcher: account.client });
  return { account, path: `${group ?? acme.group}/robot${count}`, job };
}

describe('deleting a service account', () => {
  test('is refused with what it was given, and changes nothing', async () => {
    const { account, path } = await laden();
    const { answer } = await oracle.refuses(() => owner.ask('DELETE', `/service-accounts/${account.id}`), conflict);
    expect(answer.body.detail).toBe(
      `The service account ${path} has identities of its own in acme/lab/reports, and may act for users in acme/lab, and ` +
        'has a role on acme/lab/sim, and has running jobs in acme/lab/sim, and may name users in tokens of acme/lab/i, and ' +
        'may use acme/lab/i.',
    );
    expect((await account.client.ask('GET', '/workspaces')).status).toBe(200);
  });

  test('with force ends its secrets, tokens, grants and running jobs at once', async () => {
    const { account, path, job } = await laden();
    const answer = await remove(account.id);
    expect(answer.status).toBe(204);
    const form = { grant_type: 'client_credentials', client_id: account.id, client_secret: account.secret };
    expect((await postForm(running.issuer, '/token', form)).body.error).toBe('invalid_client');
    expect((await account.client.ask('GET', '/workspaces')).status).toBe(401);
    expect((await job.client.ask('POST', '/tokens', { managed_identity: identity })).body.code).toBe('job_ended');
    const left = await oracle.execute(
      `SELECT 'memberships' FROM memberships WHERE principal_id = $1
       UNION ALL SELECT 'may_act' FROM may_act WHERE service_account_id = $1
       UNION ALL SELECT 'use_grants' FROM use_grants WHERE principal_id = $1
       UNION ALL SELECT 'subject_grants' FROM subject_grants WHERE launcher_id = $1
       UNION ALL SELECT 'assignments' FROM assignments WHERE principal_id = $1
       UNION ALL SELECT 'trust_rules' FROM service_account_trust_rules WHERE service_account_id = $1
       UNION ALL SELECT 'secrets' FROM service_account_secrets WHERE service_account_id = $1
       UNION ALL SELECT 'artifacts' FROM oidc_artifacts WHERE principal_id = $1
       UNION ALL SELECT 'jobs' FROM jobs WHERE launcher_id = $1 AND ended_at IS NULL`,
      [account.id],
    );
    expect(left).toEqual([]);
    const [record] = await oracle.recordsOf(answer);
    expect(record).toMatchObject({ action: 'service_account.delete', outcome: 'success', target_id: account.id });
    expect(record!.detail).toMatchObject({ path, force: true, ended_jobs: 1 });
    expect(record!.detail.held).toContain('role acme/lab/sim');
  });

  test('ends what another replica has kept: no token comes after the answer', async () => {
    const replica = await startArsia({ home: running.home });
    for (let round = 0; round < rounds(2, 20); round++) {
      const { account, job } = await laden();
      const client = createClient(replica.origin, job.token);
      const mint = () => client.ask('POST', '/tokens', { managed_identity: identity });
      for (let times = 0; times < 3; times++) expect((await mint()).status).toBe(200);
      let isOver = false;
      const late: boolean[] = [];
      const mints = Array.from({ length: 4 }, async () => {
        for (let wasOver = false; !wasOver; ) {
          wasOver = isOver;
          if ((await mint()).status === 200) late.push(wasOver);
        }
      });
      expect((await remove(account.id)).status).toBe(204);
      isOver = true;
      await Promise.all(mints);
      expect(late).not.toContain(true);
    }
  }, 60_000);

  test('needs no force for one that was given nothing, though it has secrets', async () => {
    const { id } = await make();
    expect((await owner.ask('DELETE', `/service-accounts/${id}`)).status).toBe(204);
    expect((await owner.ask('GET', `/service-accounts/${id}`)).status).toBe(404);
    expect((await owner.ask('DELETE', `/service-accounts/${id}`)).status).toBe(404);
    const { items } = await owner.send('GET', '/service-accounts?limit=200');
    expect(items.map((one: Body) => one.id)).not.toContain(id);
  });

  test('leaves a tombstone: its jobs and the audit say who it was, and its name is free', async () => {
    const { account, path, job } = await laden();
    await remove(account.id);
    const again = await owner.send('POST', '/service-accounts', { group: acme.group, name: path.split('/').at(-1) });
    expect(again.id).not.toBe(account.id);
    expect(await owner.send('GET', `/service-accounts/${path.replaceAll('/', '%2F')}`)).toMatchObject({ id: again.id });
    const shown = await owner.send('GET', `/workspaces/${acme.workspaceId}/jobs/${job.id}`);
    expect(shown).toMatchObject({ launcher_id: account.id, launcher: path, state: 'ended' });
    const { items } = await owner.send('GET', `/audit-events?actor=${account.id}&action=job.start`);
    expect(items[0]).toMatchObject({ actor_id: account.id, actor: path });
  });

  test('leaves a tombstone that outlives its group, which counts as empty, with the jobs elsewhere', async () => {
    const group = await owner.send('POST', '/groups', { name: `gone${count}`, parent: 'acme' });
    const { account, path, job } = await laden(group.path);
    await remove(account.id);
    expect((await owner.ask('DELETE', `/groups/${group.id}`)).status).toBe(204);
    const shown = await owner.send('GET', `/workspaces/${acme.workspaceId}/jobs/${job.id}`);
    expect(shown).toMatchObject({ launcher_id: account.id, launcher: path });
  });

  test('needs no name that another account can have', async () => {
    const [first, second] = [await make(), await make()];
    const squat = (name: string) => owner.ask('POST', '/service-accounts', { name, group: acme.group });
    expect((await squat(first.id)).status).toBe(201);
    expect((await remove(first.id)).status).toBe(204);
    expect((await remove(second.id)).status).toBe(204);
    expect((await squat(second.id)).status).toBe(201);
  });

  test('cannot be undone, not even by a replica of the release before', async () => {
    const { id } = await make();
    await remove(id);
    await expect(oracle.execute('UPDATE service_accounts SET is_active = true WHERE id = $1', [id])).rejects.toThrow(
      'service_accounts_deleted_are_inactive',
    );
  });

  test('names no place that its owner may not see', async () => {
    const mine = await createAccount(owner, 'acme', `mine${count}`, { namespace: acme.groupId, role: 'owner' });
    const { id } = await make();
    await owner.send('POST', '/memberships', { namespace: 'acme/vault', principal: id, role: 'viewer' });
    const only = await oracle.refuses(() => mine.client.ask('DELETE', `/service-accounts/${id}`), conflict);
    expect(only.answer.body.detail).toMatch(/has more in places that you may not see\.$/);
    expect(only.answer.text).not.toContain('vault');
  });

  test('gives its place in the quota back', async () => {
    await remove((await make()).id);
    // A replica that has counted nothing yet.
    const { origin } = await startArsia({ home: running.home });
    const there = createClient(origin, owner.token);
    const { quotas } = await there.send('GET', `/organizations/${acme.id}/quotas`);
    const { items } = await owner.send('GET', '/service-accounts?limit=200');
    expect(quotas.find(({ name }: Body) => name === 'service_accounts').used).toBe(items.length);
  });
});
