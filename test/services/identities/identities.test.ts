import { beforeAll, describe, expect, test } from '@jest/globals';
import { providerTypes } from '../../../src/providers/registry.ts';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Body, createClient, encoded } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Organization,
  startJob,
} from '../../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let organization: Organization;
let other: Organization;

beforeAll(async () => {
  running = await startArsia({ settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  organization = await createOrganization(running);
  other = await createOrganization(running, 'globex');
}, 60_000);

let made = 0;
const fresh = (prefix: string) => `${prefix}${++made}`;
const conflict = { status: 409, code: 'conflict' };
const forbidden = { status: 403, code: 'forbidden' };
const role = (name: string) => ({ role_arn: `arn:aws:iam::111122223333:role/${name}` });

const make = (body: Body = {}, { owner, group } = organization) =>
  owner.send('POST', '/managed-identities', { name: fresh('i'), group, type: 'aws', settings: role('x'), ...body });
const assign = (workspace: string, managed_identity: string, profile?: string, { owner } = organization) =>
  owner.ask('POST', `/workspaces/${workspace}/managed-identities`, { managed_identity, profile });
const newWorkspace = async () =>
  (await organization.owner.send('POST', '/workspaces', { name: fresh('w'), group: organization.group })).id as string;

describe('managed identities', () => {
  test('are created with safe defaults, and returned with them', async () => {
    const name = fresh('i');
    expect(await make({ name })).toEqual({
      id: expect.stringMatching(/^mi_/),
      organization_id: organization.id,
      group_id: organization.groupId,
      group: 'acme/lab',
      name,
      path: `acme/lab/${name}`,
      type: 'aws',
      description: '',
      settings: { role_arn: 'arn:aws:iam::111122223333:role/x', max_duration: 3600, source_identity: false },
      subject_scope: 'workspace',
      delivery: 'credentials',
      token_lifetime: 600,
      created_at: expect.any(String),
      version: 1,
    });
  });

  test('deliver both by default where the credential is the token, so that the token exchange works', async () => {
    for (const type of ['oidc', 'kubernetes']) {
      const settings = { audience: `https://${type}.example.com` };
      expect(await make({ type, settings })).toMatchObject({ delivery: 'both' });
      expect(await make({ type, settings, delivery: 'credentials' })).toMatchObject({ delivery: 'credentials' });
    }
    expect(await make()).toMatchObject({ delivery: 'credentials' });
  });

  test('of an unknown type are refused with the list of types', async () => {
    const { owner, group } = organization;
    const body = { name: 'x', group, type: 'oracle', settings: {} };
    const { answer } = await oracle.refuses(() => owner.ask('POST', '/managed-identities', body), {
      status: 400,
      code: 'invalid_request',
    });
    expect(answer.body.errors).toEqual([{ pointer: '/type', detail: `must be one of ${providerTypes.join(', ')}` }]);
  });

  test('can change what no cloud trusts, and a change is validated as a whole', async () => {
    const { owner } = organization;
    const identity = await make();
    const path = `/managed-identities/${identity.id}`;
    const changed = await owner.send('PATCH', path, { settings: role('y'), delivery: 'token', token_lifetime: 300 });
    expect(changed).toMatchObject({
      id: identity.id,
      settings: role('y'),
      delivery: 'token',
      token_lifetime: 300,
      version: 2,
    });
    await oracle.refuses(() => owner.ask('PATCH', path, { delivery: 'both', settings: { role_arn: 'x' } }), {
      status: 400,
      code: 'invalid_request',
    });
    expect(await owner.send('GET', path)).toEqual(changed);
  });

  test('that are assigned are deleted only by force, and the refusal lists the workspaces', async () => {
    const { owner } = organization;
    const identity = await createIdentity(
      organization,
      { name: fresh('i'), type: 'aws', settings: role('x') },
      fresh('p'),
    );
    await assign(organization.otherWorkspaceId, identity.id);
    const path = `/managed-identities/${identity.id}`;
    const named = `${path}?name=${identity.name}`;
    const { answer } = await oracle.refuses(() => owner.ask('DELETE', named), conflict);
    expect(answer.body.detail).toBe(`${identity.path} is assigned to acme/lab/reports, acme/lab/sim.`);
    await oracle.refuses(() => owner.ask('DELETE', `${named}&force=false`), conflict);
    await oracle.refuses(() => owner.ask('DELETE', `${named}&force=yes`), { status: 400, code: 'invalid_request' });
    expect((await owner.ask('DELETE', `${named}&force=true`)).status).toBe(204);
    await oracle.refuses(() => owner.ask('GET', path), { status: 404, code: 'not_found' });
  });

  test('have a free audience of their organisation only, and none of a cloud or of Arsia', async () => {
    const free = (audience: string, type = 'oidc') => ({ type, settings: { audience } });
    await make(free('https://vault.example.com'));
    await make(free('https://vault.example.com', 'kubernetes'));
    const body = { name: 'x', group: 'globex/lab', ...free('https://vault.example.com') };
    await oracle.refuses(() => other.owner.ask('POST', '/managed-identities', body), conflict);
    const theirs = await make(free('https://vault.globex.example'), other);
    const path = `/managed-identities/${theirs.id}`;
    await oracle.refuses(
      () => other.owner.ask('PATCH', path, { settings: { audience: 'https://vault.example.com' } }),
      conflict,
    );
    for (const [audience, status] of [
      [running.issuer, 409],
      [`${running.issuer}/oauth2`, 409],
      ['aws', 400],
      [`aws:${other.id}`, 400],
      ['sts.amazonaws.com', 400],
      ['api://AzureADTokenExchange', 400],
      ['API://azureadtokenexchange', 400],
      ['https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x', 400],
      ['//iam.googleapis.com/projects/1', 400],
    ] as const)
      await oracle.refuses(
        () =>
          organization.owner.ask('POST', '/managed-identities', { name: 'x', group: 'acme/lab', ...free(audience) }),
        {
          status,
          code: status === 409 ? 'conflict' : 'invalid_request',
        },
      );
  });

  test('have an AWS audience with the organisation in multi tenancy', async () => {
    const identity = await createIdentity(
      organization,
      { name: fresh('i'), type: 'aws', settings: role('m'), delivery: 'both' },
      fresh('p'),
    );
    const job = await startJob(organization);
    expect((await job.client.send('POST', '/tokens', { managed_identity: identity.id })).audience).toBe(
      `aws:${organization.id}`,
    );
    const trust = await organization.owner.send('GET', `/managed-identities/${identity.id}/trust`);
    expect(trust).toMatchObject({ audience: `aws:${organization.id}`, issuer: running.issuer });
    expect(trust.documents[0].text).toContain(`aws:${organization.id}`);
  });
});

describe('trust', () => {
  test('names the workspace of the only assignment, and asks for one where there are none or several', async () => {
    const { owner, workspaceId, otherWorkspaceId } = organization;
    const identity = await make();
    const path = `/managed-identities/${identity.id}/trust`;
    await oracle.refuses(() => owner.ask('GET', path), { status: 400, code: 'invalid_request' });
    await assign(workspaceId, identity.id, fresh('p'));
    expect((await owner.send('GET', path)).subject).toBe(`${identity.id}:${workspaceId}`);
    await assign(otherWorkspaceId, identity.id, fresh('p'));
    const { answer } = await oracle.refuses(() => owner.ask('GET', path), { status: 400, code: 'invalid_request' });
    expect(answer.body.errors[0].pointer).toBe('workspace');
    const named = await owner.send('GET', `${path}?workspace=${encoded('acme/lab/reports')}`);
    expect(named.subject).toBe(`${identity.id}:${otherWorkspaceId}`);
  });

  test('of a user-scoped identity is for every user, or for the user that the request names', async () => {
    const { owner, workspaceId, user, userId } = organization;
    const identity = await make({ subject_scope: 'workspace_user' });
    const path = `/managed-identities/${identity.id}`;
    const every = await owner.send('GET', `${path}/trust?workspace=${workspaceId}`);
    expect(every.subject).toBe(`${identity.id}:${workspaceId}:usr_*`);
    const one = await owner.send('GET', `${path}/trust?workspace=${workspaceId}&user=${encoded(user)}`);
    expect(one.subject).toBe(`${identity.id}:${workspaceId}:${userId}`);
    await oracle.refuses(() => owner.ask('GET', `${path}/claims?workspace=${workspaceId}`), {
      status: 400,
      code: 'invalid_request',
    });
    const claims = await owner.send('GET', `${path}/claims?workspace=${workspaceId}&user=${userId}`);
    expect(claims).toMatchObject({ sub: one.subject, user });
    const document = one.documents[0].text;
    const evaluate = (body: Body) =>
      owner.send('POST', `${path}/trust/evaluate`, { document, workspace: workspaceId, ...body });
    expect(await evaluate({ user })).toEqual({ allow: true, statement: '1', findings: [] });
    const denied = await evaluate({ user: 'acme.owner' });
    expect(denied).toMatchObject({
      allow: false,
      expected: one.subject,
      statement: '1',
      operator: 'StringEquals',
      position: { line: expect.any(Number), column: expect.any(Number) },
    });
    expect(await evaluate({ user: 'acme.owner', document: denied.corrected })).toMatchObject({ allow: true });
    const wide = document.replace(one.subject, '*').replace('StringEquals', 'StringLike');
    expect((await evaluate({ user, document: wide })).findings).toMatchObject([
      { code: expect.any(String), severity: expect.any(String) },
      { code: 'wide_subject', severity: 'high', position: { line: expect.any(Number) } },
    ]);
  });

  test('N85 evaluate denies a disabled Google provider, and uploaded keys without the key that signs', async () => {
    const { owner, workspaceId } = organization;
    const settings = { project_number: '123456789012', pool: 'arsia-pool', provider: 'direct' };
    const identity = await make({ type: 'gcp', settings });
    const path = `/managed-identities/${identity.id}/trust`;
    const { documents } = await owner.send('GET', `${path}?workspace=${workspaceId}`);
    const provider = JSON.parse(documents[0].text);
    const evaluate = (change: Body) =>
      owner.send('POST', `${path}/evaluate`, {
        document: JSON.stringify({ ...provider, ...change }),
        workspace: workspaceId,
      });
    expect(await evaluate({ state: 'ACTIVE' })).toEqual({ allow: true });
    for (const [change, condition] of [
      [{ state: 'DELETED', expireTime: '2026-12-20T00:00:00Z' }, 'state'],
      [{ state: 'ACTIVE', disabled: true }, 'disabled'],
      [{ state: 'STATE_UNSPECIFIED' }, 'state'],
    ] as const)
      expect(await evaluate(change)).toMatchObject({ allow: false, condition });
    const published = (await (await fetch(`${running.issuer}/.well-known/jwks.json`)).json()) as { keys: Body[] };
    const keys = published.keys.map(({ x5c: _x5c, ...key }) => key);
    const upload = (uploaded: Body[]) => ({ oidc: { ...provider.oidc, jwksJson: JSON.stringify({ keys: uploaded }) } });
    expect(await evaluate(upload(keys))).toEqual({ allow: true });
    for (const stale of [[], [{ ...keys[0], kid: 'old' }], keys.slice(1)])
      expect(await evaluate(upload(stale))).toMatchObject({ allow: false, condition: 'oidc.jwksJson' });
  });

  test('is only for workspaces below the group of the identity', async () => {
    const { owner } = organization;
    await owner.send('POST', '/groups', { name: 'beside', parent: 'acme' });
    const elsewhere = await owner.send('POST', '/workspaces', { name: 'w', group: 'acme/beside' });
    const identity = await make();
    await oracle.refuses(
      () => owner.ask('GET', `/managed-identities/${identity.id}/trust?workspace=${elsewhere.id}`),
      conflict,
    );
  });
});

describe('assignments', () => {
  test('are one for a type and profile, and repeating one changes nothing', async () => {
    const workspace = await newWorkspace();
    const [first, second] = [await make(), await make()];
    expect((await assign(workspace, first.id)).status).toBe(201);
    expect((await assign(workspace, first.id)).status).toBe(201);
    await oracle.refuses(() => assign(workspace, second.id), conflict);
    await oracle.refuses(() => assign(workspace, first.id, 'other'), conflict);
    expect((await assign(workspace, second.path, 'second')).status).toBe(201);
    const { items } = await organization.owner.send('GET', `/workspaces/${workspace}/managed-identities`);
    expect(items.map(({ id, profile }: Body) => [id, profile])).toEqual([
      [first.id, ''],
      [second.id, 'second'],
    ]);
    const contenders: Body[] = [];
    for (let count = 0; count < 8; count++) contenders.push(await make());
    const answers = await Promise.all(contenders.map(({ id }) => assign(workspace, id, 'third')));
    expect(answers.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(1);
    for (const { status } of answers) expect([201, 409, 503]).toContain(status);
  });

  test('need an identity of a group above the workspace', async () => {
    const { owner } = organization;
    await owner.send('POST', '/groups', { name: 'next', parent: 'acme' });
    const workspace = await newWorkspace();
    for (const [group, status] of [
      ['acme', 201],
      ['acme/lab', 201],
      ['acme/next', 409],
    ] as const) {
      const identity = await make({ group });
      expect([group, (await assign(workspace, identity.id, fresh('p'))).status]).toEqual([group, status]);
    }
  });

  test('need deployer on the workspace and the right to use the identity', async () => {
    const { owner, group } = organization;
    const workspace = await newWorkspace();
    const identity = await make();
    const path = `/workspaces/${workspace}/managed-identities`;
    const deployer = await createAccount(owner, group, fresh('deployer'), { namespace: workspace, role: 'deployer' });
    const attempt = () => deployer.client.ask('POST', path, { managed_identity: identity.id });
    const { answer } = await oracle.refuses(attempt, forbidden);
    expect(answer.body.advice).toContain(`/managed-identities/${identity.id}/grants`);
    const grant = await owner.send('POST', `/managed-identities/${identity.id}/grants`, { principal: deployer.id });
    expect((await attempt()).status).toBe(201);
    // A right that is taken away later takes no assignment with it; a new one needs it again.
    await owner.send('DELETE', `/managed-identities/${identity.id}/grants/${grant.id}`);
    expect((await deployer.client.ask('DELETE', `${path}/${identity.id}`)).status).toBe(204);
    await oracle.refuses(attempt, forbidden);
    const everyone = await owner.send('POST', `/managed-identities/${identity.id}/grants`, { principal: '*' });
    expect((await attempt()).status).toBe(201);
    expect((await owner.send('POST', `/managed-identities/${identity.id}/grants`, { principal: '*' })).id).toBe(
      everyone.id,
    );
    const viewer = await createAccount(owner, group, fresh('viewer'), { namespace: workspace, role: 'viewer' });
    await oracle.refuses(() => viewer.client.ask('POST', path, { managed_identity: identity.id }), forbidden);
    const never = await make();
    await oracle.refuses(() => owner.ask('DELETE', `${path}/${never.id}`), { status: 404, code: 'not_found' });
  });
});

describe('jobs', () => {
  const jobsOf = (workspace: string) => `/workspaces/${workspace}/jobs`;

  test('are started by a person for themselves only, with the stage interactive', async () => {
    const { owner, ownerId, workspaceId, user } = organization;
    for (const named of [undefined, 'acme.owner', ownerId]) {
      const job = await owner.send('POST', jobsOf(workspaceId), { user: named });
      expect(job).toMatchObject({
        user_id: ownerId,
        launcher_id: null,
        started_by: ownerId,
        stage: 'interactive',
        state: 'running',
      });
      expect(job.job_token).toMatch(/^arsia_job_[\w-]{43}$/);
      expect(await owner.send('GET', `${jobsOf(workspaceId)}/${job.id}`)).toEqual({ ...job, job_token: undefined });
    }
    for (const body of [{ user }, { stage: 'run' }])
      await oracle.refuses(() => owner.ask('POST', jobsOf(workspaceId), body), forbidden);
  });

  test('are started by a launcher within its right to act, for users who may deploy there', async () => {
    const { owner, group, workspaceId, otherWorkspaceId, user, userId } = organization;
    const { id, client } = await createAccount(owner, group, fresh('launcher'));
    await owner.send('POST', '/users', { login: 'carol' });
    const start = (body: Body, workspace = workspaceId) =>
      client.ask('POST', jobsOf(workspace), { stage: 'plan', ...body });
    await oracle.refuses(() => start({ user }), { status: 404, code: 'not_found' });
    const right = {
      namespace: workspaceId,
      users: [user],
      stages: ['plan', 'apply-*'],
      labels: { branch: 'release/*' },
    };
    expect(await owner.send('POST', `/service-accounts/${id}/may-act`, right)).toMatchObject({ users: [userId] });
    const job = await start({ user, labels: { branch: 'release/1' }, reference: 'run 4711' });
    expect(job.body).toMatchObject({
      user_id: userId,
      launcher_id: id,
      stage: 'plan',
      labels: { branch: 'release/1' },
      reference: 'run 4711',
    });
    expect((await start({ user: userId, stage: 'apply-prod' })).status).toBe(201);
    for (const body of [
      { user, stage: 'destroy' },
      { user, labels: { branch: 'main' } },
      { user, labels: { team: 'x' } },
      { user: 'carol' },
      { user: 'acme.owner' },
    ])
      await oracle.refuses(() => start(body), forbidden);
    await oracle.refuses(() => start({ user }, otherWorkspaceId), { status: 404, code: 'not_found' });
    for (const named of ['nobody', 'ada@globex.example', other.userId])
      await oracle.refuses(() => start({ user: named }), forbidden);
    // For nobody it needs a role of its own.
    await oracle.refuses(() => start({}), { status: 404, code: 'not_found' });
    // The right alone does not let somebody run who may not deploy there.
    await owner.send('POST', `/service-accounts/${id}/may-act`, { ...right, users: ['*'] });
    await oracle.refuses(() => start({ user: 'carol' }), forbidden);
    await owner.send('POST', '/memberships', { namespace: workspaceId, principal: 'carol', role: 'viewer' });
    await oracle.refuses(() => start({ user: 'carol' }), forbidden);
    expect((await start({ user: 'acme.owner' })).status).toBe(201);
  });

  test('live 24 hours by default, or from a minute to seven days', async () => {
    const { owner, workspaceId } = organization;
    const start = (deadline?: unknown) => owner.ask('POST', jobsOf(workspaceId), { deadline });
    const at = (seconds: number) => new Date(running.clock.now() + seconds * 1000).toISOString();
    for (const [deadline, seconds] of [
      [undefined, 86_400],
      [60, 60],
      [604_800, 604_800],
      [at(3600), 3600],
      [at(3600).replace('Z', '+00:00'), 3600],
    ] as const) {
      const { status, body } = await start(deadline);
      expect([deadline, status]).toEqual([deadline, 201]);
      expect(Math.abs((Date.parse(body.deadline) - running.clock.now()) / 1000 - seconds)).toBeLessThan(30);
    }
    for (const deadline of [
      59,
      604_801,
      0,
      -1,
      61.5,
      at(-10),
      at(30),
      at(604_900),
      '2030-01-01',
      'tomorrow',
      '9999-12-31T23:59:59Z',
    ])
      await oracle.refuses(() => start(deadline), { status: 400, code: 'invalid_request' });
  });

  test('are ended by their starter and by owners, not by others who see them', async () => {
    const { owner, group, workspaceId } = organization;
    const job = await startJob(organization);
    for (const role of ['viewer', 'deployer'] as const) {
      const { client } = await createAccount(owner, group, fresh(role), { namespace: workspaceId, role });
      expect((await client.ask('GET', job.path)).status).toBe(200);
      await oracle.refuses(() => client.ask('PATCH', job.path, { state: 'ended' }), forbidden);
    }
    for (const state of ['running', 'ENDED', ''])
      await oracle.refuses(() => owner.ask('PATCH', job.path, { state }), { status: 400, code: 'invalid_request' });
    const elsewhere = job.path.replace(encoded(organization.workspace), organization.otherWorkspaceId);
    await oracle.refuses(() => owner.ask('PATCH', elsewhere, { state: 'ended' }), { status: 404, code: 'not_found' });
    expect(await owner.send('PATCH', job.path, { state: 'ended' })).toMatchObject({ state: 'ended' });
  });

  test('show their token only in the answer that started them', async () => {
    const job = await startJob(organization);
    const { owner } = organization;
    for (const path of [job.path, `${jobsOf(organization.workspaceId)}?limit=200`, `/audit-events?job=${job.id}`])
      expect((await owner.ask('GET', path)).text).not.toContain(job.token);
    expect((await createClient(running.issuer, job.token).send('GET', job.path)).id).toBe(job.id);
  });
});
