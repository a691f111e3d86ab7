import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Issuer } from '../sandbox/issuer.ts';
import { atEnd, makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Body, createClient, encoded, postForm } from '../support/client.ts';
import { setUpClouds } from '../support/clouds.ts';
import { servedKinds } from '../support/databases.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createOrganization, type Organization } from '../support/organization.ts';
import { actionToken, addTrustRule, exchangeOutside, podToken, startOutsideIssuer } from '../support/outside.ts';

const loopback = { ARSIA_OUTSIDE_ISSUERS_LOOPBACK: 'true' };
const audience = 'https://arsia.acme.example';

/** Creates a service account without a secret that may start jobs for all users in the group of the organisation. */
async function createPipeline({ owner, group, id }: Organization, name: string): Promise<Body> {
  const account = await owner.send('POST', '/service-accounts', { name, group });
  await owner.send('POST', '/memberships', { namespace: id, principal: account.id, role: 'deployer' });
  await owner.send('POST', `/service-accounts/${account.id}/may-act`, { namespace: group, users: ['*'] });
  return account;
}

describe.each(servedKinds)('outside tokens on the %s database', (kind) => {
  let running: RunningArsia;
  let sandbox: Sandbox;
  let organization: Organization;
  const issuers: Record<string, Issuer> = {};
  const accounts: Record<string, Body> = {};

  const shapes = {
    actions: {
      token: actionToken,
      conditions: [
        { claim: 'repository', equals: 'acme/app' },
        { claim: 'ref', matches: 'refs/heads/*' },
      ],
    },
    cluster: {
      token: podToken,
      conditions: [
        { claim: 'sub', equals: 'system:serviceaccount:simulations:runner' },
        { claim: '/kubernetes.io/namespace', equals: 'simulations' },
      ],
    },
  } as const;
  const tokenOf = (shape: keyof typeof shapes, claims: Body = {}) =>
    shapes[shape].token(issuers[shape]!, audience, claims);

  beforeAll(async () => {
    sandbox = await startSandbox();
    atEnd(() => sandbox.close());
    running = await startArsia({ home: await makeHome(kind), sandbox, settings: loopback });
    organization = await createOrganization(running);
    await setUpClouds(organization, sandbox);
    for (const [name, { conditions }] of Object.entries(shapes)) {
      issuers[name] = await startOutsideIssuer(running.clock, name === 'cluster' ? '/clusters/one' : '');
      accounts[name] = await createPipeline(organization, name);
      const { url: issuer } = issuers[name];
      await addTrustRule(organization.owner, accounts[name].id, { issuer, audience, conditions });
    }
  }, 60_000);

  test.each(['actions', 'cluster'] as const)(
    'a token of %s starts a job, and the job gets credentials',
    async (shape) => {
      const answer = await exchangeOutside(running.issuer, await tokenOf(shape), `acme/lab/${shape}`);
      expect(answer.body).toEqual({
        access_token: expect.stringMatching(/^arsia_at_/),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: expect.any(Number),
      });
      expect(answer.headers.get('cache-control')).toBe('no-store');
      // Not longer than the outside token is accepted: ten minutes and the tolerance.
      expect(answer.body.expires_in).toBeGreaterThan(600);
      expect(answer.body.expires_in).toBeLessThanOrEqual(660);
      const pipeline = createClient(running.issuer, answer.body.access_token);
      const job = await pipeline.send('POST', `/workspaces/${encoded(organization.workspace)}/jobs`, {
        user: organization.user,
        stage: 'run',
      });
      expect(job.launcher_id).toBe(accounts[shape]!.id);
      const credentials = await createClient(running.issuer, job.job_token).send('POST', '/credentials', {
        managed_identity: 'acme/lab/aws',
      });
      expect(credentials).toMatchObject({ type: 'aws', access_key_id: expect.stringMatching(/^ASIA/) });
    },
  );

  test.each([
    ['actions', 'repository', { repository: 'evil/app' }, "'acme/app'", "'evil/app'"],
    ['actions', 'ref', { ref: 'refs/tags/v1' }, "'refs/heads/*' (a pattern)", "'refs/tags/v1'"],
    ['actions', 'aud', { aud: 'https://github.com/acme' }, `'${audience}'`, "'https://github.com/acme'"],
    ['actions', 'aud', { aud: [audience, 'x'] }, `'${audience}'`, `['${audience}','x']`],
    ['cluster', 'sub', { sub: 'system:serviceaccount:evil:runner' }, 'simulations:runner', 'evil:runner'],
    [
      'cluster',
      '/kubernetes.io/namespace',
      { 'kubernetes.io': { namespace: 'evil' }, 'kubernetes.io.namespace': 'simulations' },
      "'simulations'",
      "'evil'",
    ],
    ['cluster', '/kubernetes.io/namespace', { 'kubernetes.io': undefined }, "'simulations'", 'no such claim'],
  ] as const)('with one claim changed, a token as %s make it gets a denial that names %s', async (...row) => {
    const [shape, claim, change, expected, actual] = row;
    const token = await tokenOf(shape, change);
    const answer = await exchangeOutside(running.issuer, token, `acme/lab/${shape}`);
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
    const { error_description } = answer.body;
    for (const words of [`the claim ${claim} to be`, expected, actual]) expect(error_description).toContain(words);
    expect(error_description).not.toContain(token.split('.')[2]);
    const events = (await organization.owner.send('GET', '/audit-events?action=outside_token.exchange&limit=1')).items;
    expect(events[0]).toMatchObject({
      outcome: 'refused',
      code: 'outside_token_refused',
      actor_kind: 'anonymous',
      target_id: accounts[shape]!.id,
      organization_id: organization.id,
      detail: {
        iss: issuers[shape]!.url,
        claim,
        trust_rule_id: expect.stringMatching(/^trust_/),
        client_id: 'workload',
      },
    });
    expect(JSON.stringify(events[0])).not.toContain(token.split('.')[2]);
  });
});

describe('refusals of outside tokens', () => {
  let running: RunningArsia;
  let oracle: Oracle;
  let organization: Organization;
  let foreign: Organization;
  let issuer: Issuer;
  let account: Body;
  let rule: Body;
  const repository = { claim: 'repository', equals: 'acme/app' };

  beforeAll(async () => {
    running = await startArsia({ settings: { ...loopback, ARSIA_TENANCY: 'multi' } });
    oracle = await createOracle(running);
    organization = await createOrganization(running);
    foreign = await createOrganization(running, 'globex');
    issuer = await startOutsideIssuer(running.clock);
    account = await createPipeline(organization, 'ci');
    rule = await addTrustRule(organization.owner, account.id, {
      issuer: issuer.url,
      audience,
      conditions: [repository],
    });
  }, 60_000);

  const token = (claims: Body = {}) => actionToken(issuer, audience, claims);
  const exchange = (subject_token: string, name = account.id, more: Body = {}) =>
    exchangeOutside(running.issuer, subject_token, name, more);

  /** Checks a refusal with one record and without the token in it. A good token works before and after. */
  async function expectRefused(send: () => Promise<Answer>, error: string, recorded: string, more: Body = {}) {
    const result = await oracle.refuses(send, {
      status: 400,
      code: error,
      recorded,
      action: 'outside_token.exchange',
      ...more,
    });
    expect((await exchange(await token())).status).toBe(200);
    return result;
  }

  test('a success is recorded once, with the claims of the token and without the token', async () => {
    const good = await token();
    const answer = await exchange(good, 'acme/lab/ci');
    const claims = JSON.parse(Buffer.from(good.split('.')[1]!, 'base64url').toString());
    expect(await oracle.recordsOf(answer)).toEqual([
      expect.objectContaining({
        action: 'outside_token.exchange',
        outcome: 'success',
        actor_kind: 'service_account',
        actor_id: account.id,
        target_id: account.id,
        organization_id: organization.id,
        jti: claims.jti,
        detail: {
          client_id: 'workload',
          iss: issuer.url,
          sub: claims.sub,
          jti: claims.jti,
          trust_rule_id: rule.id,
          expires_in: answer.body.expires_in,
        },
      }),
    ]);
  });

  test('introspection names the trust rule, and the owner can read it', async () => {
    const { body } = await exchange(await token());
    const { launcherId: client_id, launcherSecret: client_secret } = organization;
    const seen = await postForm(running.issuer, '/introspect', { token: body.access_token, client_id, client_secret });
    expect(seen.body).toMatchObject({ active: true, sub: account.id, client_id: account.id, trust_rule_id: rule.id });
  });

  test('unknown, foreign and not trusting service accounts get the same answer', async () => {
    const theirs = await createPipeline(foreign, 'ci');
    const other = await createPipeline(organization, 'other');
    const inactive = await createPipeline(organization, 'inactive');
    await addTrustRule(organization.owner, inactive.id, { issuer: issuer.url, audience, conditions: [repository] });
    await organization.owner.send('PATCH', `/service-accounts/${inactive.id}`, { is_active: false });
    const good = await token();
    const words = new Set<string>();
    for (const name of [
      theirs.id,
      other.id,
      'acme/lab/other',
      'acme/lab/none',
      inactive.id,
      'nobody',
      organization.userId,
    ]) {
      const { answer } = await expectRefused(() => exchange(good, name), 'invalid_target', 'outside_token_untrusted', {
        secrets: [good],
      });
      words.add(answer.body.error_description);
    }
    for (const name of ['NOBODY', 'a b', '\u0000', good])
      words.add(
        (await expectRefused(() => exchange(good, name), 'invalid_target', 'outside_token_untrusted')).answer.body
          .error_description,
      );
    expect([...words]).toHaveLength(1);
  });

  test('a token of an issuer that is not trusted causes no request', async () => {
    const untrusted = await startOutsideIssuer(running.clock);
    const forged = await actionToken(untrusted, audience);
    await expectRefused(() => exchange(forged), 'invalid_target', 'outside_token_untrusted');
    expect(untrusted.seen).toEqual({});
  });

  test('N1 N2 N5 N6 N7 N14 refuses malformed, forged and expired tokens', async () => {
    const good = await token();
    const [header, payload] = good.split('.');
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(running.clock.now() / 1000);
    for (const bad of [
      `${encode({ alg: 'none' })}.${payload}.`,
      `${encode({ alg: 'HS256', kid: 'key-1' })}.${payload}.AAAA`,
      `${header}.${payload}.AAAA`,
      await issuer.token({}, { header: { jku: issuer.url } }),
      'nonsense',
      '.'.repeat(10_000),
      `arsia_job_${'x'.repeat(43)}`,
      await token({ exp: now - 61 }),
      await token({ nbf: now + 90 }),
    ])
      await expectRefused(() => exchange(bad), 'invalid_request', 'outside_token_refused', { secrets: [bad] });
  });

  test('N7 refuses a token above the size limit of forms', async () => {
    const { answer } = await expectRefused(() => exchange('a'.repeat(200_000)), 'invalid_request', 'body_too_large', {
      status: 413,
      action: undefined,
    });
    expect(answer.status).toBe(413);
  });

  test('N19 refuses a workload token, a job token and an access token', async () => {
    const access = (await exchange(await token())).body.access_token;
    for (const own of [access, organization.owner.token!])
      await expectRefused(() => exchange(own), 'invalid_request', 'outside_token_refused', { secrets: [own] });
  });

  test('N15 refuses parameters of another exchange', async () => {
    const good = await token();
    for (const more of [
      { requested_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
      { actor_token: 'x' },
      { resource: 'https://a.example' },
    ])
      await expectRefused(() => exchange(good, account.id, more), 'invalid_request', 'invalid_request');
    const asked = { requested_token_type: 'urn:ietf:params:oauth:token-type:access_token' };
    const typed = { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' };
    expect((await exchange(good, account.id, { ...asked, ...typed })).status).toBe(200);
  });

  test('a refusal is recorded when a claim has characters that the database refuses', async () => {
    const odd = await token({ sub: 'a\u0000b\ud800', repository: 'x\u0000\n' });
    await expectRefused(() => exchange(odd), 'invalid_request', 'outside_token_refused');
  });

  test('deleting a rule refuses its tokens, and ends the access that it gave', async () => {
    const made = await createPipeline(organization, 'short');
    const path = `/service-accounts/${made.id}/trust-rules`;
    const trust = await addTrustRule(organization.owner, made.id, {
      issuer: issuer.url,
      audience,
      conditions: [repository],
    });
    const client = createClient(running.issuer, (await exchange(await token(), made.id)).body.access_token);
    expect((await client.ask('GET', '/workspaces')).status).toBe(200);
    await organization.owner.send('DELETE', `${path}/${trust.id}`);
    expect((await client.ask('GET', '/workspaces')).status).toBe(401);
    const good = await token();
    await expectRefused(() => exchange(good, made.id), 'invalid_target', 'outside_token_untrusted');
  });

  test('deactivating the service account ends its access at once', async () => {
    const made = await createPipeline(organization, 'retired');
    await addTrustRule(organization.owner, made.id, { issuer: issuer.url, audience, conditions: [repository] });
    const client = createClient(running.issuer, (await exchange(await token(), made.id)).body.access_token);
    await organization.owner.send('PATCH', `/service-accounts/${made.id}`, { is_active: false });
    expect((await client.ask('GET', '/workspaces')).status).toBe(401);
  });

  test('refuses an issuer that the organisation no longer allows', async () => {
    const set = (issuers: string) =>
      oracle.execute(
        `INSERT INTO organization_settings (organization_id, allowed_issuers) VALUES ($1, ${issuers})
         ON CONFLICT (organization_id) DO UPDATE SET allowed_issuers = excluded.allowed_issuers`,
        [organization.id],
      );
    const good = await token();
    await set(`ARRAY['https://id.example']`);
    const { record } = await oracle.refuses(() => exchange(good), {
      status: 400,
      code: 'invalid_target',
      recorded: 'outside_token_untrusted',
    });
    expect(record.detail.reason).toBe('The organisation does not allow the issuer of the token.');
    await set('NULL');
    expect((await exchange(good)).status).toBe(200);
  });

  test('N20 access tokens from an issuer that the organisation no longer allows end at once, and stay ended', async () => {
    const { access_token } = (await exchange(await token())).body;
    const readStatus = async () => (await createClient(running.issuer, access_token).ask('GET', '/groups')).status;
    expect(await readStatus()).toBe(200);
    for (const allowed_issuers of [['https://id.example'], null]) {
      await organization.owner.send('PATCH', '/organization-settings', { allowed_issuers });
      expect(await readStatus()).toBe(401);
    }
    expect((await exchange(await token())).status).toBe(200);
  });

  test('N30 an issuer whose documents refer to internal addresses gets a constant message and no request', async () => {
    const inside = await startOutsideIssuer(running.clock);
    const bad = await startOutsideIssuer(running.clock);
    await addTrustRule(organization.owner, account.id, { issuer: bad.url, audience, conditions: [repository] });
    const forged = await actionToken(bad, audience);
    const words = new Set<string>();
    for (const discovery of [
      { status: 302, headers: { location: `${inside.url}/jwks` } },
      { status: 200, body: { issuer: bad.url, jwks_uri: 'http://169.254.169.254/latest/meta-data' } },
      {
        status: 200,
        body: { issuer: bad.url, jwks_uri: `http://[::ffff:127.0.0.1]:${new URL(inside.url).port}/jwks` },
      },
      { status: 200, body: { issuer: bad.url, jwks_uri: 'https://2852039166/' } },
      { status: 200, body: { issuer: bad.url, jwks_uri: 'file:///etc/passwd' } },
    ]) {
      bad.override['/.well-known/openid-configuration'] = discovery;
      running.clock.advance(31_000);
      const { answer } = await expectRefused(() => exchange(forged), 'invalid_request', 'outside_token_refused');
      words.add(answer.body.error_description);
    }
    expect([...words]).toEqual([expect.stringMatching(/^Arsia does not fetch the documents of this issuer\. /)]);
    expect(inside.seen).toEqual({});
  });

  test('an issuer that does not answer is reported as such, with a Retry-After', async () => {
    const away = await startOutsideIssuer(running.clock);
    await addTrustRule(organization.owner, account.id, { issuer: away.url, audience, conditions: [repository] });
    away.override['/.well-known/openid-configuration'] = { status: 500 };
    const good = await actionToken(away, audience);
    const { answer } = await oracle.refuses(() => exchange(good), {
      status: 503,
      code: 'temporarily_unavailable',
      recorded: 'issuer_unavailable',
      outcome: 'failed',
    });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    // The failure is cached: there is no second request.
    const [before] = [away.seen['/.well-known/openid-configuration']];
    await exchange(good);
    expect(away.seen['/.well-known/openid-configuration']).toBe(before);
  });

  test('the access token lives at most an hour', async () => {
    const exp = Math.floor(running.clock.now() / 1000) + 12 * 3600;
    expect((await exchange(await token({ exp }))).body.expires_in).toBe(3600);
  });
});

describe('N12 a single-use rule', () => {
  let running: RunningArsia;
  let second: RunningArsia;
  let issuer: Issuer;
  let account: Body;

  beforeAll(async () => {
    running = await startArsia({ settings: loopback });
    second = await startArsia({ home: running.home, issuer: running.issuer, clock: running.clock, settings: loopback });
    const organization = await createOrganization(running);
    issuer = await startOutsideIssuer(running.clock);
    account = await createPipeline(organization, 'ci');
    await addTrustRule(organization.owner, account.id, {
      issuer: issuer.url,
      audience,
      conditions: [{ claim: 'repository', equals: 'acme/app' }],
      single_use: true,
    });
  }, 60_000);

  test('accepts one of twenty concurrent uses over two replicas, and none later', async () => {
    for (let round = 0; round < 3; round++) {
      const once = await actionToken(issuer, audience);
      const origins = Array.from({ length: 20 }, (_one, index) => (index % 2 === 0 ? running : second).origin);
      const answers = await Promise.all(origins.map((origin) => exchangeOutside(origin, once, account.id)));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 400)]);
      const again = await exchangeOutside(second.origin, once, account.id);
      expect([again.status, again.body.error_description]).toEqual([400, expect.stringMatching(/was used before/)]);
    }
  });

  test('identifies a token by iss and jti, and refuses a token without a jti', async () => {
    const jti = 'the-same';
    expect(
      (await exchangeOutside(running.issuer, await actionToken(issuer, audience, { jti }), account.id)).status,
    ).toBe(200);
    const iat = Math.floor(running.clock.now() / 1000) - 90;
    const other = await actionToken(issuer, audience, { jti, iat, run_id: '2' });
    expect((await exchangeOutside(running.issuer, other, account.id)).status).toBe(400);
    const none = await exchangeOutside(
      running.issuer,
      await actionToken(issuer, audience, { jti: undefined }),
      account.id,
    );
    expect(none.body.error_description).toMatch(/has no jti/);
  });

  test('does not use up a token that was refused', async () => {
    const jti = 'refused-first';
    const wrong = await actionToken(issuer, audience, { jti, repository: 'evil/app' });
    expect((await exchangeOutside(running.issuer, wrong, account.id)).status).toBe(400);
    const right = await actionToken(issuer, audience, { jti });
    expect((await exchangeOutside(running.issuer, right, account.id)).status).toBe(200);
  });
});
