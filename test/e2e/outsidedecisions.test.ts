import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CompactSign } from 'jose';
import { discoveryPath, type Issuer, jwksPath } from '../sandbox/issuer.ts';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Body, createClient } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createOrganization, type Organization } from '../support/organization.ts';
import { actionToken, addTrustRule, exchangeOutside, startOutsideIssuer } from '../support/outside.ts';

const audience = 'https://arsia.acme.example';
const conditions = [{ claim: 'repository', equals: 'acme/app' }];
const day = 86_400;

describe.each(servedKinds)('decisions on outside tokens, on the %s database', (kind) => {
  let running: RunningArsia;
  let oracle: Oracle;
  let organization: Organization;
  let owner: Organization['owner'];

  beforeAll(async () => {
    running = await startArsia({ home: await makeHome(kind), settings: { ARSIA_OUTSIDE_ISSUERS_LOOPBACK: 'true' } });
    oracle = await createOracle(running);
    organization = await createOrganization(running);
    ({ owner } = organization);
  }, 60_000);

  let made = 0;
  const newAccount = (): Promise<Body> =>
    owner.send('POST', '/service-accounts', { name: `pipeline-${++made}`, group: organization.group });
  const exchange = (token: string, account: Body) => exchangeOutside(running.issuer, token, account.id);

  describe('N77 on the times of the token', () => {
    let issuer: Issuer;
    let account: Body;

    beforeAll(async () => {
      issuer = await startOutsideIssuer(running.clock);
      account = await newAccount();
      await addTrustRule(owner, account.id, { issuer: issuer.url, audience, conditions });
    });

    const now = () => Math.floor(running.clock.now() / 1000);
    const token = (claims: Body = {}) => actionToken(issuer, audience, claims);

    /** Members of the payload as JSON text, since JSON.stringify writes no 1e999. */
    async function tokenOf(members: Record<string, string>): Promise<string> {
      const claims = { iss: issuer.url, sub: 'job-7', aud: audience, repository: 'acme/app' };
      const text = Object.entries(members).map(([name, value]) => `,"${name}":${value}`);
      const payload = `${JSON.stringify(claims).slice(0, -1)}${text.join('')}}`;
      const { kid, alg, privateKey } = issuer.keys[0]!;
      return await new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg, kid }).sign(privateKey);
    }

    const cases: [string, (at: number) => Record<string, string>, string][] = [
      ['exp in milliseconds', (at) => ({ iat: `${at}`, exp: `${at + 600}000` }), 'not milliseconds'],
      ['exp in 100 years', (at) => ({ iat: `${at}`, exp: `${at + 100 * 365 * day}` }), 'after its iat'],
      ['exp 1e999', (at) => ({ iat: `${at}`, exp: '1e999' }), 'exp of the subject token is Infinity'],
      ['exp with a fraction', (at) => ({ iat: `${at}`, exp: `${at + 600}.5` }), `whole seconds since 1970`],
      ['iat after exp', (at) => ({ iat: `${at + 30}`, exp: `${at + 20}` }), 'must be after its iat'],
      ['iat in milliseconds', (at) => ({ iat: `${at}000`, exp: `${at + 600}` }), 'not milliseconds'],
      ['iat in the future', (at) => ({ iat: `${at + 90}`, exp: `${at + 600}` }), 'The iat of the subject token'],
      ['nbf in the future', (at) => ({ iat: `${at}`, nbf: `${at + 90}`, exp: `${at + 600}` }), 'The nbf of'],
      ['a life of a year', (at) => ({ iat: `${at}`, exp: `${at + 365 * day}` }), 'at most 604800 s after its iat'],
      ['no iat', (at) => ({ exp: `${at + 600}` }), 'The iat of the subject token is missing'],
      ['a life of 48 h', (at) => ({ iat: `${at}`, exp: `${at + 2 * day}` }), '172800 s after iat'],
      ['a life of 24 h and 1 s', (at) => ({ iat: `${at}`, exp: `${at + day + 1}` }), 'at most 86400 s after iat'],
    ];
    test.each(cases)(
      'refuses %s, and names the claim, its value and what it must be',
      async (_name, members, words) => {
        const bad = await tokenOf(members(now()));
        const { answer } = await oracle.refuses(() => exchange(bad, account), {
          status: 400,
          code: 'invalid_request',
          recorded: 'outside_token_refused',
          action: 'outside_token.exchange',
          secrets: [bad],
        });
        expect(answer.body.error_description).toContain(words);
        expect((await exchange(await token(), account)).status).toBe(200);
      },
    );

    test('accepts a lifetime of 24 h, or up to the maximum of the rule, which is at most 7 days', async () => {
      expect((await exchange(await token({ iat: now(), exp: now() + day }), account)).status).toBe(200);
      const patient = await newAccount();
      const rule = { issuer: issuer.url, audience, conditions, maximum_lifetime: 7 * day };
      expect((await addTrustRule(owner, patient.id, rule)).maximum_lifetime).toBe(7 * day);
      for (const [life, status] of [
        [7 * day, 200],
        [7 * day + 1, 400],
      ] as const)
        expect((await exchange(await token({ iat: now(), exp: now() + life }), patient)).status).toBe(status);
      const strict = await newAccount();
      await addTrustRule(owner, strict.id, { ...rule, maximum_lifetime: 60 });
      expect((await exchange(await token({ iat: now(), exp: now() + 60 }), strict)).status).toBe(200);
      expect((await exchange(await token({ iat: now(), exp: now() + 61 }), strict)).status).toBe(400);
    });

    test.each([59, 604_801, 600.5, '600', null])('refuses a rule with a maximum_lifetime of %j', async (value) => {
      const path = `/service-accounts/${account.id}/trust-rules`;
      const body = { issuer: issuer.url, audience, conditions, maximum_lifetime: value };
      const { answer } = await oracle.refuses(() => owner.ask('POST', path, body), {
        status: 400,
        code: 'invalid_request',
      });
      expect(answer.body.errors).toEqual([
        { pointer: '/maximum_lifetime', detail: 'must be whole seconds from 60 to 604800' },
      ]);
    });
  });

  describe('N78 on what is committed after the keys of the issuer were fetched', () => {
    afterEach(() => owner.send('PATCH', '/organization-settings', { allowed_issuers: null }));

    /** Starts an exchange whose issuer does not answer at `path` before `change` is done. */
    async function exchangeAround(
      path: string,
      change: (account: Body, rule: Body, issuer: Issuer) => Promise<unknown>,
    ) {
      const issuer = await startOutsideIssuer(running.clock);
      const account = await newAccount();
      const rule = await addTrustRule(owner, account.id, { issuer: issuer.url, audience, conditions });
      const bodies: Record<string, unknown> = {
        [discoveryPath]: { issuer: issuer.url, jwks_uri: `${issuer.url}${jwksPath}` },
        [jwksPath]: { keys: issuer.keys.map(({ jwk }) => jwk) },
      };
      const released = Promise.withResolvers<{ status: number; body: unknown }>();
      issuer.override[path] = released.promise;
      const token = await actionToken(issuer, audience);
      const answer = exchange(token, account);
      while (issuer.seen[path] === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      await change(account, rule, issuer);
      released.resolve({ status: 200, body: bodies[path] });
      return { answer: await answer, account, issuer, token };
    }

    async function expectRefused(answer: Answer, reason: string) {
      expect([answer.status, answer.body.error, answer.body.access_token]).toEqual([400, 'invalid_target', undefined]);
      const records = await oracle.recordsOf(answer);
      expect(records).toEqual([
        expect.objectContaining({
          action: 'outside_token.exchange',
          outcome: 'refused',
          code: 'outside_token_untrusted',
          detail: expect.objectContaining({ reason }),
        }),
      ]);
    }

    test.each([discoveryPath, jwksPath])('refuses an issuer that was disallowed while %s was fetched', async (path) => {
      const { answer, account, token } = await exchangeAround(path, () =>
        owner.send('PATCH', '/organization-settings', { allowed_issuers: ['https://id.example'] }),
      );
      await expectRefused(answer, 'The organisation does not allow the issuer of the token.');
      await owner.send('PATCH', '/organization-settings', { allowed_issuers: null });
      expect((await exchange(token, account)).status).toBe(200);
    });

    test('refuses a rule that was deleted', async () => {
      const { answer } = await exchangeAround(jwksPath, (account, rule) =>
        owner.ask('DELETE', `/service-accounts/${account.id}/trust-rules/${rule.id}`),
      );
      await expectRefused(answer, 'The service account has no trust rule for the issuer of the token.');
    });

    test('refuses a rule that was replaced', async () => {
      const { answer } = await exchangeAround(jwksPath, async (account, rule, issuer) => {
        const stricter = [...conditions, { claim: 'environment', equals: 'staging' }];
        await addTrustRule(owner, account.id, { issuer: issuer.url, audience, conditions: stricter });
        await owner.ask('DELETE', `/service-accounts/${account.id}/trust-rules/${rule.id}`);
      });
      expect([answer.status, answer.body.error_description]).toEqual([400, expect.stringContaining('environment')]);
    });

    test('refuses a service account that was deactivated', async () => {
      const { answer } = await exchangeAround(jwksPath, (account) =>
        owner.send('PATCH', `/service-accounts/${account.id}`, { is_active: false }),
      );
      await expectRefused(answer, 'The service account is deactivated.');
    });

    test('accepts the token when nothing changed', async () => {
      const { answer } = await exchangeAround(jwksPath, async () => {});
      expect(answer.status).toBe(200);
      expect((await createClient(running.issuer, answer.body.access_token).ask('GET', '/groups')).status).toBe(200);
    });
  });
});
