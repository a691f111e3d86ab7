import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { newId } from '../../../src/core/clock.ts';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Answer, createClient, postForm, signIn } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createAccount, createOrganization, type Organization, startJob } from '../../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let organization: Organization;

beforeAll(async () => {
  running = await startArsia({ settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  organization = await createOrganization(running);
}, 60_000);

let made = 0;
const fresh = (prefix: string) => `${prefix}${++made}`;
const conflict = { status: 409, code: 'conflict' };

/** How many of these succeeded; the others are conflicts, and nothing broke inside. */
async function winnersOf(attempts: Promise<Answer>[]): Promise<number> {
  const answers = await Promise.all(attempts);
  const won = answers.filter(({ status }) => status < 300);
  for (const answer of answers) if (!won.includes(answer)) expect([409, 503]).toContain(answer.status);
  return won.length;
}

describe('groups and workspaces', () => {
  test('are created below a group, and returned as they are', async () => {
    const { owner, id } = organization;
    const name = fresh('g');
    const group = await owner.send('POST', '/groups', { name, parent: 'acme', description: 'what it is for' });
    expect(group).toEqual({
      id: expect.stringMatching(/^grp_[0-7][0-9a-hjkmnp-tv-z]{25}$/),
      name,
      path: `acme/${name}`,
      parent_id: id,
      organization_id: id,
      description: 'what it is for',
      created_at: expect.stringMatching(/Z$/),
      version: 1,
    });
    const workspace = await owner.send('POST', '/workspaces', { name: 'w', group: group.id });
    expect(workspace).toMatchObject({ id: expect.stringMatching(/^ws_/), group_id: group.id, path: `acme/${name}/w` });
    for (const ref of [workspace.id, encodeURIComponent(workspace.path)])
      expect(await owner.send('GET', `/workspaces/${ref}`)).toEqual(workspace);
    expect((await owner.ask('GET', `/groups/${workspace.id}`)).status).toBe(404);
    const changed = await owner.send('PATCH', `/groups/${group.id}`, { description: 'other' });
    expect(changed).toEqual({ ...group, description: 'other', version: 2 });
  });

  test('share their names: a workspace is refused where a group has the name', async () => {
    const { owner } = organization;
    const name = fresh('n');
    await owner.send('POST', '/groups', { name, parent: 'acme' });
    await oracle.refuses(() => owner.ask('POST', '/workspaces', { name, group: 'acme' }), conflict);
    await oracle.refuses(() => owner.ask('POST', '/groups', { name: 'below', parent: organization.workspaceId }), {
      status: 404,
      code: 'not_found',
    });
  });

  test('are one when twenty requests create the same name', async () => {
    const name = fresh('once');
    const attempts = Array.from({ length: 20 }, () =>
      organization.owner.ask('POST', '/groups', { name, parent: 'acme' }),
    );
    expect(await winnersOf(attempts)).toBe(1);
  });

  test('are deleted when they are empty, else the refusal says what they contain', async () => {
    const { owner } = organization;
    const parent = (await owner.send('POST', '/groups', { name: fresh('full'), parent: 'acme' })).path;
    const path = `/groups/${encodeURIComponent(parent)}`;
    const workspace = await owner.send('POST', '/workspaces', { name: 'w', group: parent });
    const { answer } = await oracle.refuses(() => owner.ask('DELETE', path), conflict);
    expect(answer.body.detail).toBe(`${parent} still holds 1 groups and workspaces.`);
    await owner.send('POST', '/memberships', {
      namespace: workspace.id,
      principal: organization.user,
      role: 'deployer',
    });
    await owner.send('POST', `/service-accounts/${organization.launcherId}/may-act`, {
      namespace: workspace.id,
      users: ['*'],
    });
    const job = await startJob(organization, {}, workspace.id);
    await oracle.refuses(() => owner.ask('DELETE', `/workspaces/${workspace.id}`), conflict);
    await organization.launcher.send('PATCH', job.path, { state: 'ended' });
    expect((await owner.ask('DELETE', `/workspaces/${workspace.id}`)).status).toBe(204);
    expect((await owner.ask('GET', `/workspaces/${workspace.id}`)).status).toBe(404);
    const identity = await owner.send('POST', '/managed-identities', {
      name: 'x',
      group: parent,
      type: 'kubernetes',
      settings: { audience: 'k' },
    });
    await oracle.refuses(() => owner.ask('DELETE', path), conflict);
    await owner.send('DELETE', `/managed-identities/${identity.id}?name=x`);
    expect((await owner.ask('DELETE', path)).status).toBe(204);
    // What the job did stays in the audit.
    expect((await owner.send('GET', `/audit-events?job=${job.id}`)).items.length).toBeGreaterThan(0);
    await oracle.refuses(() => owner.ask('DELETE', '/groups/acme'), conflict);
  });
});

describe('memberships', () => {
  const member = (role: 'viewer' | 'deployer' | 'owner', namespace = organization.id) =>
    createAccount(organization.owner, organization.group, fresh('member'), { namespace, role });

  test('give the role of the nearest one, also where it is less, but an owner of the organisation stays owner', async () => {
    const { owner, workspaceId, groupId } = organization;
    const { id, client } = await member('deployer');
    const start = () => client.ask('POST', `/workspaces/${workspaceId}/jobs`, {});
    expect((await start()).status).toBe(201);
    const nearer = await owner.send('POST', '/memberships', { namespace: groupId, principal: id, role: 'viewer' });
    expect((await start()).status).toBe(403);
    const nearest = await owner.send('POST', '/memberships', {
      namespace: workspaceId,
      principal: id,
      role: 'deployer',
    });
    expect((await start()).status).toBe(201);
    await owner.send('DELETE', `/memberships/${nearest.id}`);
    expect((await start()).status).toBe(403);
    await owner.send('PATCH', `/memberships/${nearer.id}`, { role: 'deployer' });
    expect((await start()).status).toBe(201);
    const chief = await member('owner');
    await owner.send('POST', '/memberships', { namespace: workspaceId, principal: chief.id, role: 'viewer' });
    const path = `/workspaces/${workspaceId}`;
    expect((await chief.client.ask('PATCH', path, { description: 'still mine' })).status).toBe(200);
  });

  test('are one for a principal and place, and an unknown principal is a fault of the request', async () => {
    const { owner, workspaceId } = organization;
    const body = { namespace: workspaceId, principal: organization.user, role: 'viewer' };
    const { answer } = await oracle.refuses(() => owner.ask('POST', '/memberships', body), conflict);
    expect(answer.body.advice).toMatch(/PATCH \/api\/v1\/memberships\/mem_/);
    for (const principal of ['nobody', 'usr_01jznk00000000000000000000', 'acme/lab/nobody', workspaceId])
      await oracle.refuses(() => owner.ask('POST', '/memberships', { ...body, principal }), {
        status: 400,
        code: 'invalid_request',
      });
  });

  test('are given by an owner of a workspace only there', async () => {
    const { workspaceId, groupId, user } = organization;
    const { client } = await member('owner', workspaceId);
    const give = (namespace: string) =>
      client.ask('POST', '/memberships', { namespace, principal: 'acme.owner', role: 'viewer' });
    expect((await give(workspaceId)).status).toBe(201);
    await oracle.refuses(() => give(groupId), { status: 404, code: 'not_found' });
    await oracle.refuses(() => client.ask('PATCH', `/users/${encodeURIComponent(user)}`, { is_active: false }), {
      status: 404,
      code: 'not_found',
    });
  });

  test('keep the last active owner of an organisation from being demoted, removed or deactivated', async () => {
    const there = await createOrganization(running, fresh('solo'));
    const { owner, ownerId, id } = there;
    const memberships = async () => (await owner.send('GET', `/memberships?namespace=${id}`)).items;
    const [{ id: membership }] = await memberships();
    const attempts = [
      () => owner.ask('PATCH', `/memberships/${membership}`, { role: 'deployer' }),
      () => owner.ask('DELETE', `/memberships/${membership}`),
      () => owner.ask('PATCH', `/users/${ownerId}`, { is_active: false }),
    ];
    for (const attempt of attempts) await oracle.refuses(attempt, conflict);
    // A second one who is deactivated does not count, a second who is active does.
    const login = fresh('second');
    await owner.send('POST', '/users', { login });
    await owner.send('POST', '/memberships', { namespace: id, principal: login, role: 'owner' });
    await owner.send('PATCH', `/users/${login}`, { is_active: false });
    for (const attempt of attempts) await oracle.refuses(attempt, conflict);
    await owner.send('PATCH', `/users/${login}`, { is_active: true });
    expect((await attempts[0]!()).status).toBe(200);
  });

  test('keep one of two owners who demote each other at once', async () => {
    for (const round of [1, 2, 3]) {
      const { owner, id } = await createOrganization(running, fresh(`duel${round}-`));
      const login = fresh('rival');
      await owner.send('POST', '/users', { login });
      await owner.send('POST', '/memberships', { namespace: id, principal: login, role: 'owner' });
      const { items } = await owner.send('GET', `/memberships?namespace=${id}`);
      await Promise.all(items.map(({ id: one }: { id: string }) => owner.ask('DELETE', `/memberships/${one}`)));
      const rows = await oracle.execute(`SELECT id FROM memberships WHERE namespace_id = $1 AND role = 'owner'`, [id]);
      expect(rows.length).toBeGreaterThanOrEqual(1);
    }
  });
});

describe('users and service accounts', () => {
  test('N75 have a login that is unique in their organisation and tells nothing about others', async () => {
    const other = await createOrganization(running, fresh('other'));
    const login = fresh('taken');
    const { id } = await organization.owner.send('POST', '/users', { login });
    const elsewhere = await other.owner.send('POST', '/users', { login });
    expect(elsewhere).toMatchObject({ login, organization_id: other.id });
    for (const { owner } of [organization, other])
      await oracle.refuses(() => owner.ask('POST', '/users', { login }), conflict);
    // A login means the user of the caller's organisation, wherever it is named.
    expect((await organization.owner.send('GET', `/users/${login}`)).id).toBe(id);
    expect((await other.owner.send('GET', `/users/${login}`)).id).toBe(elsewhere.id);
    const role = { namespace: other.workspaceId, principal: login, role: 'deployer' };
    expect((await other.owner.send('POST', '/memberships', role)).principal_id).toBe(elsewhere.id);
    const job = await other.launcher.send('POST', `/workspaces/${other.workspaceId}/jobs`, {
      user: login,
      stage: 'run',
    });
    expect(job.user_id).toBe(elsewhere.id);
    await other.owner.send('POST', '/teams', { name: 'namesakes' });
    expect((await other.owner.send('POST', '/teams/namesakes/members', { user: login })).user_id).toBe(elsewhere.id);
    const right = { namespace: other.groupId, users: [login] };
    expect(await other.owner.send('POST', `/service-accounts/${other.launcherId}/may-act`, right)).toMatchObject({
      users: [elsewhere.id],
    });
    const attempts = Array.from({ length: 10 }, () => organization.owner.ask('POST', '/users', { login: `${login}x` }));
    expect(await winnersOf(attempts)).toBe(1);
  });

  test('are found by id and by login, and cannot make themselves operators', async () => {
    const { owner, user, userId } = organization;
    const found = await owner.send('GET', `/users/${encodeURIComponent(user)}`);
    expect(found).toMatchObject({ id: userId, login: user, is_active: true, is_operator: false });
    expect(await owner.send('GET', `/users/${userId}`)).toEqual(found);
  });

  test('have at most two client secrets, each shown once and valid for 90 days', async () => {
    const { owner, group } = organization;
    const account = await owner.send('POST', '/service-accounts', { name: fresh('sa'), group });
    expect(account).toMatchObject({ client_id: account.id, is_active: true, jwks: null });
    const path = `/service-accounts/${account.id}/secrets`;
    const first = await owner.send('POST', path);
    expect(Object.keys(first).sort()).toEqual(['client_id', 'client_secret', 'expires_at', 'id']);
    const days = (Date.parse(first.expires_at) - running.clock.now()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
    await owner.send('POST', path);
    await oracle.refuses(() => owner.ask('POST', path), { status: 409, code: 'quota_exceeded' });
    expect((await owner.ask('DELETE', `${path}/${first.id}`)).status).toBe(204);
    await oracle.refuses(() => owner.ask('DELETE', `${path}/${first.id}`), { status: 404, code: 'not_found' });
    expect((await owner.ask('POST', path)).status).toBe(201);
    expect(JSON.stringify(await owner.send('GET', `/service-accounts/${account.id}`))).not.toContain('secret');
    expect(await winnersOf(Array.from({ length: 10 }, () => owner.ask('POST', path)))).toBe(0);
  });

  test('that have keys authenticate by private_key_jwt, and by no secret', async () => {
    const { owner, group } = organization;
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] };
    const account = await owner.send('POST', '/service-accounts', { name: fresh('keyed'), group, jwks });
    await oracle.refuses(() => owner.ask('POST', `/service-accounts/${account.id}/secrets`), conflict);
    const now = Math.floor(running.clock.now() / 1000);
    const assert = () =>
      new SignJWT({
        iss: account.id,
        sub: account.id,
        aud: `${running.issuer}/oauth2`,
        jti: fresh('jti'),
        iat: now,
        exp: now + 60,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .sign(privateKey);
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const present = (client_assertion: string) =>
      postForm(running.issuer, '/token', { grant_type: 'client_credentials', client_assertion_type, client_assertion });
    const assertion = await assert();
    const answer = await present(assertion);
    expect(answer.status).toBe(200);
    expect((await createClient(running.issuer, answer.body.access_token).ask('GET', '/groups')).status).toBe(200);
    await oracle.refuses(() => present(assertion), {
      status: 401,
      code: 'invalid_client',
      recorded: 'unauthenticated',
      secrets: [assertion],
    });
    await owner.send('PATCH', `/service-accounts/${account.id}`, { jwks: null });
    expect((await present(await assert())).status).toBe(401);
  });

  test('N20 lose their tokens at deactivation, also after activation', async () => {
    const { owner, group } = organization;
    const account = await createAccount(owner, group, fresh('leaked'));
    const groups = async () => (await account.client.ask('GET', '/groups')).status;
    expect(await groups()).toBe(200);
    for (const is_active of [false, true]) {
      await owner.send('PATCH', `/service-accounts/${account.id}`, { is_active });
      expect(await groups()).toBe(401);
    }
    expect((await (await signIn(owner.issuer, account.id, account.secret)).ask('GET', '/groups')).status).toBe(200);
  });

  test('N20 cannot use a secret from before their keys when the keys are removed', async () => {
    const { owner, group } = organization;
    const account = await createAccount(owner, group, fresh('rotated'));
    const jwk = await exportJWK((await generateKeyPair('ES256')).publicKey);
    for (const jwks of [{ keys: [jwk] }, null])
      await owner.send('PATCH', `/service-accounts/${account.id}?force=true`, { jwks });
    await expect(signIn(owner.issuer, account.id, account.secret)).rejects.toThrow(/401/);
    const fresher = await owner.send('POST', `/service-accounts/${account.id}/secrets`);
    expect((await signIn(owner.issuer, account.id, fresher.client_secret)).token).toMatch(/^arsia_at_/);
  });

  test('N8 cannot register weak, private or broken keys, which the refusal names', async () => {
    const { owner, group } = organization;
    const good = await exportJWK((await generateKeyPair('RS256', { extractable: true })).publicKey);
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const bad = [
      { ...good, n: good.n!.slice(0, 172) },
      { ...good, e: 'AQ' },
      await exportJWK(privateKey),
      { kty: 'oct', k: 'c2VjcmV0' },
      { ...good, alg: 'HS256' },
      'x',
      null,
    ];
    for (const key of bad) {
      const body = { name: fresh('weak'), group, jwks: { keys: [good, key] } };
      const { answer } = await oracle.refuses(() => owner.ask('POST', '/service-accounts', body), {
        status: 400,
        code: 'invalid_request',
      });
      expect(answer.body.errors[0].pointer).toMatch(/^\/jwks\/keys\/1/);
    }
    for (const jwks of [{}, { keys: [] }, { keys: 'x' }, []])
      await oracle.refuses(() => owner.ask('POST', '/service-accounts', { name: fresh('weak'), group, jwks }), {
        status: 400,
        code: 'invalid_request',
      });
  });
});

describe('operators', () => {
  const redeem = (token: string) => createClient(running.issuer).ask('POST', '/admin-links/redeem', { token });
  const used = { status: 401, code: 'unauthenticated', action: 'admin_link.redeem' };

  test('open their link once, also with twenty requests at once', async () => {
    const { token } = await running.arsia.operators.link(fresh('op'));
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status } of answers) expect([200, 401, 503]).toContain(status);
    await oracle.refuses(() => redeem(token), { ...used, secrets: [token] });
  });

  test('N20: who are dismissed are none from the next request on, and lose their open link', async () => {
    const login = fresh('op');
    const { operators } = running.arsia;
    const client = createClient(running.issuer, (await redeem((await operators.link(login)).token)).body.access_token);
    const spare = await operators.link(login);
    expect((await client.ask('GET', '/audit-events')).status).toBe(200);
    expect(await operators.dismiss(login)).toMatchObject({ login, is_operator: false });
    await oracle.refuses(() => client.ask('GET', '/audit-events'), { status: 401, code: 'unauthenticated' });
    await oracle.refuses(() => redeem(spare.token), used);
    for (const name of [login, organization.user, fresh('nobody')])
      await expect(operators.dismiss(name)).rejects.toMatchObject({ code: 'not_found' });
    const again = await redeem((await operators.link(login)).token);
    expect(again.status).toBe(200);
  });

  test('have a link that lives 15 minutes', async () => {
    const [early, late] = [
      await running.arsia.operators.link(fresh('op')),
      await running.arsia.operators.link(fresh('op')),
    ];
    expect(Math.round((early.expires_at.getTime() - running.clock.now()) / 60_000)).toBe(15);
    running.clock.advance(14 * 60_000);
    expect((await redeem(early.token)).status).toBe(200);
    running.clock.advance(2 * 60_000);
    await oracle.refuses(() => redeem(late.token), { ...used, secrets: [late.token] });
  });

  test('get the same refusal for an unknown link as for a used one', async () => {
    const { answer } = await oracle.refuses(() => redeem(`arsia_link_${'x'.repeat(43)}`), used);
    expect(answer.body.detail).toBe('This link was used, has expired or never existed.');
  });

  test('who are users of an organisation keep what they have there', async () => {
    const { token } = await running.arsia.operators.link(organization.userId);
    const client = createClient(running.issuer, (await redeem(token)).body.access_token);
    expect((await client.ask('POST', '/users', { login: fresh('u') })).status).toBe(404);
    const path = `/workspaces/${organization.workspaceId}`;
    expect((await client.ask('GET', path)).status).toBe(200);
    expect((await client.ask('PATCH', path, { description: 'x' })).status).toBe(403);
    await oracle.refuses(() => client.ask('GET', '/audit-events'), { status: 404, code: 'not_found' });
    expect((await client.ask('POST', '/groups', { name: fresh('org') })).status).toBe(201);
  });

  test('are not the users of organisations that have the same login', async () => {
    const { operators } = running.arsia;
    const login = fresh('operator');
    const { id } = await organization.owner.send('POST', '/users', { login });
    const byLogin = await operators.link(login);
    expect(byLogin.user).toMatchObject({ login, organization_id: null });
    await redeem(byLogin.token);
    expect(await organization.owner.send('GET', `/users/${id}`)).toMatchObject({ is_operator: false });
    expect((await operators.link(login)).user.id).toBe(byLogin.user.id);
  });

  test('N87 name a user of an organisation by id, or by login with the organisation', async () => {
    const { operators } = running.arsia;
    const { id, login } = await organization.owner.send('POST', '/users', { login: fresh('named') });
    for (const named of [[id], [login, 'acme'], [id, organization.id]] as [string, string?][]) {
      const { token } = await operators.link(...named);
      expect((await redeem(token)).body.login).toBe(login);
      expect(await organization.owner.send('GET', `/users/${id}`)).toMatchObject({ is_operator: true });
      expect(await operators.dismiss(...named)).toMatchObject({ id, is_operator: false });
    }
    await redeem((await operators.link(id)).token);
    await expect(operators.dismiss(login)).rejects.toMatchObject({
      code: 'not_found',
      more: { advice: expect.stringContaining(id) },
    });
    for (const named of [['nobody', 'acme'], [id, 'globex'], ['usr_01jznk00000000000000000000']] as [string, string?][])
      await expect(operators.link(...named)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('N20 cannot be made by the link of a user who was deactivated', async () => {
    const { id } = await organization.owner.send('POST', '/users', { login: fresh('u') });
    const { token } = await running.arsia.operators.link(id);
    await organization.owner.send('PATCH', `/users/${id}`, { is_active: false });
    await oracle.refuses(() => redeem(token), { ...used, secrets: [token] });
    await expect(running.arsia.operators.link(id)).rejects.toMatchObject({ code: 'conflict' });
    await organization.owner.send('PATCH', `/users/${id}`, { is_active: true });
    // Deactivation deleted the link.
    expect((await redeem(token)).status).toBe(401);
    expect(await organization.owner.send('GET', `/users/${id}`)).toMatchObject({ is_operator: false });
  });

  test('bootstrap an organisation with an owner once', async () => {
    const name = fresh('new');
    const { token } = await running.arsia.operators.link(fresh('op'));
    const operator = createClient(running.issuer, (await redeem(token)).body.access_token);
    const made = await operator.send('POST', '/groups', { name });
    const first = await running.arsia.operators.bootstrap({ organization: name, login: fresh('first') });
    expect(first.organization.id).toBe(made.id);
    expect(first.token.expires_at.getTime() - running.clock.now()).toBeGreaterThan(3_590_000);
    for (const organization of [name, 'acme'])
      await expect(running.arsia.operators.bootstrap({ organization, login: fresh('x') })).rejects.toMatchObject({
        code: 'conflict',
      });
    // An organisation without an owner that has a user of this login.
    const there = await operator.send('POST', '/groups', { name: fresh('y') });
    await oracle.execute(`INSERT INTO users (id, organization_id, login, created_at) VALUES ($1, $2, 'taken', now())`, [
      newId(running.clock, 'user'),
      there.id,
    ]);
    await expect(running.arsia.operators.bootstrap({ organization: there.path, login: 'taken' })).rejects.toMatchObject(
      { code: 'conflict' },
    );
    expect(await oracle.execute('SELECT 1 FROM memberships WHERE organization_id = $1', [there.id])).toEqual([]);
    // N75: who else has the login elsewhere makes no difference.
    const elsewhere = await running.arsia.operators.bootstrap({ organization: there.path, login: 'acme.owner' });
    expect(elsewhere.owner).toMatchObject({ login: 'acme.owner', organization_id: there.id });
  });

  test('can create one organisation in single tenancy', async () => {
    const single = await startArsia();
    await createOrganization(single, 'acme');
    await expect(single.arsia.operators.bootstrap({ organization: 'globex', login: 'x' })).rejects.toMatchObject({
      code: 'conflict',
      message: 'This installation serves one organisation, which exists already.',
    });
    await single.stop();
  });
});

test('every change leaves one audit event with its caller and the changed fields', async () => {
  const { owner, ownerId, id } = organization;
  const name = fresh('recorded');
  const answer = await owner.ask('POST', '/groups', { name, parent: 'acme' }, { 'x-request-id': `request-${name}` });
  expect(await oracle.recordsOf(answer)).toEqual([
    expect.objectContaining({
      action: 'group.create',
      outcome: 'success',
      code: null,
      organization_id: id,
      actor_kind: 'user',
      actor_id: ownerId,
      target_id: answer.body.id,
      request_id: `request-${name}`,
      detail: { path: `acme/${name}` },
    }),
  ]);
  const read = await owner.ask('GET', `/groups/${answer.body.id}`);
  expect(await oracle.recordsOf(read)).toEqual([]);
  expect((await signIn(running.issuer, organization.launcherId, organization.launcherSecret)).token).toMatch(
    /^arsia_at_/,
  );
});
