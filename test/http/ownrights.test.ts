import { beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '../../src/core/clock.ts';
import { permissions } from '../../src/core/permissions.ts';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, type Client, createClient } from '../support/client.ts';
import { createAccount, createOrganization, type Organization, startJob } from '../support/organization.ts';

let running: RunningArsia;
let acme: Organization;
let globex: Organization;
/** A service account that views one workspace. */
let viewer: Client;
let viewerId: string;
/** A service account without a role. */
let nobody: Client;
let nobodyId: string;

beforeAll(async () => {
  running = await startArsia({ home: await makeHome('embedded'), settings: { ARSIA_TENANCY: 'multi' } });
  acme = await createOrganization(running, 'acme');
  globex = await createOrganization(running, 'globex');
  const role = { namespace: acme.workspaceId, role: 'viewer' } as const;
  ({ client: viewer, id: viewerId } = await createAccount(acme.owner, acme.group, 'viewer', role));
  ({ client: nobody, id: nobodyId } = await createAccount(acme.owner, acme.group, 'nobody'));
}, 60_000);

describe('GET /me', () => {
  test('tells an owner who they are, and what the role allows', async () => {
    expect(await acme.owner.send('GET', '/me')).toEqual({
      id: acme.ownerId,
      kind: 'user',
      name: 'acme.owner',
      display_name: '',
      is_operator: expect.any(Boolean),
      organization: { id: acme.id, name: 'acme' },
      roles: [
        {
          namespace_id: acme.id,
          namespace: 'acme',
          kind: 'group',
          role: 'owner',
          permissions,
          principals: [acme.ownerId],
        },
      ],
    });
  });

  test('tells a service account its path, and a viewer no right to change', async () => {
    const me = await viewer.send('GET', '/me');
    expect(me).toMatchObject({
      id: viewerId,
      kind: 'service_account',
      name: 'acme/lab/viewer',
      is_operator: false,
      roles: [{ namespace_id: acme.workspaceId, namespace: 'acme/lab/sim', kind: 'workspace', role: 'viewer' }],
    });
    expect(me.roles[0].permissions).toContain('job.view');
    expect(me.roles[0].permissions).not.toContain('job.run');
    expect((await nobody.send('GET', '/me')).roles).toEqual([]);
  });

  test('counts the memberships of teams, and an owner of the organisation is owner below', async () => {
    const { owner, ownerId, id, groupId } = acme;
    const { id: team } = await owner.send('POST', '/teams', { name: 'watchers' });
    await owner.send('POST', `/teams/${team}/members`, { user: ownerId });
    await owner.send('POST', '/memberships', { namespace: groupId, principal: team, role: 'viewer' });
    const { roles } = await owner.send('GET', '/me');
    expect(roles.map((one: Body) => [one.namespace, one.role, one.principals])).toEqual([
      ['acme', 'owner', [ownerId]],
      ['acme/lab', 'owner', [team]],
    ]);
    const { items } = await owner.send('GET', '/memberships?principal=acme.owner');
    expect(items.map((one: Body) => [one.namespace_id, one.principal_id, one.role])).toEqual([
      [id, ownerId, 'owner'],
      [groupId, team, 'viewer'],
    ]);
    expect((await owner.send('GET', `/memberships?principal=${team}`)).items).toHaveLength(1);
  });

  test('tells an operator without an organisation that there is none', async () => {
    const { token } = await running.arsia.operators.link('root.operator');
    const { access_token } = await createClient(running.issuer).send('POST', '/admin-links/redeem', { token });
    expect(await createClient(running.issuer, access_token).send('GET', '/me')).toMatchObject({
      is_operator: true,
      organization: null,
      roles: [],
    });
  });
});

describe('GET /job', () => {
  test('answers the job of the token, and nobody else', async () => {
    const job = await startJob(acme, { stage: 'plan' });
    const own = await job.client.send('GET', '/job');
    expect(own).toEqual(await job.client.send('GET', job.path));
    expect(own).toMatchObject({ id: job.id, workspace_id: acme.workspaceId, stage: 'plan', state: 'running' });
    for (const client of [acme.owner, acme.launcher, nobody])
      expect(await client.ask('GET', '/job')).toMatchObject({
        status: 401,
        body: { detail: 'This needs a job token.' },
      });
    await acme.launcher.send('PATCH', job.path, { state: 'ended' });
    expect(await job.client.ask('GET', '/job')).toMatchObject({ status: 401, body: { code: 'job_ended' } });
  });
});

describe('GET /service-accounts/{id}/secrets', () => {
  test('lists ids and times of the secrets, never a value, to owners alone', async () => {
    const path = `/service-accounts/${nobodyId}/secrets`;
    const before = await acme.owner.send('GET', path);
    const made = await acme.owner.send('POST', path);
    const answer = await acme.owner.ask('GET', path);
    expect(answer.body.items).toHaveLength(before.items.length + 1);
    expect(answer.body.items.at(-1)).toEqual({
      id: made.id,
      client_id: nobodyId,
      created_at: expect.stringMatching(/Z$/),
      expires_at: made.expires_at,
    });
    expect(answer.text).not.toContain('arsia_secret_');
    await acme.owner.send('DELETE', `${path}/${made.id}`);
    expect((await acme.owner.send('GET', path)).items).toEqual(before.items);
    expect((await viewer.ask('GET', path)).status).toBe(404);
    expect((await globex.owner.ask('GET', path)).status).toBe(404);
  });
});

describe('GET /memberships of a principal', () => {
  const placesOf = async (client: Client, principal: string) =>
    ((await client.send('GET', `/memberships?principal=${encodeURIComponent(principal)}`)).items as Body[]).map(
      ({ namespace_id }) => namespace_id,
    );

  test('lists them by id and by login', async () => {
    const expected = [acme.workspaceId, acme.otherWorkspaceId].sort();
    for (const principal of [acme.userId, acme.user])
      expect((await placesOf(acme.owner, principal)).sort()).toEqual(expected);
  });

  test('lists to others only those in the places that they see, and all to the principal', async () => {
    expect(await placesOf(viewer, acme.userId)).toEqual([acme.workspaceId]);
    expect(await placesOf(viewer, viewerId)).toEqual([acme.workspaceId]);
    expect(await placesOf(nobody, nobodyId)).toEqual([]);
    expect((await nobody.ask('GET', `/memberships?principal=${acme.userId}`)).status).toBe(404);
  });

  test('N22 answers for a principal of another organisation as for one that never existed', async () => {
    const ask = async (id: string) => {
      const { status, body } = await acme.owner.ask('GET', `/memberships?principal=${id}`);
      return { status, text: JSON.stringify({ ...body, request_id: '' }).replaceAll(id, '<id>') };
    };
    const foreign = [globex.userId, globex.launcherId];
    for (const [index, kind] of (['user', 'service_account'] as const).entries()) {
      const answer = await ask(foreign[index]!);
      expect(answer.status).toBe(404);
      expect(answer).toEqual(await ask(newId(running.clock, kind)));
    }
  });

  test('needs either a place or a principal', async () => {
    for (const query of ['', `?namespace=${acme.id}&principal=${acme.userId}`])
      expect(await acme.owner.ask('GET', `/memberships${query}`)).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: 'namespace', detail: 'must be given, or principal, and not both' }] },
      });
  });
});
