import { createSign, generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '../../src/core/clock.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { atEnd, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, type Client, createClient, postForm, signIn } from '../support/client.ts';
import { type CloudIdentities, setUpClouds } from '../support/clouds.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Job,
  type Organization,
  startJob,
} from '../support/organization.ts';

let running: RunningArsia;
let sandbox: Sandbox;
let oracle: Oracle;
let organization: Organization;
let other: Organization;
let identities: CloudIdentities;
let job: Job;

beforeAll(async () => {
  sandbox = await startSandbox();
  atEnd(() => sandbox.close());
  running = await startArsia({ sandbox, settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running, sandbox);
  organization = await createOrganization(running);
  other = await createOrganization(running, 'globex');
  identities = await setUpClouds(organization, sandbox);
  job = await startJob(organization);
}, 60_000);

afterEach(async () => {
  expect((await ask(job.client)).status).toBe(200);
});

const ask = (client: Client, managed_identity = 'acme/lab/aws', path = '/credentials') =>
  client.ask('POST', path, { managed_identity });
const doors = ['/tokens', '/credentials'] as const;

describe('N21 refusals for a job', () => {
  test('an unassigned identity of the groups above returns 403, any other 404', async () => {
    const { owner, workspaceId } = organization;
    const make = (name: string, group: string) =>
      owner.send('POST', '/managed-identities', {
        name,
        group,
        type: 'aws',
        settings: { role_arn: `arn:aws:iam::111122223333:role/${name}` },
        delivery: 'both',
      });
    const root = await make('of-root', 'acme');
    const group = await make('of-group', 'acme/lab');
    await owner.send('POST', '/groups', { name: 'sibling', parent: 'acme' });
    const sibling = await make('of-sibling', 'acme/sibling');
    await owner.send('POST', '/groups', { name: 'below', parent: 'acme/lab' });
    const below = await make('of-below', 'acme/lab/below');
    const foreign = await createIdentity(other, {
      name: 'aws',
      type: 'aws',
      settings: { role_arn: 'arn:aws:iam::111122223333:role/x' },
    });
    const elsewhere = await make('elsewhere', 'acme/lab');
    await owner.send('POST', `/workspaces/${organization.otherWorkspaceId}/managed-identities`, {
      managed_identity: elsewhere.id,
    });
    for (const path of doors) {
      for (const named of [root.id, 'acme/of-root', group.id, 'acme/lab/of-group', elsewhere.id])
        await oracle.refuses(() => ask(job.client, named, path), { status: 403, code: 'identity_not_assigned' });
      for (const named of [
        sibling.id,
        'acme/sibling/of-sibling',
        below.id,
        foreign.id,
        'globex/lab/aws',
        newId(running.clock, 'managed_identity'),
        'acme/none',
        'nothing',
        workspaceId,
        job.id,
      ]) {
        const { answer } = await oracle.refuses(() => ask(job.client, named, path), { status: 404, code: 'not_found' });
        expect(answer.body.detail).toBe(`The workspace acme/lab/sim has no managed identity ${JSON.stringify(named)}.`);
      }
    }
  });

  test('an identity is refused from the next request on when it is unassigned, and allowed when it is assigned again', async () => {
    const path = `/workspaces/${organization.workspaceId}/managed-identities`;
    await organization.owner.send('DELETE', `${path}/${identities.aws.id}`);
    for (const door of doors)
      await oracle.refuses(() => ask(job.client, identities.aws.id, door), {
        status: 403,
        code: 'identity_not_assigned',
      });
    await organization.owner.send('POST', path, { managed_identity: identities.aws.id });
    expect((await ask(job.client)).status).toBe(200);
  });

  test('an identity that was deleted and created again with its name is a different one', async () => {
    const identity = {
      name: 'short-lived',
      type: 'oidc',
      settings: { audience: 'https://short.example' },
      delivery: 'both',
    };
    const first = await createIdentity(organization, identity);
    const subject = (await ask(job.client, first.id, '/tokens')).body.subject;
    await organization.owner.send('DELETE', `/managed-identities/${first.id}?name=short-lived&force=true`);
    await oracle.refuses(() => ask(job.client, 'acme/lab/short-lived'), { status: 404, code: 'not_found' });
    const second = await createIdentity(organization, identity);
    expect(second.id).not.toBe(first.id);
    expect((await ask(job.client, 'acme/lab/short-lived', '/tokens')).body.subject).not.toBe(subject);
  });
});

describe('N19 tokens of another kind', () => {
  const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  /** Makes a valid, unexpired JWT of an outside issuer. */
  function foreignToken(claims: Body = {}): string {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const now = Math.floor(running.clock.now() / 1000);
    const payload = { iss: running.issuer, sub: organization.ownerId, aud: 'aws', iat: now, exp: now + 600, ...claims };
    const input = `${b64({ alg: 'RS256', typ: 'JWT', kid: 'x' })}.${b64(payload)}`;
    return `${input}.${createSign('RSA-SHA256').update(input).sign(privateKey, 'base64url')}`;
  }

  test('are refused on the routes for jobs and for other callers, with one record and no call', async () => {
    const workload = (await ask(job.client, 'acme/lab/aws', '/tokens')).body.token;
    const [header, payload, signature] = workload.split('.');
    const idToken = foreignToken({ iss: `${running.issuer}/oauth2`, aud: 'arsia', nonce: 'n' });
    const wrong = {
      'a workload token': workload,
      'an ID token': idToken,
      'a foreign token': foreignToken({ iss: 'https://accounts.google.com' }),
      'an unsigned token': `${b64({ alg: 'none' })}.${payload}.`,
      'a token with another signature': `${header}.${payload}.${'A'.repeat(signature.length)}`,
      'a client secret': organization.launcherSecret,
      'a job token that never was': `arsia_job_${'A'.repeat(43)}`,
      'an access token that never was': `arsia_at_${'A'.repeat(43)}`,
      'a job token cut short': job.token.slice(0, -1),
      'a job token with more': `${job.token}A`,
      'a job token in upper case': job.token.toUpperCase(),
      dots: '.'.repeat(300),
      'the start of a token': 'eyJ',
      'a long text': 'x'.repeat(8000),
    };
    for (const token of Object.values<string>(wrong)) {
      const client = createClient(running.issuer, token);
      const expected = {
        status: 401,
        code: 'unauthenticated',
        secrets: token.length > 40 ? [token, token.slice(0, 40)] : [],
      };
      for (const path of doors)
        await oracle.refuses(() => ask(client, 'acme/lab/aws', path), { ...expected, action: 'token.mint' });
      for (const path of ['/groups', '/users'])
        await oracle.refuses(() => client.ask('GET', path), { ...expected, action: 'caller.authenticate' });
      await oracle.refuses(() => client.ask('POST', '/groups', { name: 'x', parent: 'acme' }), expected);
    }
  }, 30_000);

  test('an access token cannot mint, and a job token can only use the routes of its job', async () => {
    for (const client of [organization.owner, organization.launcher])
      for (const path of doors)
        await oracle.refuses(() => ask(client, 'acme/lab/aws', path), {
          status: 401,
          code: 'unauthenticated',
          secrets: [client.token],
        });
    await oracle.refuses(() => job.client.ask('GET', '/groups'), {
      status: 403,
      code: 'forbidden',
      secrets: [job.token],
    });
    // A job token reads only its own job and the identities of its workspace.
    expect((await job.client.ask('GET', job.path)).status).toBe(200);
    expect((await job.client.ask('GET', `/workspaces/${organization.workspaceId}/managed-identities`)).status).toBe(
      200,
    );
    const neighbour = await startJob(organization);
    await oracle.refuses(() => job.client.ask('GET', neighbour.path), { status: 404, code: 'not_found' });
    await oracle.refuses(() => job.client.ask('PATCH', neighbour.path, { state: 'ended' }), {
      status: 404,
      code: 'not_found',
    });
    await oracle.refuses(
      () => job.client.ask('GET', `/workspaces/${organization.otherWorkspaceId}/managed-identities`),
      { status: 404, code: 'not_found' },
    );
  });

  test('are not active at introspection, and cannot be revoked', async () => {
    const { launcherId: client_id, launcherSecret: client_secret } = organization;
    const workload = (await ask(job.client, 'acme/lab/aws', '/tokens')).body.token;
    for (const token of [workload, job.token, foreignToken(), client_secret]) {
      const { text } = await postForm(running.issuer, '/introspect', { token, client_id, client_secret });
      expect(text).toMatch(/^\{"active":false\}$|"unsupported_token_type"/);
    }
    const { body } = await postForm(running.issuer, '/introspect', {
      token: organization.launcher.token!,
      client_id,
      client_secret,
    });
    expect(body).toMatchObject({ active: true, sub: client_id });
  });
});

describe('N20 refuses with the next request after a right was removed', () => {
  /** Creates a user with a role and a job. */
  async function createUserWithJob(login: string) {
    const { owner, workspaceId } = organization;
    const user = await owner.send('POST', '/users', { login });
    const membership = await owner.send('POST', '/memberships', {
      namespace: workspaceId,
      principal: login,
      role: 'deployer',
    });
    return { user, membership, job: await startJob(organization, { user: login }) };
  }

  test('the job ended: by its launcher, itself, an owner or its deadline', async () => {
    const end = { state: 'ended' };
    const enders: ((one: Job) => Promise<unknown>)[] = [
      (one) => organization.launcher.send('PATCH', one.path, end),
      (one) => one.client.send('PATCH', one.path, end),
      (one) => organization.owner.send('PATCH', one.path, end),
    ];
    for (const finish of enders) {
      const one = await startJob(organization);
      expect((await ask(one.client)).status).toBe(200);
      await finish(one);
      for (const path of doors)
        await oracle.refuses(() => ask(one.client, 'acme/lab/aws', path), {
          status: 401,
          code: 'job_ended',
          secrets: [one.token],
        });
      await oracle.refuses(() => one.client.ask('GET', one.path), { status: 401, code: 'job_ended' });
    }
    const brief = await startJob(organization, { deadline: 60 });
    expect((await ask(brief.client)).status).toBe(200);
    running.clock.advance(61_000);
    await oracle.refuses(() => ask(brief.client), { status: 401, code: 'job_ended' });
    expect(await organization.launcher.send('GET', brief.path)).toMatchObject({ state: 'ended' });
  });

  test('ending a job twice changes nothing', async () => {
    const one = await startJob(organization);
    const first = await organization.launcher.send('PATCH', one.path, { state: 'ended' });
    running.clock.advance(5000);
    const second = await organization.launcher.send('PATCH', one.path, { state: 'ended' });
    expect(first).toMatchObject({ state: 'ended', ended_at: expect.any(String) });
    expect(second).toEqual(first);
  });

  test('the user lost the role, or was deactivated', async () => {
    const { owner } = organization;
    const eve = await createUserWithJob('eve');
    await owner.send('PATCH', `/memberships/${eve.membership.id}`, { role: 'viewer' });
    await oracle.refuses(() => ask(eve.job.client), { status: 403, code: 'user_lacks_role' });
    await owner.send('PATCH', `/memberships/${eve.membership.id}`, { role: 'deployer' });
    expect((await ask(eve.job.client)).status).toBe(200);
    await owner.send('DELETE', `/memberships/${eve.membership.id}`);
    await oracle.refuses(() => ask(eve.job.client), { status: 403, code: 'user_lacks_role' });
    const dan = await createUserWithJob('dan');
    await owner.send('PATCH', `/users/${dan.user.id}`, { is_active: false });
    await oracle.refuses(() => ask(dan.job.client), { status: 403, code: 'user_inactive' });
    await owner.send('PATCH', `/users/${dan.user.id}`, { is_active: true });
    expect((await ask(dan.job.client)).status).toBe(200);
  });

  test('the user was deleted or merged: with the reason, and also for tokens of the user', async () => {
    const { owner, userId } = organization;
    for (const [how, end] of [
      ['deleted', (id: string) => owner.send('DELETE', `/users/${id}`)],
      ['merged', (id: string) => owner.send('POST', `/users/${id}/merge`, { into: userId })],
    ] as const) {
      const gone = await createUserWithJob(`gone-${how}`);
      const root = { namespace: organization.id, principal: gone.user.id, role: 'owner' };
      const ownership = await owner.send('POST', '/memberships', root);
      const { token } = await running.arsia.operators.recover({ organization: 'acme', owner: gone.user.id });
      const { access_token } = await createClient(running.issuer).send('POST', '/admin-links/redeem', { token });
      await owner.send('DELETE', `/memberships/${ownership.id}`);
      expect((await ask(gone.job.client)).status).toBe(200);
      await end(gone.user.id);
      for (const path of doors) {
        const { answer } = await oracle.refuses(() => ask(gone.job.client, 'acme/lab/aws', path), {
          status: 401,
          code: 'job_ended',
          secrets: [gone.job.token],
        });
        expect(answer.body.detail).toBe(`Job ${gone.job.id} has ended: its user gone-${how} was ${how}.`);
      }
      await oracle.refuses(() => createClient(running.issuer, access_token).ask('GET', '/users'), {
        status: 401,
        code: 'unauthenticated',
        secrets: [access_token],
      });
      await oracle.refuses(() => owner.ask('PATCH', `/users/${gone.user.id}`, { is_active: true }), {
        status: 409,
        code: 'conflict',
        action: 'user.update',
      });
    }
  });

  test('the launcher lost its right to act, or was deactivated', async () => {
    const { owner, workspaceId, group } = organization;
    const account = await createAccount(owner, group, 'brief');
    const right = await owner.send('POST', `/service-accounts/${account.id}/may-act`, {
      namespace: workspaceId,
      users: ['*'],
    });
    const one = await startJob({ ...organization, launcher: account.client });
    expect((await ask(one.client)).status).toBe(200);
    await owner.send('DELETE', `/service-accounts/${account.id}/may-act/${right.id}`);
    await oracle.refuses(() => ask(one.client), { status: 403, code: 'launcher_may_not_act' });
    await owner.send('POST', `/service-accounts/${account.id}/may-act`, { namespace: workspaceId, users: ['*'] });
    await owner.send('PATCH', `/service-accounts/${account.id}`, { is_active: false });
    await oracle.refuses(() => ask(one.client), { status: 403, code: 'launcher_inactive' });
    await oracle.refuses(() => account.client.ask('GET', '/groups'), {
      status: 401,
      code: 'unauthenticated',
      secrets: [account.client.token],
    });
    await expect(signIn(running.issuer, account.id, account.secret)).rejects.toThrow('invalid_client');
  });

  test('a secret or access token was deleted, revoked or expired', async () => {
    const { owner, group } = organization;
    const account = await createAccount(owner, group, 'rotating');
    await owner.send('DELETE', `/service-accounts/${account.id}/secrets/${account.secretId}`);
    await expect(signIn(running.issuer, account.id, account.secret)).rejects.toThrow('invalid_client');
    const next = await owner.send('POST', `/service-accounts/${account.id}/secrets`);
    const client = await signIn(running.issuer, account.id, next.client_secret);
    expect((await client.ask('GET', '/groups')).status).toBe(200);
    const form = { token: client.token!, client_id: account.id, client_secret: next.client_secret };
    expect((await postForm(running.issuer, '/revoke', form)).status).toBe(200);
    await oracle.refuses(() => client.ask('GET', '/groups'), {
      status: 401,
      code: 'unauthenticated',
      secrets: [client.token],
    });
    const last = await signIn(running.issuer, account.id, next.client_secret);
    running.clock.advance(3_601_000);
    await oracle.refuses(() => last.ask('GET', '/groups'), { status: 401, code: 'unauthenticated' });
    running.clock.advance(-3_601_000);
    running.clock.advance(91 * 86_400_000);
    await expect(signIn(running.issuer, account.id, next.client_secret)).rejects.toThrow('invalid_client');
    running.clock.advance(-91 * 86_400_000);
  });
});
