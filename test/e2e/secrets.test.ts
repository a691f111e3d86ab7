import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { atEnd, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Client, createClient, exchangeToken, postForm, request } from '../support/client.ts';
import { type CloudIdentities, setUpClouds, targets } from '../support/clouds.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Job,
  type Organization,
  startJob,
} from '../support/organization.ts';

/**
 * N45: sends and receives secrets on every path, in good and bad requests, then searches for them in everything that remains: the log,
 * the audit, the answers to refused requests, and every row of the database.
 */
let running: RunningArsia;
let sandbox: Sandbox;
let oracle: Oracle;
let organization: Organization;
let identities: CloudIdentities;
let job: Job;

/** Secrets that must not be found, by their name. */
const canaries = new Map<string, string>();
/** Answers to refused requests, which must not repeat a secret that was sent. */
const refused: Answer[] = [];

beforeAll(async () => {
  sandbox = await startSandbox();
  atEnd(() => sandbox.close());
  running = await startArsia({ sandbox, settings: { ARSIA_CLOUD_DEADLINE: '1' } });
  oracle = await createOracle(running, sandbox);
  organization = await createOrganization(running);
  identities = await setUpClouds(organization, sandbox);
  job = await startJob(organization);
}, 60_000);

let made = 0;

/** Makes a new secret of this shape. */
function canary(name: string, make: (random: string) => string): string {
  const secret = make(randomBytes(32).toString('base64url'));
  canaries.set(`${name} ${++made}`, secret);
  return secret;
}

const shapes = {
  'job token': (random: string) => `arsia_job_${random}`,
  'access token': (random: string) => `arsia_at_${random}`,
  'client secret': (random: string) => `arsia_secret_${random}`,
  'admin link': (random: string) => `arsia_link_${random}`,
  JWT: (random: string) => `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(`{"sub":"${random}"}`).toString('base64url')}.${random}`,
  'AWS secret key': (random: string) => `${random.slice(0, 20)}/${random.slice(20, 39)}`,
  'Google token': (random: string) => `ya29.${random}`,
  passphrase: (random: string) => `Correct Horse ${random.slice(0, 20)}`,
};

async function refuse(answer: Promise<Answer>): Promise<void> {
  const { status } = await answer;
  expect(status).toBeGreaterThanOrEqual(400);
  refused.push(await answer);
}

describe('N45 sent secrets', () => {
  test.each(Object.entries(shapes))('%s: as bearer token, in fields, in the URL, in headers', async (name, shape) => {
    const { owner, workspaceId } = organization;
    const { issuer } = running;
    const secret = () => canary(name, shape);
    const as = (token: string): Client => createClient(issuer, token);
    await refuse(as(secret()).ask('GET', '/groups'));
    await refuse(as(secret()).ask('POST', '/tokens', { managed_identity: 'acme/lab/aws' }));
    await refuse(as(secret()).ask('POST', '/credentials', { managed_identity: 'acme/lab/aws' }));
    await refuse(job.client.ask('POST', '/tokens', { managed_identity: secret() }));
    await refuse(job.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/aws', profile: secret() }));
    await refuse(
      job.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/aws', aws: { session_policy: secret() } }),
    );
    await refuse(
      job.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/azure', azure: { scope: secret() } }),
    );
    await refuse(
      job.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/gcp', gcp: { scopes: [secret()] } }),
    );
    for (const body of [
      { name: secret(), parent: 'acme' },
      { name: 'x', parent: secret() },
    ])
      await refuse(owner.ask('POST', '/groups', body));
    await refuse(owner.ask('POST', '/users', { login: `${secret()} ` }));
    await refuse(owner.ask('POST', '/memberships', { namespace: secret(), principal: secret(), role: secret() }));
    await refuse(owner.ask('POST', `/workspaces/${workspaceId}/jobs`, { user: secret(), stage: 'run' }));
    await refuse(owner.ask('POST', `/workspaces/${workspaceId}/jobs`, { stage: secret(), reference: secret() }));
    await refuse(
      owner.ask('POST', '/managed-identities', { name: 'x', group: 'acme/lab', type: secret(), settings: {} }),
    );
    for (const settings of [
      { role_arn: secret() },
      { role_arn: targets.role, region: secret() },
      { role_arn: targets.role, sts_endpoint: `https://${secret()}` },
    ])
      await refuse(owner.ask('POST', '/managed-identities', { name: 'x', group: 'acme/lab', type: 'aws', settings }));
    await refuse(owner.ask('POST', `/managed-identities/${identities.aws.id}/trust/evaluate`, { document: secret() }));
    await refuse(owner.ask('POST', `/managed-identities/${identities.aws.id}/grants`, { principal: secret() }));
    await refuse(owner.ask('POST', '/admin-links/redeem', { token: `${secret()}x` }));
    await refuse(owner.ask('POST', '/groups', `{"name": ${secret()}}`));
    await refuse(owner.ask('POST', '/groups', '{}', { 'content-type': secret() }));
    for (const path of ['/groups/', '/users/', '/managed-identities/', `/workspaces/${workspaceId}/jobs/`])
      await refuse(owner.ask('GET', path + encodeURIComponent(secret())));
    for (const query of ['cursor=', 'limit='])
      await refuse(owner.ask('GET', `/groups?${query}${encodeURIComponent(secret())}`));
    for (const query of ['job=', 'action=', 'outcome='])
      await refuse(owner.ask('GET', `/audit-events?${query}${encodeURIComponent(`${secret()} `)}`));
    await refuse(owner.ask('GET', `/nothing/${encodeURIComponent(secret())}?x=${encodeURIComponent(secret())}`));
    const headers = {
      'x-request-id': secret(),
      cookie: `session=${secret()}`,
      'x-api-key': secret(),
      referer: `https://x.example/${encodeURIComponent(secret())}`,
      'user-agent': secret(),
    };
    await refuse(
      createClient(issuer).ask('GET', '/groups', undefined, {
        ...headers,
        authorization: `Basic ${btoa(`x:${secret()}`)}`,
      }),
    );
    await refuse(exchangeToken(issuer, secret(), 'acme/lab/aws'));
    await refuse(exchangeToken(issuer, job.token, secret()));
    await refuse(exchangeToken(issuer, job.token, 'acme/lab/aws', { subject_token_type: secret() }));
    const { launcherId: client_id } = organization;
    const grant_type = 'client_credentials';
    for (const form of [
      { grant_type, client_id, client_secret: secret() },
      { grant_type, client_id: secret(), client_secret: secret() },
      { grant_type: secret(), client_id, client_secret: secret() },
      {
        grant_type,
        client_id,
        client_assertion: secret(),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
      { grant_type, client_id, code: secret(), refresh_token: secret(), password: secret() },
    ] as Record<string, string>[])
      await refuse(postForm(issuer, '/token', form));
    await refuse(postForm(issuer, '/introspect', { token: secret(), client_id, client_secret: secret() }));
    await refuse(postForm(issuer, '/revoke', { token: secret(), client_id, client_secret: secret() }));
    await refuse(request(`${issuer}/oauth2/token?client_secret=${encodeURIComponent(secret())}`));
  });
});

describe('N45 issued secrets', () => {
  const remember = (name: string, value: unknown) => canaries.set(`${name} ${++made}`, String(value));
  const signatureOf = (token: unknown) => String(token).split('.')[2];

  test('tokens, cloud credentials, client secrets, admin links', async () => {
    const { owner, group } = organization;
    remember('job token', job.token);
    remember('owner`s access token', owner.token);
    const account = await createAccount(owner, group, 'secretive');
    remember('client secret', account.secret);
    remember('access token', account.client.token);
    const minted = await job.client.send('POST', '/tokens', { managed_identity: 'acme/lab/aws' });
    remember('signature of a workload token', signatureOf(minted.token));
    const exchanged = await exchangeToken(running.issuer, job.token, 'acme/lab/aws');
    remember('signature of a workload token', signatureOf(exchanged.body.access_token));
    const aws = await job.client.send('POST', '/credentials', { managed_identity: 'acme/lab/aws' });
    remember('AWS secret access key', aws.secret_access_key);
    remember('AWS session token', aws.session_token);
    remember('AWS access key id', aws.access_key_id);
    const azure = await job.client.send('POST', '/credentials', { managed_identity: 'acme/lab/azure' });
    remember('Azure access token', signatureOf(azure.access_token));
    for (const managed_identity of ['acme/lab/gcp', 'acme/lab/direct'])
      remember(
        'Google access token',
        (await job.client.send('POST', '/credentials', { managed_identity })).access_token,
      );
    const { token } = await running.arsia.operators.link('ops');
    remember('admin link', token);
    remember(
      'operator`s access token',
      (await createClient(running.issuer).send('POST', '/admin-links/redeem', { token })).access_token,
    );
    await refuse(createClient(running.issuer).ask('POST', '/admin-links/redeem', { token }));
  });

  test('cloud errors that quote the request', async () => {
    const { owner, otherWorkspaceId } = organization;
    const role_arn = `arn:aws:iam::${targets.account}:role/quoted`;
    const made = await createIdentity(organization, { name: 'quoted', type: 'aws', settings: { role_arn } }, 'quoted');
    const { documents } = await owner.send('GET', `/managed-identities/${made.id}/trust?workspace=${otherWorkspaceId}`);
    sandbox.aws.createRole({ arn: role_arn, trust_policy: documents[0].text });
    await refuse(job.client.ask('POST', '/credentials', { managed_identity: made.id }));
    for (const [cloud, identity] of [
      ['aws', 'aws'],
      ['azure', 'azure'],
      ['google', 'gcp'],
    ] as const) {
      sandbox.inject(cloud, { kind: 'fail', status: 500 }, 5);
      await refuse(job.client.ask('POST', '/credentials', { managed_identity: `acme/lab/${identity}` }));
      sandbox.clearFaults();
    }
    sandbox.inject('aws', { kind: 'hang' }, 1);
    await refuse(job.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/aws' }));
  });

  test('a database failure during the request', async () => {
    await oracle.execute(`
      CREATE FUNCTION fail_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a fault of the database: %', NEW; END $$;
      CREATE TRIGGER fail_insert BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION fail_insert();
      CREATE TRIGGER fail_insert BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION fail_insert();`);
    await refuse(job.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/aws' }));
    await refuse(organization.owner.ask('POST', `/workspaces/${organization.workspaceId}/jobs`, {}));
    await refuse(organization.owner.ask('POST', `/service-accounts/${organization.launcherId}/secrets`));
    await oracle.execute('DROP FUNCTION fail_insert CASCADE');
  });
});

describe('N45 after all of these requests', () => {
  const key = () => oracle.execute('SELECT encode(token_hash, $1) AS hash FROM jobs', ['hex']);

  function expectNone(place: string, text: string): void {
    const found = [...canaries].filter(([, secret]) => text.includes(secret));
    expect([place, found.map(([name, secret]) => [name, around(text, secret)])]).toEqual([place, []]);
  }

  test('no secret is in the log', () => {
    expect(canaries.size).toBeGreaterThan(400);
    expect(running.logged().length).toBeGreaterThan(50_000);
    expectNone('log', running.logged());
    expect(running.logged()).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+|PRIVATE KEY|arsia_[a-z]+_[\w-]{16}/);
  });

  test('no secret is in an answer to a refused request', () => {
    expect(refused.length).toBeGreaterThan(300);
    for (const { status, text, headers } of refused) expectNone(`answer ${status}`, `${[...headers].join()} ${text}`);
  });

  test('no secret is in the database or the audit', async () => {
    const tables = await oracle.execute(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`);
    for (const { name } of tables) {
      const rows = await oracle.execute(`SELECT row_to_json(t)::text AS row FROM ${name} t`);
      const text = rows.map(({ row }) => row).join('\n');
      expectNone(name, text);
      // bytea columns are printed as hex: they hold hashes and sealed values.
      const bytes = [...text.matchAll(/\\\\x([0-9a-f]{20,})/g)].map(([, hex]) =>
        Buffer.from(hex!, 'hex').toString('latin1'),
      );
      expectNone(`${name}, bytes`, bytes.join('\n'));
      expect([name, /PRIVATE KEY|"d":"/.test(text)]).toEqual([name, false]);
    }
    expect((await key()).length).toBeGreaterThan(0);
  });
});

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 150), at + 30);
}
