import { createHash } from 'node:crypto';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { atEnd, makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, request } from '../support/client.ts';
import { type CloudIdentities, setUpClouds, targets } from '../support/clouds.ts';
import { databaseKinds } from '../support/databases.ts';
import { createOrganization, type Job, type Organization, startJob } from '../support/organization.ts';

const verify = async (issuer: string, token: string, audience: string) => {
  const { jwks_uri } = (await request(`${issuer}/.well-known/openid-configuration`)).body;
  const keys = createRemoteJWKSet(new URL(jwks_uri));
  return await jwtVerify(token, keys, { issuer, audience, typ: 'JWT', algorithms: ['RS256'], maxTokenAge: 15 });
};

describe.each(databaseKinds)('the main job on the %s database', (kind) => {
  let running: RunningArsia;
  let sandbox: Sandbox;
  let organization: Organization;
  let identities: CloudIdentities;
  let job: Job;

  beforeAll(async () => {
    sandbox = await startSandbox();
    atEnd(() => sandbox.close());
    running = await startArsia({ home: await makeHome(kind), sandbox });
    organization = await createOrganization(running);
    identities = await setUpClouds(organization, sandbox);
    job = await startJob(organization);
  }, 60_000);

  test('a token can be verified with the JWKS over HTTP, and has exactly the claims of the contract', async () => {
    const before = Math.floor(running.clock.now() / 1000);
    const answer = await job.client.send('POST', '/tokens', { managed_identity: 'acme/lab/aws' });
    const after = Math.floor(running.clock.now() / 1000);
    const { payload, protectedHeader } = await verify(running.issuer, answer.token, 'aws');
    expect(Object.keys(protectedHeader).sort()).toEqual(['alg', 'kid', 'typ']);
    expect(payload).toEqual({
      iss: running.issuer,
      sub: `${identities.aws.id}:${organization.workspaceId}`,
      aud: 'aws',
      iat: expect.any(Number),
      nbf: payload.iat,
      exp: payload.iat! + 600,
      jti: answer.jti,
      identity_id: identities.aws.id,
      identity: 'acme/lab/aws',
      workspace_id: organization.workspaceId,
      workspace: 'acme/lab/sim',
      group_id: organization.groupId,
      group: 'acme/lab',
      organization_id: organization.id,
      organization: 'acme',
      user_id: organization.userId,
      user: organization.user,
      job_id: job.id,
      stage: 'run',
      launcher_id: organization.launcherId,
      launcher: 'launcher',
      'https://aws.amazon.com/roles': [targets.role],
    });
    expect(payload.iat).toBeGreaterThanOrEqual(before - 5);
    expect(payload.iat).toBeLessThanOrEqual(after - 5);
    expect(answer).toEqual({
      token: expect.any(String),
      subject: payload.sub,
      audience: 'aws',
      jti: payload.jti,
      expires_at: new Date(payload.exp! * 1000).toISOString(),
      audit_event_id: expect.stringMatching(/^evt_[0-9a-z]{26}$/),
    });
  });

  test('AWS: the job gets credentials in the name of the user (GetCallerIdentity)', async () => {
    const credentials = await job.client.send('POST', '/credentials', {
      managed_identity: identities.aws.id,
      duration: 900,
    });
    expect(credentials).toEqual({
      type: 'aws',
      access_key_id: expect.stringMatching(/^ASIA/),
      secret_access_key: expect.any(String),
      session_token: expect.any(String),
      expires_at: expect.any(String),
      role_arn: targets.role,
      assumed_role_arn: `arn:aws:sts::${targets.account}:assumed-role/sim/${organization.user}`,
      account_id: targets.account,
      jti: expect.any(String),
      audit_event_id: expect.stringMatching(/^evt_/),
    });
    const life = (Date.parse(credentials.expires_at) - running.clock.now()) / 1000;
    expect(life).toBeGreaterThan(840);
    expect(life).toBeLessThan(905);
    expect((await callerIdentity(sandbox, credentials)).Arn).toBe(credentials.assumed_role_arn);
  });

  test('Azure: the job gets an access token of the application', async () => {
    const credentials = await job.client.send('POST', '/credentials', { managed_identity: 'acme/lab/azure' });
    expect(credentials).toEqual({
      type: 'azure',
      access_token: expect.any(String),
      expires_at: expect.any(String),
      scope: 'https://management.azure.com/.default',
      client_id: targets.client,
      tenant_id: targets.tenant,
      jti: expect.any(String),
      audit_event_id: expect.any(String),
    });
    expect(decodeJwt(credentials.access_token)).toMatchObject({ tid: targets.tenant });
  });

  test('Google: the job gets an access token of the service account, and one of the principal', async () => {
    const impersonated = await job.client.send('POST', '/credentials', {
      managed_identity: 'acme/lab/gcp',
      duration: 600,
    });
    expect(impersonated).toEqual({
      type: 'gcp',
      access_token: expect.any(String),
      expires_at: expect.any(String),
      service_account: targets.serviceAccount,
      jti: expect.any(String),
      audit_event_id: expect.any(String),
    });
    const direct = await job.client.send('POST', '/credentials', {
      managed_identity: 'acme/lab/direct',
      profile: 'direct',
    });
    expect(Object.keys(direct).sort()).toEqual(['access_token', 'audit_event_id', 'expires_at', 'jti', 'type']);
    const info = `${sandbox.google.sts_endpoint}/oauth2/v3/tokeninfo?access_token=`;
    expect((await request(info + impersonated.access_token)).text).toContain(targets.serviceAccount);
    expect((await request(info + direct.access_token)).text).toContain(
      `${identities.direct.id}:${organization.workspaceId}`,
    );
  });

  test('every token and exchange has its records; the outcome refers to its mint', async () => {
    const minted = await job.client.send('POST', '/tokens', { managed_identity: 'acme/lab/aws' });
    const traded = await job.client.send('POST', '/credentials', { managed_identity: 'acme/lab/aws' });
    const find = async (query: string) =>
      (await organization.owner.send('GET', `/audit-events?${query}`)).items as Body[];
    const [mint, ...more] = await find(`jti=${minted.jti}`);
    expect(more).toEqual([]);
    expect(mint).toMatchObject({
      id: minted.audit_event_id,
      action: 'token.mint',
      outcome: 'success',
      actor_kind: 'job',
      actor_id: job.id,
      job_id: job.id,
      user_id: organization.userId,
      workspace_id: organization.workspaceId,
      identity_id: identities.aws.id,
      organization_id: organization.id,
      detail: { claims: decodeJwt(minted.token) },
    });
    const input = minted.token.slice(0, minted.token.lastIndexOf('.'));
    expect(mint!.signing_input_sha256).toBe(createHash('sha256').update(input).digest('hex'));
    const events = await find(`jti=${traded.jti}`);
    expect(events.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['credentials.exchange', 'success'],
      ['token.mint', 'success'],
    ]);
    expect(events[0]).toMatchObject({
      id: traded.audit_event_id,
      parent_id: events[1]!.id,
      detail: { type: 'aws', role_arn: targets.role, assumed_role_arn: traded.assumed_role_arn },
    });
    expect(JSON.stringify([mint, ...events])).not.toContain(minted.token.split('.')[2]);
    expect(JSON.stringify(events)).not.toContain(traded.secret_access_key);
    expect(JSON.stringify(events)).not.toContain(traded.session_token);
  });
});

async function callerIdentity(sandbox: Sandbox, credentials: Body) {
  const sts = new STSClient({
    region: 'us-east-1',
    endpoint: sandbox.aws.endpoint,
    credentials: {
      accessKeyId: credentials.access_key_id,
      secretAccessKey: credentials.secret_access_key,
      sessionToken: credentials.session_token,
    },
  });
  try {
    return await sts.send(new GetCallerIdentityCommand({}));
  } finally {
    sts.destroy();
  }
}
