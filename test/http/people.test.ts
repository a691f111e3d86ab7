import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, type Client, createClient } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createAccount, createOrganization, type Organization } from '../support/organization.ts';

describe.each(servedKinds)('N83 visibility of people and teams on the %s database', (kind) => {
  let running: RunningArsia;
  let oracle: Oracle;
  let acme: Organization;
  let owner: Client;
  /** A user without a role, who is in the team `crew`. */
  let person: Client;
  let personId: string;
  let account: Client;

  beforeAll(async () => {
    running = await startArsia({ home: await makeHome(kind), settings: { ARSIA_TENANCY: 'multi' } });
    if (kind === 'postgres') oracle = await createOracle(running);
    acme = await createOrganization(running);
    ({ owner } = acme);
    for (const name of ['crew', 'others']) await owner.send('POST', '/teams', { name });
    personId = (await owner.send('POST', '/users', { login: 'nobody@acme.example' })).id;
    for (const user of [personId, acme.user]) await owner.send('POST', '/teams/crew/members', { user });
    await owner.send('POST', '/teams/others/members', { user: acme.user });
    const token = await running.arsia.operators
      .link(personId)
      .then(({ token }) => createClient(running.issuer).send('POST', '/admin-links/redeem', { token }));
    person = createClient(running.issuer, token.access_token);
    account = (await createAccount(owner, acme.group, 'roleless')).client;
  }, 90_000);

  const names = async (client: Client, path: string, member: string) =>
    ((await client.send('GET', path)).items as Body[]).map((item) => item[member]);

  test('a person without a role sees only themselves and their own teams', async () => {
    expect(await names(person, '/users?limit=1', 'login')).toEqual(['nobody@acme.example']);
    expect((await person.send('GET', '/users?limit=1')).next_cursor).toBeNull();
    for (const ref of [personId, 'nobody%40acme.example'])
      expect(await person.send('GET', `/users/${ref}`)).toMatchObject({ id: personId });
    expect(await names(person, '/teams', 'name')).toEqual(['crew']);
    expect(await person.send('GET', '/teams/crew')).toMatchObject({ name: 'crew' });
    expect(await names(person, '/teams/crew/members', 'login')).toEqual(['nobody@acme.example']);
  });

  test('others are answered as if they did not exist', async () => {
    const never = 'usr_01jznk00000000000000000000';
    const shape = ({ status, body }: { status: number; body: Body }, ref: string) => {
      const { request_id: _id, ...rest } = body;
      return JSON.stringify([status, rest]).replaceAll(ref, '<ref>');
    };
    for (const client of [person, account]) {
      for (const [path, ref, unknown] of [
        ['/users/', acme.userId, never],
        ['/users/', 'acme.owner', 'unknown'],
        ['/teams/', 'others', 'unknown'],
      ] as const) {
        const answer = await client.ask('GET', `${path}${ref}`);
        expect(answer.status).toBe(404);
        expect(shape(answer, ref)).toBe(shape(await client.ask('GET', `${path}${unknown}`), unknown));
      }
      expect((await client.ask('GET', '/teams/others/members')).status).toBe(404);
      expect((await client.ask('GET', '/organization-settings')).status).toBe(404);
    }
    if (kind === 'postgres')
      await oracle.refuses(() => person.ask('GET', `/users/${acme.userId}`), { status: 404, code: 'not_found' });
  });

  test('a service account without a role sees no people, and can still use its right to act', async () => {
    expect(await names(account, '/users', 'login')).toEqual([]);
    expect(await names(account, '/teams', 'name')).toEqual([]);
    expect((await account.ask('GET', '/teams/crew')).status).toBe(404);
    const { launcher, workspaceId } = acme;
    expect(await names(launcher, '/users', 'login')).toEqual([]);
    const jobs = `/workspaces/${workspaceId}/jobs`;
    const job = await launcher.send('POST', jobs, { user: acme.user, stage: 'run', heartbeat: 60 });
    expect((await launcher.ask('POST', `${jobs}/${job.id}/heartbeat`)).status).toBe(200);
    expect((await launcher.ask('GET', `${jobs}/${job.id}`)).status).toBe(200);
    expect((await launcher.ask('PATCH', `${jobs}/${job.id}`, { state: 'ended' })).status).toBe(200);
  });

  test('a launcher cannot find out whether a user exists for whom it may not act', async () => {
    const narrow = await createAccount(owner, acme.group, 'narrow');
    await owner.send('POST', `/service-accounts/${narrow.id}/may-act`, {
      namespace: acme.workspaceId,
      users: [acme.user],
    });
    const ask = (user: string) =>
      narrow.client.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, { user, stage: 'run' });
    for (const user of ['acme.owner', acme.ownerId, 'unknown', 'usr_01jznk00000000000000000000'])
      expect(await ask(user)).toMatchObject({
        status: 403,
        body: { detail: expect.stringContaining(`may not act for ${user} in`) },
      });
    expect((await ask(acme.user)).status).toBe(201);
    const unknown = { user: 'unknown', stage: 'run' };
    expect((await acme.launcher.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, unknown)).status).toBe(400);
  });

  test('a role anywhere in the organisation, also through a team, shows all people and teams', async () => {
    const all = await names(owner, '/users?limit=200', 'id');
    const membership = await owner.send('POST', '/memberships', {
      namespace: acme.workspaceId,
      principal: (await owner.send('GET', '/teams/crew')).id,
      role: 'viewer',
    });
    expect(await names(person, '/users?limit=200', 'id')).toEqual(all);
    expect((await person.ask('GET', '/teams/others/members')).status).toBe(200);
    expect((await person.ask('GET', '/organization-settings')).status).toBe(200);
    await owner.send('DELETE', `/memberships/${membership.id}`);
    expect(await names(person, '/users?limit=200', 'id')).toEqual([personId]);
  });
});
