import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type CloudName, type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { atEnd, type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Answer, Body } from '../support/client.ts';
import { type CloudIdentities, cloudSettings, setUpClouds, targets, trustOf } from '../support/clouds.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createIdentity, createOrganization, type Job, type Organization, startJob } from '../support/organization.ts';

let running: RunningArsia;
let sandbox: Sandbox;
let oracle: Oracle;
let organization: Organization;
let identities: CloudIdentities;
let job: Job;

beforeAll(async () => {
  sandbox = await startSandbox();
  atEnd(() => sandbox.close());
  running = await startArsia({ sandbox, settings: { ARSIA_CLOUD_DEADLINE: '1' } });
  oracle = await createOracle(running, sandbox);
  organization = await createOrganization(running);
  identities = await setUpClouds(organization, sandbox);
  job = await startJob(organization);
}, 60_000);

// The canary of threats.md 4.2: after each test a good request works.
afterEach(async () => {
  sandbox.clearFaults();
  expect((await ask({ managed_identity: 'acme/lab/aws' })).status).toBe(200);
});

const ask = (body: Body) => job.client.ask('POST', '/credentials', body);
const aws = (more: Body = {}) => ask({ managed_identity: 'acme/lab/aws', ...more });
const lastAwsCall = () => sandbox.requests.aws.calls.at(-1)!;
const refusal = () => ({ status: 400, code: 'invalid_request' });

describe('N39 the duration of credentials', () => {
  test.each([899, 0, -1, 7201, 43_201, 1e9, 3600.5, '900', '1e9', 'NaN', null, true, [900]])(
    'AWS: %j is refused without a request to the cloud',
    async (duration) => {
      const { answer } = await oracle.refuses(() => aws({ duration }), refusal());
      expect(answer.body.errors).toEqual([{ pointer: '/duration', detail: expect.any(String) }]);
    },
  );

  test('AWS: 900 s up to the maximum of the identity are requested from the cloud, 3600 s by default', async () => {
    for (const [duration, asked] of [
      [900, '900'],
      [7200, '7200'],
      [undefined, '3600'],
    ] as const) {
      const { status, body } = await aws({ duration });
      expect([status, lastAwsCall().parameters.DurationSeconds]).toEqual([200, asked]);
      const life = (Date.parse(body.expires_at) - running.clock.now()) / 1000;
      expect(Math.abs(life - Number(asked))).toBeLessThan(60);
    }
  });

  test('AWS: the default is not above the maximum of the identity', async () => {
    const path = `/managed-identities/${identities.aws.id}`;
    await organization.owner.send('PATCH', path, { settings: { ...cloudSettings.aws, max_duration: 1800 } });
    await oracle.refuses(() => aws({ duration: 1801 }), refusal());
    expect((await aws()).status).toBe(200);
    expect(lastAwsCall().parameters.DurationSeconds).toBe('1800');
    await organization.owner.send('PATCH', path, { settings: cloudSettings.aws });
  });

  test('Google allows up to 3600 s with a service account, and none without; Azure allows none', async () => {
    const gcp = (duration: number) => ask({ managed_identity: 'acme/lab/gcp', duration });
    expect((await gcp(3600)).status).toBe(200);
    for (const duration of [59, 3601]) await oracle.refuses(() => gcp(duration), refusal());
    for (const managed_identity of ['acme/lab/direct', 'acme/lab/azure'])
      await oracle.refuses(() => ask({ managed_identity, duration: 900 }), refusal());
  });
});

describe('other options of a request', () => {
  test('AWS: a session policy is sent to the cloud; an invalid one is refused', async () => {
    const session_policy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
    expect((await aws({ aws: { session_policy } })).status).toBe(200);
    for (const bad of ['', 'x'.repeat(2049), 'not JSON', '[]', '{"Version":"2012-10-17","Ŧ":1}'])
      await oracle.refuses(() => aws({ aws: { session_policy: bad } }), refusal());
  });

  test('Azure accepts a scope, Google accepts scopes; options of another cloud are refused', async () => {
    const scope = 'https://vault.azure.net/.default';
    const azure = await ask({ managed_identity: 'acme/lab/azure', azure: { scope } });
    expect([azure.status, azure.body.scope]).toEqual([200, scope]);
    const scopes = ['https://www.googleapis.com/auth/devstorage.read_only'];
    expect((await ask({ managed_identity: 'acme/lab/gcp', gcp: { scopes } })).status).toBe(200);
    for (const body of [
      { managed_identity: 'acme/lab/azure', azure: { scope: 'https://evil.example' } },
      { managed_identity: 'acme/lab/gcp', gcp: { scopes: ['not a scope'] } },
      { managed_identity: 'acme/lab/gcp', aws: { session_policy: '{}' } },
      { managed_identity: 'acme/lab/aws', azure: { scope }, gcp: { scopes } },
    ])
      await oracle.refuses(() => ask(body), refusal());
  });

  test('the AWS session name is the login, or the id when AWS does not allow the login', async () => {
    const { owner, workspaceId } = organization;
    const { id } = await owner.send('POST', '/users', { login: 'x' });
    await owner.send('POST', '/memberships', { namespace: workspaceId, principal: id, role: 'deployer' });
    const other = await startJob(organization, { user: 'x' });
    const { assumed_role_arn } = await other.client.send('POST', '/credentials', { managed_identity: 'acme/lab/aws' });
    expect(assumed_role_arn).toBe(`arn:aws:sts::${targets.account}:assumed-role/sim/${id}`);
    expect(lastAwsCall().parameters.RoleSessionName).toBe(id);
  });

  test('two users of one application cause two requests to Entra', async () => {
    const { owner, workspaceId } = organization;
    const { id } = await owner.send('POST', '/users', { login: 'bob' });
    await owner.send('POST', '/memberships', { namespace: workspaceId, principal: id, role: 'deployer' });
    const other = await startJob(organization, { user: 'bob' });
    const before = sandbox.requests.azure.count;
    const answers = [
      await ask({ managed_identity: 'acme/lab/azure' }),
      await other.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/azure' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(sandbox.requests.azure.count - before).toBe(2);
    expect(answers[0]!.body.access_token).not.toBe(answers[1]!.body.access_token);
  });
});

/** Checks that the records are exactly a successful mint and its outcome. */
async function expectOutcome(answer: Answer, outcome: string, code: string): Promise<Body> {
  const records = await oracle.recordsOf(answer);
  expect(records.map((record) => [record.action, record.outcome, record.code]).sort()).toEqual(
    [
      ['credentials.exchange', outcome, code],
      ['token.mint', 'success', null],
    ].sort(),
  );
  const [mint, exchange] = [
    records.find(({ action }) => action === 'token.mint')!,
    records.find(({ action }) => action !== 'token.mint')!,
  ];
  expect(exchange).toMatchObject({ parent_id: mint.id, jti: mint.jti, job_id: job.id, identity_id: mint.identity_id });
  expect(JSON.stringify(records)).not.toMatch(/eyJ/);
  return exchange;
}

test('N29 environment variables of the SDKs do not change where tokens are sent', async () => {
  let hits = 0;
  const elsewhere = createServer((_request, response) => {
    hits++;
    response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  const variables = {
    ...{
      AWS_ENDPOINT_URL: url,
      AWS_ENDPOINT_URL_STS: url,
      AWS_REGION: 'us-east-1.evil.example',
      AWS_USE_FIPS_ENDPOINT: '1',
    },
    ...{ HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url, ALL_PROXY: url },
    ...{ MSAL_FORCE_REGION: 'evil', AZURE_AUTHORITY_HOST: url, GOOGLE_CLOUD_UNIVERSE_DOMAIN: 'evil.example' },
  };
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    for (const identity of ['aws', 'azure', 'gcp', 'direct'])
      expect([identity, (await ask({ managed_identity: `acme/lab/${identity}` })).status]).toEqual([identity, 200]);
  } finally {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    elsewhere.closeAllConnections();
    elsewhere.close();
  }
  expect(hits).toBe(0);
});

describe('a cloud that refuses', () => {
  test('AWS: AccessDenied returns 403 with the code of AWS, an explanation and the condition to compare', async () => {
    const { owner, workspaceId, otherWorkspaceId } = organization;
    const role_arn = `arn:aws:iam::${targets.account}:role/somebody-else`;
    const settings = { role_arn };
    const made = await createIdentity(
      organization,
      { name: 'misplaced', type: 'aws', settings, delivery: 'both' },
      'misplaced',
    );
    const elsewhere = await trustOf(owner, made.id, otherWorkspaceId);
    sandbox.aws.createRole({ arn: role_arn, trust_policy: elsewhere.document('trust-policy') });
    const answer = await ask({ managed_identity: made.id });
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({
      code: 'cloud_denied',
      detail: expect.stringContaining(role_arn),
      advice: expect.stringContaining(`/managed-identities/${made.id}/trust`),
      cloud: { provider: 'aws', code: 'AccessDenied', status: 403, message: expect.any(String) },
    });
    const record = await expectOutcome(answer, 'refused', 'cloud_denied');
    expect(record.detail.cloud).toMatchObject({ code: 'AccessDenied' });
    const verdict = await owner.send('POST', `/managed-identities/${made.id}/trust/evaluate`, {
      document: elsewhere.document('trust-policy'),
      workspace: workspaceId,
      user: organization.user,
    });
    expect(verdict).toMatchObject({
      allow: false,
      condition: expect.stringMatching(/^StringEquals .*:sub$/),
      expected: `${made.id}:${otherWorkspaceId}`,
      actual: `${made.id}:${workspaceId}`,
    });
  });

  test('explains a missing role (AWS), a subject without a credential (Azure) and a missing provider (Google)', async () => {
    const none = { role_arn: `arn:aws:iam::${targets.account}:role/none` };
    const unknownClient = { ...cloudSettings.azure, client_id: '00000000-0000-4000-8000-000000000000' };
    const cases = [
      [
        await createIdentity(organization, { name: 'no-role', type: 'aws', settings: none }, 'no-role'),
        'aws',
        [403, 502],
      ],
      [
        await createIdentity(organization, { name: 'no-client', type: 'azure', settings: unknownClient }, 'no-client'),
        'azure',
        [403, 502],
      ],
      [
        await createIdentity(
          organization,
          { name: 'no-subject', type: 'azure', settings: cloudSettings.azure },
          'no-subject',
        ),
        'azure',
        [403, 502],
      ],
      [
        await createIdentity(
          organization,
          { name: 'no-provider', type: 'gcp', settings: { ...cloudSettings.direct, provider: 'none' } },
          'no-provider',
        ),
        'gcp',
        [403, 502],
      ],
    ] as const;
    for (const [identity, provider, statuses] of cases) {
      const answer = await ask({ managed_identity: identity.id });
      expect(statuses).toContain(answer.status);
      expect(answer.body.code).toMatch(/^cloud_/);
      expect(answer.body.cloud).toMatchObject({ provider, code: expect.stringMatching(/^\w+$/) });
      expect(answer.body.advice.length).toBeGreaterThan(20);
      await expectOutcome(answer, answer.status === 403 ? 'refused' : 'failed', answer.body.code);
    }
  });

  test('a cloud that throttles or fails is tried three times at most, then 502; a single failure is retried', async () => {
    const names: [CloudName, string][] = [
      ['aws', 'aws'],
      ['azure', 'azure'],
      ['google', 'direct'],
    ];
    for (const [cloud, identity] of names) {
      const ask1 = () => ask({ managed_identity: `acme/lab/${identity}` });
      sandbox.inject(cloud, { kind: 'fail', status: 503 }, 1);
      expect([cloud, (await ask1()).status]).toEqual([cloud, 200]);
      for (const status of [429, 500, 503] as const) {
        const before = sandbox.requests[cloud].count;
        sandbox.inject(cloud, { kind: 'fail', status }, 10);
        const answer = await ask1();
        sandbox.clearFaults();
        expect([cloud, status, answer.status, answer.body.code]).toEqual([cloud, status, 502, 'cloud_unavailable']);
        expect(sandbox.requests[cloud].count - before).toBeLessThanOrEqual(3);
        await expectOutcome(answer, 'failed', 'cloud_unavailable');
      }
    }
  }, 30_000);

  test('a cloud that does not answer returns 504 at the deadline, and the other clouds work meanwhile', async () => {
    sandbox.inject('google', { kind: 'hang' }, 10);
    const slow = ask({ managed_identity: 'acme/lab/direct' });
    expect((await aws()).status).toBe(200);
    const answer = await slow;
    expect([answer.status, answer.body.code]).toEqual([504, 'cloud_timeout']);
    expect(answer.body.detail).toBe('The cloud (gcp) did not answer within 1 seconds.');
    await expectOutcome(answer, 'failed', 'cloud_timeout');
  });
});

describe('a failure to write the audit', () => {
  const failInsertOf = (action: string) =>
    oracle.execute(`
      CREATE FUNCTION fail_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER fail_insert BEFORE INSERT ON audit_events FOR EACH ROW WHEN (NEW.action = '${action}') EXECUTE FUNCTION fail_insert();`);
  const heal = () => oracle.execute('DROP FUNCTION fail_insert CASCADE');

  test('of the outcome of an exchange: the credentials are discarded, and the answer is 503', async () => {
    await failInsertOf('credentials.exchange');
    const before = sandbox.requests.aws.count;
    const answer = await aws();
    await heal();
    expect([answer.status, answer.body.code]).toEqual([503, 'unavailable']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.text).not.toMatch(/ASIA|secret_access_key|session_token/);
    expect(sandbox.requests.aws.count - before).toBe(1);
    expect((await oracle.recordsOf(answer)).map(({ action, outcome }) => [action, outcome])).toEqual([
      ['token.mint', 'success'],
    ]);
  });

  test('of a mint: no token, no call to the cloud, 503 on both routes', async () => {
    await failInsertOf('token.mint');
    const calls = sandbox.requests.aws.count;
    const answers = [await aws(), await job.client.ask('POST', '/tokens', { managed_identity: 'acme/lab/aws' })];
    await heal();
    for (const answer of answers) {
      expect([answer.status, answer.body.code]).toEqual([503, 'unavailable']);
      expect(answer.text).not.toContain('eyJ');
      expect(await oracle.recordsOf(answer)).toEqual([]);
    }
    expect(sandbox.requests.aws.count).toBe(calls);
  });

  test('of a change: it is rolled back', async () => {
    await failInsertOf('group.create');
    const before = await oracle.snapshot();
    const answer = await organization.owner.ask('POST', '/groups', { name: 'unrecorded', parent: 'acme' });
    await heal();
    expect([answer.status, answer.body.code]).toEqual([503, 'unavailable']);
    expect(await oracle.snapshot()).toEqual(before);
  });
});
