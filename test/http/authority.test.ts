import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, type Client, createClient, encoded } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createOrganization, type Organization, startJob } from '../support/organization.ts';

/** Tests through the API what a mint depends on: teams, access rules, choices, aliases, masks, moves. */
describe.each(servedKinds)('authority on %s', (kind) => {
  let running: RunningArsia;
  let acme: Organization;
  let owner: Client;
  let count = 0;

  beforeAll(async () => {
    running = await startArsia({ home: await makeHome(kind), settings: { ARSIA_TENANCY: 'multi' } });
  }, 90_000);

  beforeEach(async () => {
    acme = await createOrganization(running, `acme${++count}`);
    ({ owner } = acme);
  });

  const identity = (name: string, group = acme.group, more: Body = {}) =>
    owner.send('POST', '/managed-identities', {
      name,
      group,
      type: 'oidc',
      settings: { audience: `https://${acme.name}.example` },
      delivery: 'both',
      ...more,
    });
  const assign = (managed_identity: string, more: Body = {}, workspace = acme.workspaceId) =>
    owner.send('POST', `/workspaces/${workspace}/managed-identities`, { managed_identity, ...more });
  const mint = (job: { client: Client }, managed_identity: string, more: Body = {}) =>
    job.client.ask('POST', '/tokens', { managed_identity, ...more });
  const identityOf = (answer: { body: Body }) => decodeJwt(String(answer.body.token)).identity;

  describe('access rules', () => {
    test('admit or refuse by stage from the next request on, and the refusal names the rule', async () => {
      const { id } = await identity('api');
      await assign(id);
      const job = await startJob(acme, { stage: 'plan' });
      expect((await mint(job, id)).status).toBe(200);
      const rule = await owner.send('POST', `/managed-identities/${id}/access-rules`, {
        kind: 'stage',
        values: ['apply*'],
      });
      const refused = await mint(job, id);
      expect(refused).toMatchObject({
        status: 403,
        body: {
          code: 'access_rule_refused',
          condition: rule.id,
          expected: 'stage apply*',
          actual: 'stage plan',
        },
      });
      expect((await mint(await startJob(acme, { stage: 'apply-eu' }), id)).status).toBe(200);
      await owner.send('PATCH', `/managed-identities/${id}/access-rules/${rule.id}`, { values: ['apply*', 'plan'] });
      expect((await mint(job, id)).status).toBe(200);
      await owner.send('DELETE', `/managed-identities/${id}/access-rules/${rule.id}`);
      expect((await owner.send('GET', `/managed-identities/${id}/access-rules`)).items).toEqual([]);
    });

    test('of several kinds must all match; labels count only if the launcher was allowed to set them', async () => {
      const { id } = await identity('api');
      await assign(id);
      const rules = `/managed-identities/${id}/access-rules`;
      await owner.send('POST', '/teams', { name: 'core' });
      await owner.send('POST', rules, { kind: 'user', values: [acme.user] });
      await owner.send('POST', rules, { kind: 'team', values: ['core'] });
      await owner.send('POST', rules, { kind: 'label', values: ['pipeline=build-*'] });
      await owner.send('POST', rules, { kind: 'service_account', values: [acme.launcherId] });
      const job = await startJob(acme, { labels: { pipeline: 'build-1' } });
      expect((await mint(job, id)).body).toMatchObject({ code: 'access_rule_refused', actual: 'team no team' });
      await owner.send('POST', '/teams/core/members', { user: acme.user });
      expect((await mint(job, id)).status).toBe(200);
      expect((await mint(await startJob(acme, { labels: { pipeline: 'x' } }), id)).status).toBe(403);
      await owner.send('DELETE', `/teams/core/members/${acme.userId}`);
      expect((await mint(job, id)).status).toBe(403);
      const path = `/workspaces/${acme.workspaceId}/jobs`;
      const forged = await acme.launcher.ask('POST', path, { user: acme.user, stage: 'run', labels: { other: 'x' } });
      expect(forged.status).toBe(403);
    });

    test('without any, the setting of the organisation decides', async () => {
      const { id } = await identity('api');
      await assign(id);
      const job = await startJob(acme);
      expect((await mint(job, id)).status).toBe(200);
      await owner.send('PATCH', '/organization-settings', { identities_without_rules: 'closed' });
      expect((await mint(job, id)).body).toMatchObject({
        code: 'access_rule_refused',
        condition: 'identities_without_rules',
      });
      await owner.send('POST', `/managed-identities/${id}/access-rules`, { kind: 'stage', values: ['*'] });
      expect((await mint(job, id)).status).toBe(200);
    });

    test('refuse a user of another organisation, a bad label and an unknown kind', async () => {
      const { id } = await identity('api');
      const path = `/managed-identities/${id}/access-rules`;
      const other = await createOrganization(running, `other${count}`);
      for (const [body, pointer] of [
        [{ kind: 'user', values: [other.userId] }, '/values/0'],
        [{ kind: 'team', values: ['nobody'] }, '/values/0'],
        [{ kind: 'label', values: ['env=x', 'env'] }, '/values/1'],
        [{ kind: 'color', values: ['x'] }, '/kind'],
        [{ kind: 'stage', values: [] }, '/values'],
      ] as const) {
        const answer = await owner.ask('POST', path, body);
        expect(answer.status).toBe(400);
        expect(answer.body.errors[0].pointer).toBe(pointer);
      }
      expect((await owner.send('GET', path)).items).toEqual([]);
    });
  });

  describe('one identity per user', () => {
    test('a request by type gets the most specific one, which effective-identities shows', async () => {
      const [everyone, ofTeam, ofUser] = [
        await identity('everyone'),
        await identity('of-team'),
        await identity('of-user'),
      ];
      await owner.send('POST', '/teams', { name: 'core' });
      await owner.send('POST', '/teams/core/members', { user: acme.user });
      const { id: team } = await owner.send('GET', '/teams/core');
      const job = await startJob(acme);
      const effective = async (query = `?user=${encoded(acme.user)}`) =>
        (await owner.send('GET', `/workspaces/${acme.workspaceId}/effective-identities${query}`)).items.map(
          (one: Body) => one.name,
        );
      expect((await mint(job, 'oidc')).status).toBe(404);
      await assign(everyone.id);
      expect(identityOf(await mint(job, 'oidc'))).toBe(everyone.path);
      await assign(ofTeam.id, { principal: team });
      expect(identityOf(await mint(job, 'oidc'))).toBe(ofTeam.path);
      expect(await effective()).toEqual(['of-team']);
      await assign(ofUser.id, { principal: acme.user });
      expect(identityOf(await mint(job, 'oidc'))).toBe(ofUser.path);
      expect(await effective()).toEqual(['of-user']);
      expect(await effective('')).toEqual(['everyone']);
      expect((await mint(job, everyone.id)).body).toMatchObject({ code: 'identity_not_assigned' });
      await owner.send(
        'DELETE',
        `/workspaces/${acme.workspaceId}/managed-identities/${ofUser.id}?principal=${acme.userId}`,
      );
      expect(identityOf(await mint(job, 'oidc'))).toBe(ofTeam.path);
      expect((await mint(job, ofUser.id)).status).toBe(403);
    });

    test('profiles distinguish several of one type', async () => {
      const [first, second] = [await identity('first'), await identity('second')];
      await assign(first.id);
      expect(
        (await owner.ask('POST', `/workspaces/${acme.workspaceId}/managed-identities`, { managed_identity: second.id }))
          .status,
      ).toBe(409);
      await assign(second.id, { profile: 'backup' });
      const job = await startJob(acme);
      expect(identityOf(await mint(job, 'oidc'))).toBe(first.path);
      expect(identityOf(await mint(job, 'oidc', { profile: 'backup' }))).toBe(second.path);
      expect((await mint(job, first.id, { profile: 'backup' })).status).toBe(403);
    });
  });

  describe('inheritance of identities', () => {
    test('an alias makes an identity available in another group, with the same subject', async () => {
      await owner.send('POST', '/groups', { name: 'plant', parent: acme.name });
      const { id: workspace } = await owner.send('POST', '/workspaces', { name: 'line', group: `${acme.name}/plant` });
      await owner.send('POST', '/memberships', { namespace: workspace, principal: acme.user, role: 'deployer' });
      await owner.send('POST', `/service-accounts/${acme.launcherId}/may-act`, { namespace: workspace, users: ['*'] });
      const { id, path } = await identity('api');
      const job = await startJob(acme, {}, workspace);
      expect((await mint(job, id)).status).toBe(404);
      const alias = await owner.send('POST', `/managed-identities/${id}/aliases`, {
        group: `${acme.name}/plant`,
        name: 'shared',
      });
      await assign(id, {}, workspace);
      const minted = await mint(job, `${acme.name}/plant/shared`);
      expect(identityOf(minted)).toBe(path);
      expect(minted.body.subject).toBe(`${id}:${workspace}`);
      const refused = await owner.ask('DELETE', `/managed-identities/${id}/aliases/${alias.id}`);
      expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining('plant/line') } });
      await owner.send('DELETE', `/managed-identities/${id}/aliases/${alias.id}?force=true`);
      expect((await mint(job, id)).status).toBe(404);
    });

    test('a mask hides an inherited identity: refused while it is assigned, unless forced', async () => {
      const { id } = await identity('api', acme.name);
      await assign(id);
      const job = await startJob(acme);
      const mask = (query = '') =>
        owner.ask('POST', `/groups/${encoded(acme.group)}/masks${query}`, { managed_identity: id });
      expect((await mask()).status).toBe(409);
      expect((await mint(job, id)).status).toBe(200);
      expect((await mask('?force=true')).status).toBe(201);
      expect((await mint(job, id)).body).toMatchObject({ code: 'identity_not_assigned' });
      expect(
        (await owner.ask('POST', `/workspaces/${acme.workspaceId}/managed-identities`, { managed_identity: id }))
          .status,
      ).toBe(409);
      const countUsable = async () =>
        (await owner.send('GET', `/workspaces/${acme.workspaceId}/usable-identities?search=ap`)).items.length;
      expect(await countUsable()).toBe(0);
      await owner.send('DELETE', `/groups/${encoded(acme.group)}/masks/${id}`);
      expect(await countUsable()).toBe(1);
      const own = await identity('own');
      const refused = await owner.ask('POST', `/groups/${encoded(acme.group)}/masks`, { managed_identity: own.id });
      expect(refused.status).toBe(409);
    });

    test('a moved identity keeps its subject; a refused move lists the assignments that it would end', async () => {
      await owner.send('POST', '/groups', { name: 'plant', parent: acme.name });
      const { id } = await identity('api');
      await assign(id);
      const job = await startJob(acme);
      const before = (await mint(job, id)).body.subject;
      const move = (group: string, query = '') =>
        owner.ask('POST', `/managed-identities/${id}/move${query}`, { group });
      expect(await move(`${acme.name}/plant`)).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining(acme.workspace) },
      });
      expect((await move(acme.name)).status).toBe(200);
      expect((await mint(job, `${acme.name}/api`)).body.subject).toBe(before);
      expect((await move(`${acme.name}/plant`, '?force=true')).status).toBe(200);
      expect((await mint(job, id)).status).toBe(404);
      const other = await createOrganization(running, `other${count}`);
      expect((await move(other.group)).status).toBe(404);
    });

    test('deleting an identity needs its name as confirmation, and force while it is assigned', async () => {
      const { id } = await identity('api');
      await assign(id);
      const path = `/managed-identities/${id}`;
      expect((await owner.ask('DELETE', path)).status).toBe(400);
      expect((await owner.ask('DELETE', `${path}?name=other&force=true`)).status).toBe(400);
      expect((await owner.ask('DELETE', `${path}?name=api`)).status).toBe(409);
      expect((await owner.ask('DELETE', `${path}?name=api&force=true`)).status).toBe(204);
      expect((await owner.ask('GET', path)).status).toBe(404);
    });

    test('lists with include_inherited show the identities of the groups above', async () => {
      await identity('above', acme.name);
      await identity('here');
      const names = async (query: string) =>
        (await owner.send('GET', `/managed-identities?group=${encoded(acme.group)}${query}`)).items
          .map((one: Body) => one.name)
          .sort();
      expect(await names('')).toEqual(['here']);
      expect(await names('&include_inherited=true')).toEqual(['above', 'here']);
    });
  });

  describe('namespaces', () => {
    test('move with everything below and keep subjects; assignments out of reach stop the move, or end when forced', async () => {
      const { id } = await identity('api');
      const { id: root } = await identity('root', acme.name, { subject_scope: 'identity' });
      await assign(id);
      await assign(root, { profile: 'root' });
      await owner.send('POST', '/groups', { name: 'plant', parent: acme.name });
      const job = await startJob(acme);
      const subject = (await mint(job, root)).body.subject;
      const path = `/workspaces/${acme.workspaceId}/move`;
      const refused = await owner.ask('POST', path, { parent: `${acme.name}/plant` });
      expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining(`${acme.group}/api`) } });
      const moved = await owner.send('POST', `${path}?force=true`, { parent: `${acme.name}/plant` });
      expect(moved).toMatchObject({
        path: `${acme.name}/plant/sim`,
        dropped_assignments: [expect.stringContaining('/api')],
      });
      // The launcher has its right on the old group, the user a role on the workspace.
      await owner.send('POST', `/service-accounts/${acme.launcherId}/may-act`, { namespace: acme.name, users: ['*'] });
      const again = await mint(job, root);
      expect(again.body.subject).toBe(subject);
      expect(decodeJwt(again.body.token)).toMatchObject({
        workspace: `${acme.name}/plant/sim`,
        group: `${acme.name}/plant`,
      });
      expect((await mint(job, id)).status).toBe(404);
    });

    test('groups move as trees, but not below themselves, beyond the depth limit or to an existing path', async () => {
      let parent = acme.name;
      for (let depth = 2; depth <= 19; depth++) {
        await owner.send('POST', '/groups', { name: `g${depth}`, parent });
        parent = `${parent}/g${depth}`;
      }
      const move = (ref: string, to: string) => owner.ask('POST', `/groups/${encoded(ref)}/move`, { parent: to });
      expect((await move(acme.group, parent)).status).toBe(200);
      expect((await owner.send('GET', `/workspaces/${acme.workspaceId}`)).path).toBe(`${parent}/lab/sim`);
      expect((await owner.ask('POST', '/groups', { name: 'deeper', parent: `${parent}/lab` })).status).toBe(409);
      expect((await move(`${acme.name}/g2`, `${parent}/lab`)).status).toBe(409);
      expect((await move(acme.name, acme.name)).status).toBe(409);
      await owner.send('POST', '/groups', { name: 'lab', parent: acme.name });
      expect((await move(`${parent}/lab`, acme.name)).status).toBe(409);
      await owner.send('POST', '/groups', { name: 'sub', parent: `${acme.name}/lab` });
      expect((await move(`${acme.name}/lab`, `${parent}/lab`)).status).toBe(409);
    });

    test('a delete lists what they hold and is refused; forced, it deletes everything below', async () => {
      const { id } = await identity('api');
      await assign(id);
      const job = await startJob(acme);
      const refused = await owner.ask('DELETE', `/groups/${encoded(acme.group)}`);
      expect(refused).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('2 groups and workspaces') },
      });
      expect((await owner.ask('DELETE', `/groups/${encoded(acme.group)}?force=true`)).status).toBe(204);
      expect((await mint(job, id)).status).toBe(401);
      for (const path of [
        `/workspaces/${acme.workspaceId}`,
        `/managed-identities/${id}`,
        `/service-accounts/${acme.launcherId}`,
      ])
        expect((await owner.ask('GET', path)).status).toBe(404);
      expect((await owner.ask('DELETE', `/groups/${acme.name}?force=true`)).status).toBe(409);
    });

    test('a workspace is created with its identities in one call, or not at all', async () => {
      const [first, second] = [await identity('first'), await identity('second')];
      const body = (managed_identities: Body[]) => ({ name: 'ready', group: acme.group, managed_identities });
      const clash = await owner.ask(
        'POST',
        '/workspaces',
        body([{ managed_identity: first.id }, { managed_identity: second.id }]),
      );
      expect(clash.status).toBe(409);
      expect((await owner.ask('GET', `/workspaces/${encoded(`${acme.group}/ready`)}`)).status).toBe(404);
      await owner.send(
        'POST',
        '/workspaces',
        body([{ managed_identity: first.id }, { managed_identity: second.path, profile: 'b' }]),
      );
      const assigned = await owner.send('GET', `/workspaces/${encoded(`${acme.group}/ready`)}/managed-identities`);
      expect(assigned.items.map((one: Body) => [one.name, one.profile])).toEqual([
        ['first', ''],
        ['second', 'b'],
      ]);
    });
  });

  describe('teams', () => {
    test('give their members roles and the use of identities, until they leave', async () => {
      const { id } = await identity('api');
      await owner.send('POST', '/users', { login: `eve@${acme.name}.example` });
      const eve = (await owner.send('GET', `/users/${encoded(`eve@${acme.name}.example`)}`)).id;
      // An operator's link is the only sign-in without an identity provider. It gives no role in the organisation.
      const link = await running.arsia.operators.link(eve);
      const opened = await owner.send('POST', '/admin-links/redeem', { token: link.token });
      const client = createClient(running.issuer, opened.access_token);
      const workspace = `/workspaces/${acme.workspaceId}`;
      expect((await client.ask('GET', workspace)).status).toBe(404);
      const { id: team } = await owner.send('POST', '/teams', { name: 'core' });
      await owner.send('POST', '/teams/core/members', { user: eve });
      await owner.send('POST', '/memberships', { namespace: acme.workspaceId, principal: team, role: 'deployer' });
      expect((await client.ask('GET', workspace)).status).toBe(200);
      const assigning = () => client.ask('POST', `${workspace}/managed-identities`, { managed_identity: id });
      expect((await assigning()).status).toBe(403);
      await owner.send('POST', `/managed-identities/${id}/grants`, { principal: team });
      expect((await assigning()).status).toBe(201);
      const job = await client.send('POST', `${workspace}/jobs`, {});
      const asJob = { client: createClient(running.issuer, String(job.job_token)) };
      expect((await mint(asJob, id)).status).toBe(200);
      const refused = await owner.ask('DELETE', '/teams/core');
      expect([refused.status, refused.body.detail]).toEqual([
        409,
        `The team core has a role on ${acme.workspace}, and may use ${acme.group}/api.`,
      ]);
      expect((await mint(asJob, id)).status).toBe(200);
      await owner.send('DELETE', '/teams/core?force=true');
      expect((await mint(asJob, id)).body).toMatchObject({ code: 'user_lacks_role' });
      expect((await client.ask('GET', workspace)).status).toBe(404);
    });
  });

  describe('jobs', () => {
    test('a missed heartbeat ends a job; a sent one extends it', async () => {
      const { id } = await identity('api');
      await assign(id);
      const job = await startJob(acme, { heartbeat: 60 });
      running.clock.advance(50_000);
      expect((await job.client.ask('POST', `${job.path}/heartbeat`)).status).toBe(200);
      running.clock.advance(50_000);
      expect((await mint(job, id)).status).toBe(200);
      running.clock.advance(11_000);
      expect((await mint(job, id)).body).toMatchObject({ code: 'job_ended' });
      expect((await job.client.ask('POST', `${job.path}/heartbeat`)).status).toBe(401);
      const without = await startJob(acme);
      expect((await without.client.ask('POST', `${without.path}/heartbeat`)).status).toBe(409);
    });

    test('array tasks have ids and tokens of their own and end with their parent', async () => {
      const { id } = await identity('api');
      await assign(id);
      const parent = await startJob(acme, { stage: 'array' });
      const task = await startJob(acme, { parent: parent.id, task_index: 3, stage: 'other' });
      const minted = await mint(task, id);
      expect(decodeJwt(minted.body.token)).toMatchObject({ job_id: task.id, stage: 'array' });
      const again = await acme.launcher.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, {
        parent: parent.id,
        task_index: 3,
      });
      expect(again.status).toBe(409);
      await acme.launcher.send('PATCH', parent.path, { state: 'ended' });
      expect((await mint(task, id)).status).toBe(401);
      const late = await acme.launcher.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, {
        parent: parent.id,
        task_index: 4,
      });
      expect(late.status).toBe(409);
    });
  });
});
