import { beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../../src/database/database.ts';
import { endOverdueJobs } from '../../../src/services/jobs/overdue.ts';
import { createAuditStore } from '../../../src/store/audit/events.ts';
import { auditKeys } from '../../store/events.ts';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Body, type Client, createClient } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createAccount, createOrganization, type Organization, startJob } from '../../support/organization.ts';

/** What a job may say of itself, since access rules believe it: stage, labels, and how long it lives. */
let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let owner: Client;
let jobs: string;
let identity: string;

const forbidden = { status: 403, code: 'forbidden', action: 'job.start' };

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

let count = 0;
const deployer = () =>
  createAccount(owner, acme.group, `deployer${++count}`, { namespace: acme.workspaceId, role: 'deployer' });
const mint = (token: string) =>
  createClient(running.issuer, token).ask('POST', '/tokens', { managed_identity: identity });
const allow = (account: string, users: string[], more: Body = {}) =>
  owner.send('POST', `/service-accounts/${account}/may-act`, { namespace: acme.group, users, ...more });

describe('stage and labels of a job', () => {
  test('have no labels when a person starts the job for themselves', async () => {
    await oracle.refuses(() => owner.ask('POST', jobs, { labels: { env: 'prod' } }), forbidden);
    expect((await owner.ask('POST', jobs, { labels: {} })).status).toBe(201);
  });

  test('need a right to act also when a service account runs the job for itself, at the start and at issue', async () => {
    const { id, client } = await deployer();
    const terms = { stage: 'apply', labels: { env: 'prod' } };
    for (const body of [terms, { stage: 'apply' }, { labels: { env: 'prod' } }])
      await oracle.refuses(() => client.ask('POST', jobs, body), forbidden);
    expect((await client.ask('POST', jobs, {})).status).toBe(201);
    // A right for others is none for itself.
    await allow(id, [acme.user], { stages: ['*'], labels: { env: '*' } });
    await oracle.refuses(() => client.ask('POST', jobs, terms), forbidden);
    const right = await allow(id, [id], { stages: ['apply'], labels: { env: 'prod' } });
    expect(right.users).toEqual([id]);
    await oracle.refuses(() => client.ask('POST', jobs, { ...terms, stage: 'destroy' }), forbidden);
    const job = await client.send('POST', jobs, terms);
    expect((await mint(job.job_token)).status).toBe(200);
    await owner.send('DELETE', `/service-accounts/${id}/may-act/${right.id}`);
    expect((await mint(job.job_token)).body).toMatchObject({ code: 'launcher_may_not_act' });
  });

  test('need a right of that service account, not of another one', async () => {
    const [one, other] = [await deployer(), await deployer()];
    const path = `/service-accounts/${one.id}/may-act`;
    await oracle.refuses(() => owner.ask('POST', path, { namespace: acme.group, users: [other.id] }), {
      status: 404,
      code: 'not_found',
    });
  });
});

test('a launcher acts for the users of a team, until they leave it', async () => {
  const { id, client } = await createAccount(owner, acme.group, 'for-teams');
  const { id: team } = await owner.send('POST', '/teams', { name: 'crew' });
  await owner.send('POST', '/teams/crew/members', { user: acme.userId });
  const start = () => client.ask('POST', jobs, { user: acme.user, stage: 'run' });
  await oracle.refuses(start, { status: 404, code: 'not_found' });
  expect((await allow(id, [team])).users).toEqual([team]);
  const { body } = await start();
  expect((await mint(body.job_token)).status).toBe(200);
  await owner.send('DELETE', `/teams/crew/members/${acme.userId}`);
  expect((await mint(body.job_token)).body).toMatchObject({ code: 'launcher_may_not_act' });
  await oracle.refuses(start, forbidden);
});

describe('array tasks', () => {
  test('live no longer than their deadline and that of their parent', async () => {
    const parent = await startJob(acme, { stage: 'array', deadline: 86_400 });
    const task = await acme.launcher.send('POST', jobs, { parent: parent.id, task_index: 1, deadline: 600 });
    const seconds = (Date.parse(task.deadline) - running.clock.now()) / 1000;
    expect(Math.abs(seconds - 600)).toBeLessThan(30);
  });

  test('end with a parent that missed its heartbeat', async () => {
    const parent = await startJob(acme, { stage: 'array', heartbeat: 60 });
    const task = await startJob(acme, { parent: parent.id, task_index: 1 });
    expect((await mint(task.token)).status).toBe(200);
    running.clock.advance(61_000);
    // Before the server wrote down that they ended, every read says so.
    expect((await mint(task.token)).body).toMatchObject({ code: 'job_ended' });
    for (const { id } of [parent, task])
      expect(await acme.launcher.send('GET', `${jobs}/${id}`)).toMatchObject({ state: 'ended' });
    const listed = (await owner.send('GET', `${jobs}?limit=200`)).items.filter(({ id }: Body) => id === task.id);
    expect(listed).toMatchObject([{ state: 'ended' }]);
    const database = await openDatabase({ url: running.home.urls!.application });
    // More than one transaction ends.
    await oracle.execute(
      `INSERT INTO jobs (id, organization_id, workspace_id, user_id, started_by, stage, labels, token_hash, deadline, created_at)
       SELECT 'job_' || n, organization_id, workspace_id, user_id, 'somebody', 'run', '{}', n::text::bytea, created_at, created_at
       FROM jobs, generate_series(1, 450) AS n WHERE id = $1`,
      [parent.id],
    );
    await endOverdueJobs({ database, audit: createAuditStore(database, auditKeys), clock: running.clock });
    await database.close();
    const [open] = await oracle.execute(
      `SELECT count(*)::int AS count FROM jobs WHERE ended_at IS NULL AND (id = ANY ($1) OR started_by = 'somebody')`,
      [[parent.id, task.id]],
    );
    expect(open).toEqual({ count: 0 });
    expect((await mint(task.token)).body).toMatchObject({ code: 'job_ended' });
  });
});

test('N20: a job reads nothing after its user lost the role or its launcher was deactivated', async () => {
  const { id, client } = await createAccount(owner, acme.group, 'seen');
  await allow(id, ['*'], { labels: { pipeline: '*' } });
  const { job_token, id: job } = await client.send('POST', jobs, { user: acme.user, stage: 'run' });
  const asJob = createClient(running.issuer, job_token);
  const paths = [`/workspaces/${acme.workspaceId}/managed-identities`, `${jobs}/${job}`];
  for (const path of paths) expect((await asJob.ask('GET', path)).status).toBe(200);
  const { items } = await owner.send('GET', `/memberships?namespace=${acme.workspaceId}`);
  const membership = items.find((row: Body) => row.principal_id === acme.userId);
  await owner.send('PATCH', `/memberships/${membership.id}`, { role: 'viewer' });
  const lost = { status: 403, code: 'user_lacks_role', action: 'caller.authenticate' };
  for (const path of paths) await oracle.refuses(() => asJob.ask('GET', path), lost);
  await owner.send('PATCH', `/memberships/${membership.id}`, { role: 'deployer' });
  await owner.send('PATCH', `/service-accounts/${id}`, { is_active: false });
  for (const path of paths) await oracle.refuses(() => asJob.ask('GET', path), { ...lost, code: 'launcher_inactive' });
});
