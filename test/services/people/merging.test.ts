import { beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type RunningArsia, type Spawned, settingsOf, spawnArsia, startArsia } from '../../support/arsia.ts';
import { type Answer, type Body, type Client, createClient } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createIdentity, createOrganization, type Organization, startJob } from '../../support/organization.ts';
import { rounds } from '../../support/rounds.ts';

/** Merges and deletions of users while something else changes or mints, on two replicas. */
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
  await createIdentity(acme, { name: 'api', type: 'oidc', settings: { audience: 'https://api.example' } });
}, 90_000);

const times = rounds(6, 100);

const makeUser = async (): Promise<Body> => {
  const user = await acme.owner.send('POST', '/users', { login: `m${++count}` });
  await acme.owner.send('POST', '/memberships', { namespace: acme.workspaceId, principal: user.id, role: 'deployer' });
  return user;
};
const merge = (client: Client, from: Body, into: Body) =>
  client.ask('POST', `/users/${from.id}/merge`, { into: into.id });

/** Sends both at once. The loser is refused, or told to come again. */
async function both(one: Promise<Answer>, other: Promise<Answer>): Promise<[Answer, Answer]> {
  const answers = await Promise.all([one, other]);
  for (const { status, text } of answers)
    expect([[200, 201, 204, 400, 403, 404, 409, 503].includes(status), text]).toEqual([true, text]);
  return answers;
}

/** Expects that no deleted user has or runs anything, and that a merged one names a user who exists. */
async function expectNothingOfTheDeleted(): Promise<void> {
  const deleted = 'SELECT id FROM users WHERE deleted_at IS NOT NULL';
  const left = await oracle.execute(`
    SELECT 'membership' AS what, principal_id AS id FROM memberships WHERE principal_id IN (${deleted})
    UNION ALL SELECT 'team', user_id FROM team_members WHERE user_id IN (${deleted})
    UNION ALL SELECT 'grant', principal_id FROM use_grants WHERE principal_id IN (${deleted})
    UNION ALL SELECT 'job', id FROM jobs WHERE user_id IN (${deleted}) AND ended_at IS NULL
    UNION ALL SELECT 'user', id FROM users WHERE merged_into IN (SELECT id FROM users WHERE merged_into IS NOT NULL)`);
  expect(left).toEqual([]);
}

describe.each([
  ['merged', (user: Body, other: Body) => merge(owners[0], user, other)],
  ['deleted', (user: Body) => owners[0].ask('DELETE', `/users/${user.id}`)],
] as const)('a user who is %s meanwhile', (how, end) => {
  test.each([
    [
      'a job starts for them',
      (user: Body) =>
        acme.launcher.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, { user: user.id, stage: 'run' }),
    ],
    [
      'they get a role',
      (user: Body) =>
        owners[1].ask('POST', '/memberships', { namespace: acme.group, principal: user.id, role: 'viewer' }),
    ],
    ['they join a team', (user: Body) => owners[1].ask('POST', `/teams/team-${how}/members`, { user: user.id })],
    ['they are renamed', (user: Body) => owners[1].ask('PATCH', `/users/${user.id}`, { login: `renamed${++count}` })],
  ])('has nothing left: %s', async (_what, change) => {
    await acme.owner.ask('POST', '/teams', { name: `team-${how}` });
    for (let round = 0; round < times; round++) {
      const [user, other] = [await makeUser(), await makeUser()];
      const [ended] = await both(end(user, other), change(user));
      if (ended.status === 503) expect((await end(user, other)).status).toBeLessThan(300);
      await expectNothingOfTheDeleted();
    }
  });
});

test('of two users who are merged into each other one remains', async () => {
  for (let round = 0; round < times; round++) {
    const [one, other] = [await makeUser(), await makeUser()];
    const answers = await both(merge(owners[0], one, other), merge(owners[1], other, one));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    await expectNothingOfTheDeleted();
  }
});

test('every token of a job whose user is merged meanwhile has its record, and none comes after the answer', async () => {
  const launcher = createClient(replicas[1].origin, acme.launcher.token);
  for (let round = 0; round < rounds(3, 50); round++) {
    const [from, into] = [await makeUser(), await makeUser()];
    const job = await startJob({ ...acme, launcher }, { user: from.id });
    let isMerged = false;
    const tokens: Body[] = [];
    const late: number[] = [];
    const mints = replicas.flatMap(({ origin }) =>
      Array.from({ length: 4 }, async () => {
        const client = createClient(origin, job.token);
        for (let isOver = false; !isOver; ) {
          const beganLate = isMerged;
          const { status, body } = await client.ask('POST', '/tokens', { managed_identity: 'oidc' });
          if (status === 200) tokens.push(body);
          if (status === 200 && beganLate) late.push(status);
          isOver = status === 401;
        }
      }),
    );
    expect((await merge(owners[0], from, into)).status).toBe(200);
    isMerged = true;
    await Promise.all(mints);
    expect(late).toEqual([]);
    const ids = tokens.map(({ jti }) => jti);
    const records = await oracle.execute(
      `SELECT id FROM audit_events WHERE id = ANY ($1) AND action = 'token.mint' AND outcome = 'success' AND user_id = $2`,
      [ids, from.id],
    );
    expect(records).toHaveLength(ids.length);
  }
}, 60_000);

describe('arsia serve, killed in the middle of a merge', () => {
  let replica: Spawned;
  let killed: Client;

  beforeAll(async () => {
    const { home, settings, issuer } = replicas[0];
    const own = await settingsOf(home, { issuer });
    replica = spawnArsia(['serve'], { settings: { ...settings, ...own.settings }, cwd: home.folder });
    await replica.ready(own.origin);
    killed = createClient(own.origin, acme.owner.token);
  }, 60_000);

  test('F1: everything or nothing is moved, and the same merge succeeds afterwards', async () => {
    const [from, into] = [await makeUser(), await makeUser()];
    const job = await startJob(acme, { user: from.id });
    const rule = { namespace: acme.group, users: [from.id] };
    await acme.owner.send('POST', `/service-accounts/${acme.launcherId}/may-act`, rule);
    const before = await oracle.snapshot();
    // Rights to act move after the memberships: the merge waits for this lock with half of its work done.
    const lock = new pg.Client({ connectionString: replicas[0].home.urls!.admin });
    lock.on('error', () => {});
    await lock.connect();
    await lock.query('BEGIN; LOCK TABLE may_act IN EXCLUSIVE MODE');
    const answer = merge(killed, from, into).catch(() => 'nothing');
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE "may_act"%'`;
    while ((await oracle.execute(waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    replica.child.kill('SIGKILL');
    await replica.exited;
    await lock.query('ROLLBACK');
    await lock.end();
    expect(await answer).toBe('nothing');
    const backends = `SELECT FROM pg_stat_activity WHERE query LIKE 'UPDATE "may_act"%' AND state <> 'idle'`;
    while ((await oracle.execute(backends)).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await oracle.snapshot()).toEqual(before);
    const merges = () =>
      oracle.execute(`SELECT id FROM audit_events WHERE action = 'user.merge' AND user_id = $1`, [from.id]);
    expect(await merges()).toEqual([]);
    expect((await job.client.ask('POST', '/tokens', { managed_identity: 'oidc' })).status).toBe(200);
    expect((await merge(owners[1], from, into)).status).toBe(200);
    expect(await merges()).toHaveLength(1);
    await expectNothingOfTheDeleted();
  }, 60_000);
});
