import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Body, type Client, createClient } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createAccount, createOrganization, type Organization } from '../../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let owner: Client;
let jobs: string;
let identity: string;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  ({ owner } = acme);
  jobs = `/workspaces/${acme.workspaceId}/jobs`;
  const body = { name: 'api', group: acme.group, type: 'oidc', settings: { audience: 'https://api.example' } };
  identity = (await owner.send('POST', '/managed-identities', { ...body, delivery: 'both' })).id;
  await owner.send('POST', `/workspaces/${acme.workspaceId}/managed-identities`, { managed_identity: identity });
}, 60_000);

let made = 0;

/** Creates a launcher with one right to act for everyone in the group. */
async function makeLauncher(more: Body = {}) {
  const { id, client } = await createAccount(owner, acme.group, `launcher${++made}`);
  const path = `/service-accounts/${id}/may-act`;
  const right = await owner.send('POST', path, { namespace: acme.group, users: ['*'], ...more });
  const start = (body: Body) => client.ask('POST', jobs, { user: acme.user, stage: 'run', ...body });
  return { id, right, path: `${path}/${right.id}`, start };
}

describe('the labels of a right to act', () => {
  test('refuse every label where the right lists none, and the refusal names the label', async () => {
    const { start } = await makeLauncher();
    const { answer } = await oracle.refuses(() => start({ labels: { env: 'prod' } }), {
      status: 403,
      code: 'forbidden',
    });
    expect(answer.body.detail).toBe(
      `This service account may act for ${acme.user} in ${acme.workspace}, but not with the label env, which its right does not list.`,
    );
    expect(answer.body.advice).toContain('PATCH /api/v1/service-accounts/{id}/may-act/{right}');
    expect(answer.body.errors).toEqual([{ pointer: '/labels/env', detail: 'is not listed by the right to act' }]);
    expect((await start({})).status).toBe(201);
  });

  test('allow every label by a star, and restrict those that they list', async () => {
    const { right, start } = await makeLauncher({ labels: { '*': '*', env: 'dev-*' } });
    expect(right.labels).toEqual({ '*': '*', env: 'dev-*' });
    expect((await start({ labels: { env: 'dev-1', team: 'any', branch: 'x' } })).status).toBe(201);
    const { answer } = await oracle.refuses(() => start({ labels: { team: 'any', env: 'prod' } }), {
      status: 403,
      code: 'forbidden',
    });
    expect(answer.body.errors).toEqual([{ pointer: '/labels/env', detail: 'must match "dev-*"' }]);
  });

  test('of a job itself never have the key star', async () => {
    const { start } = await makeLauncher({ labels: { '*': '*' } });
    await oracle.refuses(() => start({ labels: { '*': 'x' } }), { status: 400, code: 'invalid_request' });
  });

  test('have keys that are names or a star', async () => {
    const { path } = await makeLauncher();
    for (const key of ['a*', '**', 'A', '']) {
      const change = () => owner.ask('PATCH', path, { labels: { [key]: '*' } });
      await oracle.refuses(change, { status: 400, code: 'invalid_request' });
    }
  });
});

describe('a change of a right to act', () => {
  test('applies from the next request on, to running jobs too, and keeps what it does not name', async () => {
    const { right, path, start } = await makeLauncher({ stages: ['run'], labels: { env: '*' } });
    const { body: job } = await start({ labels: { env: 'prod' } });
    const mint = () =>
      createClient(running.issuer, job.job_token).ask('POST', '/tokens', { managed_identity: identity });
    expect((await mint()).status).toBe(200);
    const changed = await owner.send('PATCH', path, { labels: { env: 'dev-*' } });
    expect(changed).toEqual({ ...right, labels: { env: 'dev-*' }, version: 2 });
    const refused = await mint();
    expect(refused.body).toMatchObject({ code: 'launcher_may_not_act' });
    expect(refused.body.detail).toContain('label env, which must match "dev-*"');
    await owner.send('PATCH', path, { labels: { '*': '*' } });
    expect((await mint()).status).toBe(200);
    await owner.send('PATCH', path, { stages: ['plan'], users: [acme.user] });
    expect((await mint()).body.detail).toContain('but not with the stage run');
    const { items } = await owner.send('GET', `/service-accounts/${right.service_account_id}/may-act`);
    expect(items).toMatchObject([{ users: [acme.userId], stages: ['plan'], labels: { '*': '*' }, version: 4 }]);
  });

  test('is recorded with the values before and after', async () => {
    const { right, path } = await makeLauncher();
    await owner.send('PATCH', path, { labels: { '*': '*' } });
    const { items } = await owner.send('GET', '/audit-events?action=may_act.update&limit=200');
    expect(items.find(({ detail }: Body) => detail.may_act_id === right.id).detail).toMatchObject({
      namespace: acme.group,
      before: { labels: {} },
      labels: { '*': '*' },
    });
  });

  test('to a user of nobody, or to no user, is refused', async () => {
    const { path } = await makeLauncher();
    await oracle.refuses(() => owner.ask('PATCH', path, { users: [] }), { status: 400, code: 'invalid_request' });
    await oracle.refuses(() => owner.ask('PATCH', path, { users: ['nobody'] }), { status: 404, code: 'not_found' });
    await oracle.refuses(() => owner.ask('PATCH', path, { namespace: acme.group }), {
      status: 400,
      code: 'invalid_request',
    });
  });
});
