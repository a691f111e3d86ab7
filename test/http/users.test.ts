import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, type Client, createClient } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createOracle } from '../support/oracle.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Job,
  type Organization,
  startJob,
} from '../support/organization.ts';

const day = 86_400_000;

describe.each(servedKinds)('users on the %s database', (kind) => {
  let running: RunningArsia;
  let acme: Organization;
  let owner: Client;
  let count = 0;

  beforeAll(async () => {
    running = await startArsia({ home: await makeHome(kind), signIn: true });
    acme = await createOrganization(running);
    ({ owner } = acme);
    await createIdentity(acme, { name: 'api', type: 'oidc', settings: { audience: 'https://api.example' } });
  }, 90_000);

  const makeUser = async (name: string, role?: string, namespace = acme.workspaceId): Promise<Body> => {
    const user = await owner.send('POST', '/users', { login: `${name}-${++count}` });
    if (role !== undefined) await owner.send('POST', '/memberships', { namespace, principal: user.id, role });
    return user;
  };
  const itemsOf = async (path: string): Promise<Body[]> => (await owner.send('GET', path)).items;
  const eventsOf = (query: string) => itemsOf(`/audit-events?limit=200&${query}`);
  const mint = (job: Job) => job.client.ask('POST', '/tokens', { managed_identity: 'oidc' });
  const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Body;
  /** Signs a user in by a link for operators, and takes the right of an operator away. */
  const tokenOf = async ({ id }: Body): Promise<Client> => {
    const { token } = await running.arsia.operators.link(id);
    const { access_token } = await createClient(running.issuer).send('POST', '/admin-links/redeem', { token });
    return createClient(running.issuer, access_token);
  };

  describe('renamed', () => {
    test('keep their id, and the next token of a running job names the new login', async () => {
      const user = await makeUser('old', 'deployer');
      const job = await startJob(acme, { user: user.login });
      expect(claimsOf((await mint(job)).body.token)).toMatchObject({ user: user.login, user_id: user.id });
      const login = `${user.login}.new`;
      const renamed = await owner.send('PATCH', `/users/${user.id}`, { login });
      expect(renamed).toMatchObject({ id: user.id, login, version: user.version + 1 });
      expect(claimsOf((await mint(job)).body.token)).toMatchObject({ user: login, user_id: user.id });
      const [event] = await eventsOf(`action=user.update&user=${user.id}`);
      expect(event!.detail).toMatchObject({ login, former_login: user.login });
      expect((await owner.ask('GET', `/users/${user.login}`)).status).toBe(404);
    });

    test('leave a login that nobody else gets for 30 days, and that they may take back', async () => {
      const user = await makeUser('reserved');
      await owner.send('PATCH', `/users/${user.id}`, { login: `${user.login}.new` });
      const other = await makeUser('other');
      for (const answer of [
        await owner.ask('POST', '/users', { login: user.login }),
        await owner.ask('PATCH', `/users/${other.id}`, { login: user.login }),
      ])
        expect([answer.status, answer.body.errors[0].pointer, answer.body.detail]).toEqual([
          409,
          '/login',
          expect.stringContaining(`The login ${user.login} was that of ${user.id}, and is reserved until`),
        ]);
      await owner.send('PATCH', `/users/${user.id}`, { login: user.login });
      expect((await owner.send('GET', `/users/${user.login}`)).id).toBe(user.id);
    });

    if (kind === 'postgres')
      test('leave a login that is reserved for another user, whom a replica of the release before renamed', async () => {
        const [former, user] = [await makeUser('former'), await makeUser('user')];
        await owner.send('PATCH', `/users/${former.id}`, { login: `${former.login}.new` });
        const oracle = await createOracle(running);
        await oracle.execute('UPDATE users SET login = $1 WHERE id = $2', [former.login, user.id]);
        const answer = await owner.ask('PATCH', `/users/${user.id}`, { login: `${user.login}.new` });
        expect([answer.status, answer.body.login]).toEqual([200, `${user.login}.new`]);
        expect((await owner.ask('PATCH', `/users/${user.id}`, { login: former.login })).status).toBe(200);
      });

    test('do not get the login of another user, nor a form that is no login', async () => {
      const [user, other] = [await makeUser('one'), await makeUser('two')];
      const taken = await owner.ask('PATCH', `/users/${user.id}`, { login: other.login });
      expect([taken.status, taken.body.detail]).toEqual([
        409,
        `There is already a user with the login ${other.login}.`,
      ]);
      expect((await owner.ask('PATCH', `/users/${user.id}`, { login: 'Ada' })).status).toBe(400);
      expect((await owner.ask('PATCH', `/users/${user.id}`, { login: user.login })).status).toBe(200);
    });
  });

  describe('deleted', () => {
    test('end their jobs with the reason, their tokens, and what they were given', async () => {
      const user = await makeUser('gone', 'deployer');
      const team = await owner.send('POST', '/teams', { name: `gone-${count}` });
      await owner.send('POST', `/teams/${team.id}/members`, { user: user.id });
      const client = await tokenOf(user);
      await running.arsia.operators.dismiss(user.id);
      const job = await startJob(acme, { user: user.login });
      const task = await startJob(acme, { user: user.login, parent: job.id, task_index: 0 });
      const ended = await startJob(acme, { user: user.login });
      await acme.launcher.send('PATCH', ended.path, { state: 'ended' });
      expect((await mint(job)).status).toBe(200);
      expect((await owner.ask('DELETE', `/users/${user.id}`)).status).toBe(204);
      for (const one of [job, task]) {
        const refused = await mint(one);
        expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
          401,
          'job_ended',
          `Job ${one.id} has ended: its user ${user.login} was deleted.`,
        ]);
        expect(await acme.launcher.send('GET', one.path)).toMatchObject({ state: 'ended' });
        expect(await eventsOf(`action=job.end&job=${one.id}`)).toMatchObject([
          { actor_id: acme.ownerId, user_id: user.id, detail: { reason: `The user ${user.login} was deleted.` } },
        ]);
      }
      expect((await mint(ended)).body.detail).toBe(`Job ${ended.id} was ended by ${acme.launcherId}.`);
      expect((await client.ask('GET', '/users')).status).toBe(401);
      expect((await startedFor(user.login)).status).toBe(400);
      const roles = await itemsOf(`/memberships?namespace=${acme.workspaceId}&limit=200`);
      expect(roles.map(({ principal_id }) => principal_id)).not.toContain(user.id);
      expect(await itemsOf(`/teams/${team.id}/members`)).toEqual([]);
      const [event] = await eventsOf(`action=user.delete&user=${user.id}`);
      expect(event).toMatchObject({ outcome: 'success', detail: { login: user.login, ended_jobs: 2 } });
    });

    test('stay as an id that is read and cannot be used, and are not listed', async () => {
      const user = await makeUser('stone', 'deployer');
      await owner.send('DELETE', `/users/${user.id}`);
      expect(await owner.send('GET', `/users/${user.id}`)).toMatchObject({
        login: user.login,
        is_active: false,
        deleted_at: expect.any(String),
        merged_into: null,
      });
      expect((await owner.ask('GET', `/users/${user.login}`)).status).toBe(404);
      expect((await itemsOf('/users?limit=200')).map(({ id }) => id)).not.toContain(user.id);
      const today = new Date(running.clock.now()).toISOString().slice(0, 10);
      for (const [method, path, body] of [
        ['PATCH', '', { is_active: true }],
        ['DELETE', '', undefined],
        ['POST', '/merge', { into: acme.userId }],
        ['POST', '/tie', { email: 'ada@acme.example' }],
      ] as const) {
        const answer = await owner.ask(method, `/users/${user.id}${path}`, body);
        expect([answer.status, answer.body.detail]).toEqual([409, `User ${user.login} was deleted on ${today}.`]);
      }
      for (const ref of [user.id, user.login]) {
        const role = { namespace: acme.workspaceId, principal: ref, role: 'viewer' };
        expect((await owner.ask('POST', '/memberships', role)).status).toBe(400);
      }
    });

    if (kind === 'postgres')
      test('are not activated by a replica of the release before, which knows no deleted users', async () => {
        const user = await makeUser('revived');
        await owner.send('DELETE', `/users/${user.id}`);
        const oracle = await createOracle(running);
        const update = 'UPDATE users SET is_active = true, version = version + 1 WHERE id = $1';
        await expect(oracle.execute(update, [user.id])).rejects.toThrow('users_deleted_are_inactive');
      });

    test('are never the last active owner', async () => {
      const last = await owner.ask('DELETE', `/users/${acme.ownerId}`);
      expect([last.status, last.body.detail]).toEqual([409, 'This is the last active owner of the organisation.']);
    });
  });

  describe('merged', () => {
    test('give roles, teams, grants, assignments, rules and rights to the other user', async () => {
      const from = await makeUser('from', 'owner');
      const into = await makeUser('into', 'viewer');
      await owner.send('POST', '/memberships', { namespace: acme.groupId, principal: from.id, role: 'viewer' });
      const team = await owner.send('POST', '/teams', { name: `merged-${count}` });
      await owner.send('POST', `/teams/${team.id}/members`, { user: from.id });
      const settings = { audience: `https://m${count}.example` };
      const identity = await owner.send('POST', '/managed-identities', {
        ...{ name: `m${count}`, group: acme.group, type: 'kubernetes', settings },
      });
      const path = `/managed-identities/${identity.id}`;
      await owner.send('POST', `${path}/grants`, { principal: from.id });
      for (const values of [[from.id], [from.id, into.id]])
        await owner.send('POST', `${path}/access-rules`, { kind: 'user', values });
      await owner.send('POST', `/workspaces/${acme.workspaceId}/managed-identities`, {
        managed_identity: identity.id,
        principal: from.id,
      });
      const account = await createAccount(owner, acme.group, `m${count}`);
      await owner.send('POST', `/service-accounts/${account.id}/may-act`, {
        namespace: acme.group,
        users: [from.id, into.id],
      });
      const job = await startJob(acme, { user: from.login });
      const merged = await owner.send('POST', `/users/${from.login}/merge`, { into: into.login });
      expect(merged).toMatchObject({ id: into.id, login: into.login, is_active: true });

      const rolesOf = async (namespace: string) =>
        (await itemsOf(`/memberships?namespace=${namespace}&limit=200`))
          .filter(({ principal_id }) => [from.id, into.id].includes(principal_id))
          .map(({ principal_id, role }) => [principal_id, role]);
      expect(await rolesOf(acme.workspaceId)).toEqual([[into.id, 'owner']]);
      expect(await rolesOf(acme.groupId)).toEqual([[into.id, 'viewer']]);
      expect((await itemsOf(`/teams/${team.id}/members`)).map(({ user_id }) => user_id)).toEqual([into.id]);
      expect((await itemsOf(`${path}/grants`)).map(({ principal_id }) => principal_id)).toEqual([into.id]);
      expect((await itemsOf(`${path}/access-rules`)).map(({ values }) => values)).toEqual([[into.id], [into.id]]);
      const rights = await itemsOf(`/service-accounts/${account.id}/may-act`);
      expect(rights.map(({ users }) => users)).toEqual([[into.id]]);
      const own = await startJob({ ...acme, launcher: account.client }, { user: into.login });
      const minted = await own.client.ask('POST', '/tokens', { managed_identity: 'kubernetes' });
      expect([minted.status, minted.text]).toEqual([200, minted.text]);

      const refused = await mint(job);
      expect([refused.status, refused.body.detail]).toEqual([
        401,
        `Job ${job.id} has ended: its user ${from.login} was merged.`,
      ]);
      expect(await owner.send('GET', `/users/${from.id}`)).toMatchObject({ merged_into: into.id, is_active: false });
      const answer = await owner.ask('PATCH', `/users/${from.id}`, { is_active: true });
      expect([answer.status, answer.body.advice]).toEqual([409, `Name the user ${into.id}.`]);
    });

    test('stay in the audit: a search by the other id has the events of both, one by the merged id its own', async () => {
      const [first, from, into] = [await makeUser('first'), await makeUser('from'), await makeUser('into')];
      await owner.send('POST', `/users/${first.id}/merge`, { into: from.id });
      await owner.send('POST', `/users/${from.id}/merge`, { into: into.id });
      expect((await owner.send('GET', `/users/${first.id}`)).merged_into).toBe(into.id);
      const usersOf = async (path: string) => new Set((await itemsOf(path)).map(({ user_id }) => user_id));
      expect(await usersOf(`/audit-events?user=${into.id}`)).toEqual(new Set([first.id, from.id, into.id]));
      expect(await usersOf(`/audit-events?user=${from.id}`)).toEqual(new Set([from.id]));
      const { text } = await owner.ask('GET', `/audit-events/export?user=${into.id}`);
      for (const { id } of [first, from, into]) expect(text).toContain(`"user_id":"${id}"`);
      expect(await eventsOf(`action=user.merge&user=${into.id}`)).toMatchObject([
        { user_id: from.id, target_id: into.id, detail: { login: from.login, into: into.id } },
        { user_id: first.id, target_id: from.id },
      ]);
    });

    if (kind === 'postgres')
      test('give a team membership that an owner made, also where the other user has one by sign-in', async () => {
        const [from, into] = [await makeUser('member'), await makeUser('synced')];
        const team = await owner.send('POST', '/teams', { name: `kept-${count}` });
        for (const { id } of [from, into]) await owner.send('POST', `/teams/${team.id}/members`, { user: id });
        const oracle = await createOracle(running);
        await oracle.execute(`UPDATE team_members SET source = 'sign_in' WHERE user_id = $1`, [into.id]);
        await owner.send('POST', `/users/${from.id}/merge`, { into: into.id });
        expect(await itemsOf(`/teams/${team.id}/members`)).toMatchObject([{ user_id: into.id, source: 'manual' }]);
      });

    test('leave their login to the other user, and to nobody else', async () => {
      const [from, into] = [await makeUser('from'), await makeUser('into')];
      await owner.send('POST', `/users/${from.id}/merge`, { into: into.id });
      const other = await owner.ask('POST', '/users', { login: from.login });
      expect([other.status, other.body.advice]).toEqual([409, expect.stringContaining(`give this one to ${into.id}`)]);
      expect(await owner.send('PATCH', `/users/${into.id}`, { login: from.login })).toMatchObject({
        login: from.login,
      });
      expect((await owner.send('GET', `/users/${from.login}`)).id).toBe(into.id);
    });

    test('keep their tie where nobody signs in as the other user', async () => {
      const from = await owner.send('POST', '/users', {
        login: `tied-${++count}`,
        tie: { email: 'tied@acme.example' },
      });
      const into = await makeUser('into');
      await owner.send('POST', `/users/${from.id}/merge`, { into: into.id });
      expect(await owner.send('GET', `/users/${into.id}/tie`)).toMatchObject({ email: 'tied@acme.example' });
      expect(await eventsOf(`action=user.merge&user=${from.id}`)).toMatchObject([{ detail: { ties: 1, sign_ins: 0 } }]);
    });

    test('leave their login to the next one, whatever logins there are', async () => {
      const user = await makeUser('squatted');
      await owner.send('POST', '/users', { login: `deleted.${user.id.slice(4)}` });
      const into = await makeUser('taker');
      await owner.send('POST', `/users/${user.id}/merge`, { into: into.id });
      const answer = await owner.ask('PATCH', `/users/${into.id}`, { login: user.login });
      expect([answer.status, answer.body.login]).toEqual([200, user.login]);
    });

    test('are refused with themselves, with a deactivated user, and with one that does not exist', async () => {
      const [user, idle] = [await makeUser('user'), await makeUser('idle')];
      await owner.send('PATCH', `/users/${idle.id}`, { is_active: false });
      for (const [into, status] of [
        [user.login, 400],
        [idle.id, 409],
        ['nobody', 404],
        ['usr_01jznk00000000000000000000', 404],
      ])
        expect([into, (await owner.ask('POST', `/users/${user.id}/merge`, { into })).status]).toEqual([into, status]);
      expect((await owner.send('GET', `/users/${user.id}`)).version).toBe(1);
    });
  });

  const startedFor = (user: string) =>
    acme.launcher.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, { user, stage: 'run' });

  test('reserves the login of a deleted user for 30 days, and that of a renamed one', async () => {
    // The clock is set back and not forward, because access tokens expire by the clock of the machine.
    running.clock.advance(-30 * day - 1000);
    const [gone, renamed] = [await makeUser('tomb'), await makeUser('former')];
    await owner.send('DELETE', `/users/${gone.id}`);
    await owner.send('PATCH', `/users/${renamed.id}`, { login: `${renamed.login}.new` });
    for (const { login } of [gone, renamed]) {
      const early = await owner.ask('POST', '/users', { login });
      expect([early.status, early.body.detail]).toEqual([409, expect.stringContaining('is reserved until')]);
    }
    running.clock.advance(30 * day + 1000);
    for (const { login, id } of [gone, renamed]) {
      const next = await owner.send('POST', '/users', { login });
      expect(next.id).not.toBe(id);
      expect(await owner.send('GET', `/users/${login}`)).toMatchObject({ id: next.id });
    }
    expect(await owner.send('GET', `/users/${gone.id}`)).toMatchObject({ login: gone.id });
  });

  // Last, because it ends the owner of the other tests.
  test('the user that takes over the last owner is an owner', async () => {
    const heir = await makeUser('heir');
    expect((await owner.ask('POST', `/users/${acme.ownerId}/merge`, { into: heir.id })).status).toBe(200);
    expect((await owner.ask('GET', '/users')).status).toBe(401);
    expect((await running.arsia.operators.recover({ organization: 'acme' })).user.id).toBe(heir.id);
  });
});
