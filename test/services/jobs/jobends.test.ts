import { beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../../src/database/database.ts';
import { endOverdueJobs } from '../../../src/services/jobs/overdue.ts';
import { createAuditStore } from '../../../src/store/audit/events.ts';
import { auditKeys } from '../../store/events.ts';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import type { Body } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import {
  createAccount,
  createOrganization,
  type Job,
  type Organization,
  startJob,
} from '../../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let jobs: string;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  jobs = `/workspaces/${acme.workspaceId}/jobs`;
}, 60_000);

describe('the record of a job that was refused names the user for whom it was asked', () => {
  const refusals: [
    string,
    () => Promise<{ client: Organization['launcher']; body: Body; status: number; code: string }>,
  ][] = [
    [
      'a launcher without a right to act',
      async () => {
        const { client } = await createAccount(acme.owner, acme.group, 'without');
        return { client, body: { user: acme.user, stage: 'run' }, status: 404, code: 'not_found' };
      },
    ],
    [
      'labels beyond the right to act',
      async () => ({
        client: acme.launcher,
        body: { user: acme.user, stage: 'run', labels: { other: 'x' } },
        status: 403,
        code: 'forbidden',
      }),
    ],
    [
      'a person who starts it for somebody else',
      async () => ({ client: acme.owner, body: { user: acme.user }, status: 403, code: 'forbidden' }),
    ],
  ];
  test.each(refusals)('%s', async (_name, arrange) => {
    const { client, body, ...expected } = await arrange();
    const { record } = await oracle.refuses(() => client.ask('POST', jobs, body), { ...expected, action: 'job.start' });
    expect(record.user_id).toBe(acme.userId);
  });
});

test('the record of a refused start has what was asked for, that of an array task its parent and user', async () => {
  const body = { user: acme.user, stage: 'run', labels: { other: 'x' }, reference: 'run 7/c' };
  const refused = { status: 403, code: 'forbidden', action: 'job.start' };
  const { record } = await oracle.refuses(() => acme.launcher.ask('POST', jobs, body), refused);
  expect(record.detail).toMatchObject({ stage: 'run', labels: { other: 'x' }, reference: 'run 7/c' });
  const parent = await startJob(acme);
  const task = { parent: parent.id, task_index: 3 };
  await acme.launcher.send('POST', jobs, task);
  const [started] = await oracle.execute(`SELECT detail FROM audit_events WHERE detail->>'parent' = $1`, [parent.id]);
  expect(started!.detail).toMatchObject(task);
  const twice = { status: 409, code: 'conflict', action: 'job.start' };
  const { record: second } = await oracle.refuses(() => acme.launcher.ask('POST', jobs, task), twice);
  expect(second).toMatchObject({ user_id: acme.userId, detail: task });
});

test('the record of an invalid body names the members of the schema that are wrong, and no text of the caller', async () => {
  const body = { user: 7, stage: 'run', arsia_secret: 'x' };
  const { record } = await oracle.refuses(() => acme.launcher.ask('POST', jobs, body), {
    status: 400,
    code: 'invalid_request',
    action: 'job.start',
  });
  expect(record.detail).toEqual({ reason: 'The body is not valid.', members: ['user'] });
});

test('the organisation finds the refusal of the token of a job that has ended', async () => {
  const job = await startJob(acme);
  await acme.owner.send('PATCH', job.path, { state: 'ended' });
  const refused = { status: 401, code: 'job_ended', action: 'caller.authenticate' };
  await oracle.refuses(() => job.client.ask('GET', job.path), refused);
  const { items } = await acme.owner.send('GET', `/audit-events?action=caller.authenticate&job=${job.id}`);
  const named = { actor_id: null, user_id: acme.userId, workspace_id: acme.workspaceId, target_id: job.id };
  expect(items).toMatchObject([{ code: 'job_ended', ...named }]);
});

describe('a job that has ended says why', () => {
  const detailOf = async ({ client, path }: Job) => {
    const { answer } = await oracle.refuses(() => client.ask('GET', path), { status: 401, code: 'job_ended' });
    return answer.body.detail;
  };
  const read = ({ path }: Job) => acme.owner.send('GET', path);

  test('ended by somebody, by itself, or with its parent', async () => {
    const [one, two] = [await startJob(acme), await startJob(acme)];
    const task = await startJob(acme, { parent: one.id, task_index: 1 });
    expect((await read(one)).ended_by).toBeNull();
    await acme.owner.send('PATCH', one.path, { state: 'ended' });
    await two.client.send('PATCH', two.path, { state: 'ended' });
    expect(await detailOf(one)).toBe(`Job ${one.id} was ended by ${acme.ownerId}.`);
    expect(await detailOf(two)).toBe(`Job ${two.id} has ended: it ended itself.`);
    expect(await detailOf(task)).toBe(`Job ${task.id} ended with the job whose array task it was.`);
    const ends = [await read(one), await read(two), await read(task)].map(({ ended_by }) => ended_by);
    expect(ends).toEqual([acme.ownerId, two.id, 'parent']);
  });

  test('at its deadline or for lack of a heartbeat, before and after the server has stored the end', async () => {
    const late = await startJob(acme, { deadline: 120 });
    const silent = await startJob(acme, { deadline: 86_400, heartbeat: 60 });
    const task = await startJob(acme, { parent: silent.id, task_index: 1 });
    running.clock.advance(121_000);
    const ended = [
      [late, 'deadline', `Job ${late.id} ended at its deadline.`],
      [silent, 'heartbeat', `Job ${silent.id} ended because its heartbeat did not come in time.`],
      [task, 'parent', `Job ${task.id} ended with the job whose array task it was.`],
    ] as const;
    for (const [job, reason, detail] of ended) {
      expect(await read(job)).toMatchObject({ state: 'ended', ended_by: reason });
      const { status, body } = await acme.launcher.ask('POST', `${job.path}/heartbeat`);
      expect([status, body.code, body.detail]).toEqual([401, 'job_ended', detail]);
    }
    const database = await openDatabase({ url: running.home.urls!.application });
    await endOverdueJobs({ database, audit: createAuditStore(database, auditKeys), clock: running.clock });
    await database.close();
    for (const [job, reason, detail] of ended) {
      expect(await read(job)).toMatchObject({ state: 'ended', ended_by: reason });
      expect(await detailOf(job)).toBe(detail);
      const [event] = await oracle.execute(
        `SELECT detail FROM audit_events WHERE action = 'job.expire' AND job_id = $1`,
        [job.id],
      );
      expect(event).toEqual({ detail: { ended_by: reason } });
    }
  });
});
