import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, createClient, exchangeToken, postForm, request, signIn } from '../support/client.ts';
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
let oracle: Oracle;
let organization: Organization;
let job: Job;
const identities: Record<string, Body> = {};

const scopes = ['identity', 'workspace', 'user', 'workspace_user'] as const;
const audience = (name: string) => `https://${name}.acme.example`;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  organization = await createOrganization(running);
  const make = async (name: string, more: Body = {}) => {
    const settings = { audience: audience(name) };
    identities[name] = await createIdentity(
      organization,
      { name, type: 'oidc', settings, delivery: 'both', ...more },
      name,
    );
  };
  for (const subject_scope of scopes) await make(subject_scope, { subject_scope });
  await make('token-only', { delivery: 'token' });
  await make('credentials-only', { delivery: 'credentials' });
  await make('default-delivery', { delivery: undefined });
  await make('long', { token_lifetime: 3600 });
  await make('short', { token_lifetime: 60 });
  job = await startJob(organization);
}, 60_000);

const mint = (managed_identity: string, client = job.client) => client.ask('POST', '/tokens', { managed_identity });

async function claimsOf(managed_identity: string, client = job.client) {
  const { status, body } = await mint(`acme/lab/${managed_identity}`, client);
  expect([managed_identity, status]).toEqual([managed_identity, 200]);
  const { jwks_uri, issuer } = (await request(`${running.issuer}/.well-known/openid-configuration`)).body;
  const keys = createRemoteJWKSet(new URL(jwks_uri));
  const { payload } = await jwtVerify(body.token, keys, { issuer, audience: audience(managed_identity), typ: 'JWT' });
  return payload;
}

describe('the claims of a workload token', () => {
  const always = ['aud', 'exp', 'group', 'group_id', 'iat', 'identity', 'identity_id', 'iss', 'job_id', 'jti', 'nbf'];
  const place = ['organization', 'organization_id', 'stage', 'sub', 'workspace', 'workspace_id'];
  const launcher = ['launcher', 'launcher_id'];
  const user = ['user', 'user_id'];

  test.each(scopes)('of an identity with the subject scope %s', async (scope) => {
    const claims = await claimsOf(scope);
    const [ws, usr] = [organization.workspaceId, organization.userId];
    const tails = { identity: '', workspace: `:${ws}`, user: `:${usr}`, workspace_user: `:${ws}:${usr}` };
    expect(claims.sub).toBe(`${identities[scope]!.id}${tails[scope]}`);
    expect(Object.keys(claims).sort()).toEqual([...always, ...place, ...launcher, ...user].sort());
    expect([claims.exp! - claims.iat!, claims.nbf! - claims.iat!]).toEqual([600, 0]);
  });

  test('of a job without a user: no user claims, and a user-scoped identity is refused', async () => {
    const membership = { namespace: organization.workspaceId, role: 'deployer' } as const;
    const account = await createAccount(organization.owner, organization.group, 'robot', membership);
    // The right to act for itself allows its stage and labels.
    const right = { namespace: organization.workspaceId, users: [account.id], stages: ['nightly'] };
    await organization.owner.send('POST', `/service-accounts/${account.id}/may-act`, right);
    const robot = await startJob({ ...organization, launcher: account.client }, { user: undefined, stage: 'nightly' });
    const claims = await claimsOf('workspace', robot.client);
    expect(Object.keys(claims).sort()).toEqual([...always, ...place, ...launcher].sort());
    expect(claims).toMatchObject({ stage: 'nightly', launcher: 'robot', launcher_id: account.id, job_id: robot.id });
    for (const scope of ['user', 'workspace_user'])
      await oracle.refuses(() => mint(`acme/lab/${scope}`, robot.client), { status: 403, code: 'identity_needs_user' });
  });

  test('of a job that a person starts for themselves: no launcher claims', async () => {
    const started = await organization.owner.send('POST', `/workspaces/${organization.workspaceId}/jobs`, {});
    expect(started).toMatchObject({ stage: 'interactive', launcher_id: null, user_id: organization.ownerId });
    const claims = await claimsOf('workspace_user', createClient(running.issuer, started.job_token));
    expect(Object.keys(claims).sort()).toEqual([...always, ...place, ...user].sort());
    expect(claims).toMatchObject({ user: 'acme.owner', user_id: organization.ownerId, stage: 'interactive' });
  });

  test('equal the preview, except for the job, the token id and the times', async () => {
    const { jti: _jti, job_id: _job, stage: _stage, iat, nbf, exp, ...claims } = await claimsOf('workspace_user');
    const query = `workspace=${organization.workspaceId}&user=${encodeURIComponent(organization.user)}`;
    const preview = await organization.owner.send(
      'GET',
      `/managed-identities/acme%2Flab%2Fworkspace_user/claims?${query}`,
    );
    const { launcher: _launcher, launcher_id: _id, ...shared } = claims;
    expect(preview).toMatchObject(shared);
    expect(preview.exp - preview.iat).toBe(exp! - iat!);
    expect(nbf).toBe(iat);
  });

  test('expire after the lifetime of the identity: 10 minutes by default, at most 60', async () => {
    for (const [name, life] of [
      ['long', 3600],
      ['short', 60],
      ['workspace', 600],
    ] as const) {
      const { iat, exp } = await claimsOf(name);
      expect(exp! - iat!).toBe(life);
    }
    for (const token_lifetime of [59, 3601, 0, -1, 600.5, '600'])
      await oracle.refuses(
        () => organization.owner.ask('PATCH', `/managed-identities/${identities.long!.id}`, { token_lifetime }),
        { status: 400, code: 'invalid_request' },
      );
  });

  test('have whole seconds, an iat and nbf 5 s in the past, and a new jti each time', async () => {
    running.clock.advance(3_600_000);
    const now = Math.floor(running.clock.now() / 1000);
    const { body } = await mint('acme/lab/workspace');
    running.clock.advance(-3_600_000);
    const claims = decodeJwt(body.token);
    expect(claims.iat).toBeGreaterThanOrEqual(now - 5);
    expect(claims.iat).toBeLessThanOrEqual(now - 4);
    const jtis = new Set(
      await Promise.all(Array.from({ length: 20 }, async () => (await mint('acme/lab/workspace')).body.jti)),
    );
    expect(jtis.size).toBe(20);
    for (const jti of jtis) expect(jti).toMatch(/^evt_[0-9a-z]{26}$/);
  });

  test('N38 keep the subject within 127 bytes and the token within the limit of AWS at the deepest path', async () => {
    const { owner } = organization;
    const name = 'n'.repeat(64);
    let group = 'acme';
    for (let depth = 1; depth < 20; depth++)
      group = (await owner.send('POST', '/groups', { name, parent: group })).path;
    await oracle.refuses(() => owner.ask('POST', '/groups', { name, parent: group }), {
      status: 409,
      code: 'conflict',
    });
    const workspace = await owner.send('POST', '/workspaces', { name, group });
    await owner.send('POST', '/memberships', {
      namespace: workspace.id,
      principal: organization.user,
      role: 'deployer',
    });
    await owner.send('POST', `/service-accounts/${organization.launcherId}/may-act`, {
      namespace: workspace.id,
      users: ['*'],
    });
    const there = { ...organization, group, workspaceId: workspace.id };
    const deep = await createIdentity(there, {
      name,
      type: 'aws',
      settings: { role_arn: 'arn:aws:iam::111122223333:role/x', session_tags: { place: 'workspace_id' } },
      subject_scope: 'workspace_user',
      delivery: 'both',
    });
    const far = await startJob(organization, {}, workspace.id);
    const { status, body } = await mint(deep.id, far.client);
    expect(status).toBe(200);
    expect(Buffer.byteLength(body.subject)).toBeLessThanOrEqual(127);
    expect(body.token.length).toBeLessThan(20_000);
    // A path of 1364 characters is too long for a session tag: refused before signing.
    await owner.send('PATCH', `/managed-identities/${deep.id}`, {
      settings: { role_arn: 'arn:aws:iam::111122223333:role/x', session_tags: { place: 'workspace' } },
    });
    const { record } = await oracle.refuses(() => mint(deep.id, far.client), { status: 422, code: 'claims_refused' });
    expect([record.jti, record.signing_input_sha256]).toEqual([null, null]);
  });
});

describe('AWS claims', () => {
  test('tags and source identity are opt-in, and the token always has one role', async () => {
    const role_arn = 'arn:aws:iam::111122223333:role/tagged';
    const settings = { role_arn, session_tags: { who: 'user', 'arsia:where': 'workspace' }, source_identity: true };
    const tagged = await createIdentity(
      organization,
      { name: 'tagged', type: 'aws', settings, delivery: 'both' },
      'tagged',
    );
    const claims = decodeJwt((await mint(tagged.id)).body.token);
    expect(claims['https://aws.amazon.com/roles']).toEqual([role_arn]);
    expect(claims['https://aws.amazon.com/tags']).toEqual({
      principal_tags: { who: [organization.user], 'arsia:where': ['acme/lab/sim'] },
    });
    expect(claims['https://aws.amazon.com/source_identity']).toBe(organization.user);
    expect(claims.aud).toBe('aws');
  });

  test('a tag key that equals the name of a claim in any case is refused', async () => {
    const role_arn = 'arn:aws:iam::111122223333:role/tagged';
    for (const key of [
      'sub',
      'AUD',
      'client_id',
      'clientId',
      'CLIENTID',
      'azp',
      'app_id',
      'User_Id',
      'workspace',
      'aws:x',
    ])
      await oracle.refuses(
        () =>
          organization.owner.ask('POST', '/managed-identities', {
            name: 'x',
            group: 'acme/lab',
            type: 'aws',
            settings: { role_arn, session_tags: { [key]: 'user' } },
          }),
        { status: 400, code: 'invalid_request' },
      );
  });
});

test('OpenSSL verifies a token with the key of the certificate in the JWKS', async () => {
  const { token } = (await mint('acme/lab/workspace')).body;
  const [header, payload, signature] = token.split('.');
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const { keys } = (await request(`${running.issuer}/.well-known/jwks.json`)).body;
  const key = keys.find((one: Body) => one.kid === kid);
  const folder = mkdtempSync(join(tmpdir(), 'arsia-openssl-'));
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  try {
    const certificate = `-----BEGIN CERTIFICATE-----\n${key.x5c[0].match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`;
    writeFileSync(join(folder, 'certificate.pem'), certificate);
    writeFileSync(join(folder, 'public.pem'), openssl('x509', '-in', 'certificate.pem', '-noout', '-pubkey'));
    writeFileSync(join(folder, 'signature'), Buffer.from(signature, 'base64url'));
    const verify = (input: string) => {
      writeFileSync(join(folder, 'input'), input);
      return openssl('dgst', '-sha256', '-verify', 'public.pem', '-signature', 'signature', 'input');
    };
    expect(verify(`${header}.${payload}`)).toContain('Verified OK');
    expect(() => verify(`${header}.${payload.slice(0, -1)}`)).toThrow();
    // The certificate has the key of `n` and `e`.
    const modulus = openssl('rsa', '-pubin', '-in', 'public.pem', '-noout', '-modulus').trim().slice('Modulus='.length);
    expect(Buffer.from(modulus, 'hex').toString('base64url')).toBe(key.n);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('delivery and profile', () => {
  test('an identity delivers what its setting says, and both by default where the credential is the token', async () => {
    const ask = (path: string, name: string) => job.client.ask('POST', path, { managed_identity: `acme/lab/${name}` });
    expect(identities['default-delivery']!.delivery).toBe('both');
    for (const path of ['/tokens', '/credentials']) expect((await ask(path, 'default-delivery')).status).toBe(200);
    await oracle.refuses(() => ask('/tokens', 'credentials-only'), {
      status: 403,
      code: 'delivery_refused',
      action: 'token.mint',
    });
    expect((await ask('/credentials', 'credentials-only')).status).toBe(200);
    await oracle.refuses(() => ask('/credentials', 'token-only'), { status: 403, code: 'delivery_refused' });
    expect((await ask('/tokens', 'token-only')).status).toBe(200);
  });

  test('credentials of a relying party are the token itself', async () => {
    const { status, body } = await job.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/workspace' });
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['audit_event_id', 'expires_at', 'jti', 'token', 'type']);
    expect(decodeJwt(body.token)).toMatchObject({ jti: body.jti, aud: audience('workspace') });
    expect(Date.parse(body.expires_at) / 1000).toBe(decodeJwt(body.token).exp);
  });

  test('the profile of a request must be that of the assignment, or be left out', async () => {
    const ask = (profile: string) =>
      job.client.ask('POST', '/tokens', { managed_identity: 'acme/lab/workspace', profile });
    expect((await ask('workspace')).status).toBe(200);
    await oracle.refuses(() => ask('other'), { status: 403, code: 'identity_not_assigned' });
    await oracle.refuses(() => ask('Not a name'), { status: 400, code: 'invalid_request' });
  });
});

describe('RFC 8693 at /oauth2/token', () => {
  const asJob = (named: string, more: Record<string, string> = {}) =>
    exchangeToken(running.issuer, job.token, named, more);
  const jwt = 'urn:ietf:params:oauth:token-type:jwt';

  test('returns the same workload token as /tokens', async () => {
    for (const named of ['acme/lab/workspace', identities.workspace!.id]) {
      const { status, body, headers } = await asJob(named);
      expect(status).toBe(200);
      expect(body).toEqual({
        access_token: expect.any(String),
        issued_token_type: jwt,
        token_type: 'N_A',
        expires_in: expect.any(Number),
      });
      expect(headers.get('cache-control')).toBe('no-store');
      expect(body.expires_in).toBeGreaterThan(590);
      expect(body.expires_in).toBeLessThanOrEqual(596);
      const { payload } = await jwtVerify(
        body.access_token,
        createRemoteJWKSet(new URL(`${running.issuer}/.well-known/jwks.json`)),
      );
      expect(payload).toMatchObject({ sub: `${identities.workspace!.id}:${organization.workspaceId}`, job_id: job.id });
      const [record, ...more] = await oracle.recordsOf({ status, body, headers, text: '' });
      expect(more).toEqual([]);
      expect(record).toMatchObject({ action: 'token.mint', outcome: 'success', jti: payload.jti, actor_id: job.id });
    }
  });

  test('unknown, unassigned and forbidden identities return invalid_target', async () => {
    const { owner } = organization;
    const settings = { audience: 'https://unassigned.example' };
    await owner.send('POST', '/managed-identities', { name: 'unassigned', group: 'acme/lab', type: 'oidc', settings });
    for (const [named, code] of [
      ['acme/lab/none', 'not_found'],
      ['acme/other/none', 'not_found'],
      ['https://sts.amazonaws.com', 'not_found'],
      ['*', 'not_found'],
      ['x'.repeat(2000), 'not_found'],
      ['a\0b', 'not_found'],
      ['acme/lab/unassigned', 'identity_not_assigned'],
      ['acme/lab/credentials-only', 'delivery_refused'],
    ])
      await oracle.refuses(() => asJob(named!), {
        status: 400,
        code: 'invalid_target',
        recorded: code!,
        action: 'token.mint',
        secrets: [job.token],
      });
  });

  test('bad and ended subject tokens return invalid_request, with one record and no signature', async () => {
    const ended = await startJob(organization);
    await organization.launcher.send('PATCH', ended.path, { state: 'ended' });
    const workload = (await mint('acme/lab/workspace')).body.token;
    for (const [token, recorded] of [
      [ended.token, 'job_ended'],
      ['arsia_job_x', 'unauthenticated'],
      [`arsia_job_${'x'.repeat(43)}`, 'unauthenticated'],
      [workload, 'unauthenticated'],
      [organization.owner.token!, 'unauthenticated'],
      ['nonsense', 'unauthenticated'],
    ])
      await oracle.refuses(() => exchangeToken(running.issuer, token!, 'acme/lab/workspace'), {
        status: 400,
        code: 'invalid_request',
        recorded: recorded!,
        action: 'token.mint',
        secrets: [token!],
      });
  });

  test('parameters of RFC 8693 that Arsia does not support are refused by name', async () => {
    for (const [more, error] of [
      [{ requested_token_type: 'urn:ietf:params:oauth:token-type:access_token' }, 'invalid_request'],
      [{ actor_token: 'x', actor_token_type: jwt }, 'invalid_request'],
      [{ resource: 'https://x.example' }, 'invalid_request'],
      [{ scope: 'openid' }, 'invalid_scope'],
      [{ audience: '' }, 'invalid_request'],
      [{ subject_token: '' }, 'invalid_request'],
      [{ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' }, 'unsupported_grant_type'],
    ] as const) {
      const { answer } = await oracle.refuses(() => asJob('acme/lab/workspace', more), {
        status: 400,
        code: error,
        recorded: 'invalid_request',
        secrets: [job.token],
      });
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    }
  });

  test('the public client of jobs is for this grant only; other clients must authenticate', async () => {
    const { issuer } = running;
    const forms: Record<string, string>[] = [
      { client_id: 'workload', client_secret: 'x' },
      { client_id: 'nobody' },
      { client_id: organization.launcherId },
    ];
    for (const form of forms)
      await oracle.refuses(() => asJob('acme/lab/workspace', form), {
        status: 401,
        code: 'invalid_client',
        recorded: 'unauthenticated',
        secrets: [job.token],
      });
    await oracle.refuses(
      () => postForm(issuer, '/token', { grant_type: 'client_credentials', client_id: 'workload' }),
      {
        status: 400,
        code: 'unauthorized_client',
        recorded: 'invalid_request',
      },
    );
    const { launcherId: client_id, launcherSecret: client_secret } = organization;
    expect((await asJob('acme/lab/workspace', { client_id, client_secret })).status).toBe(200);
    expect((await signIn(issuer, client_id, client_secret)).token).toMatch(/^arsia_at_/);
  });
});
