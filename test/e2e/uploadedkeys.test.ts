import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, type JWK } from 'jose';
import type { Issuer } from '../sandbox/issuer.ts';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Answer, Body } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createOrganization, type Organization } from '../support/organization.ts';
import { addTrustRule, exchangeOutside, podToken, startOutsideIssuer } from '../support/outside.ts';

const audience = 'https://arsia.acme.example';
/** No public name: Arsia fetches nothing from it. */
const internal = 'https://kubernetes.default.svc';
const conditions = [{ claim: 'sub', equals: 'system:serviceaccount:simulations:runner' }];

describe.each(servedKinds)('uploaded keys of an outside issuer on the %s database', (kind) => {
  let running: RunningArsia;
  let acme: Organization;
  let globex: Organization;
  let cluster: Issuer;
  let jwks: { keys: JWK[] };
  let shared: Body;
  let made = 0;

  beforeAll(async () => {
    running = await startArsia({
      home: await makeHome(kind),
      settings: { ARSIA_OUTSIDE_ISSUERS_LOOPBACK: 'true', ARSIA_TENANCY: 'multi' },
    });
    acme = await createOrganization(running, 'acme');
    globex = await createOrganization(running, 'globex');
    cluster = await startOutsideIssuer(running.clock);
    jwks = { keys: [await keyOf(cluster)] };
    shared = await newAccount(acme);
  }, 60_000);

  async function keyOf(issuer: Issuer): Promise<JWK> {
    const { kid, alg, jwk } = issuer.keys.at(-1)!;
    const { use: _use, ...members } = jwk;
    return { ...members, kid, alg };
  }
  const newAccount = ({ owner, group }: Organization): Promise<Body> =>
    owner.send('POST', '/service-accounts', { name: `pod-${++made}`, group });
  const trust = async (organization: Organization, more: Body = {}) => {
    const account = await newAccount(organization);
    const rule = await addTrustRule(organization.owner, account.id, {
      issuer: internal,
      audience,
      conditions,
      jwks,
      ...more,
    });
    return { account, rule };
  };
  const exchange = async (account: Body, claims: Body = {}, issuer = cluster): Promise<Answer> =>
    exchangeOutside(running.issuer, await podToken(issuer, audience, { iss: internal, ...claims }), account.id);
  const upload = (set: unknown): Promise<Answer> =>
    acme.owner.ask('POST', `/service-accounts/${shared.id}/trust-rules`, {
      issuer: internal,
      audience,
      conditions,
      jwks: set,
    });

  test('admit its tokens without a fetch, though its name is internal', async () => {
    const { account, rule } = await trust(acme);
    expect(rule).toMatchObject({ jwks, warnings: expect.arrayContaining([expect.stringContaining('uploaded keys')]) });
    expect(await exchange(account)).toMatchObject({ status: 200 });
    expect(cluster.seen).toEqual({});
    const listed = await acme.owner.send('GET', `/service-accounts/${account.id}/trust-rules`);
    expect(listed.items).toEqual([rule]);
  });

  test('are recorded by their thumbprints', async () => {
    const { account } = await trust(acme);
    const { items } = await acme.owner.send('GET', '/audit-events?action=trust_rule.create');
    const recorded = items.find(({ target_id }: Body) => target_id === account.id);
    expect(recorded.detail).toMatchObject({
      issuer: internal,
      key_thumbprints: [expect.stringMatching(/^[\w-]{43}$/)],
    });
  });

  test('are the only ones: a key that the issuer publishes, or another of the same kid, is refused', async () => {
    const { url } = cluster;
    const { account } = await trust(acme, { issuer: url });
    const other = await startOutsideIssuer(running.clock);
    expect(await exchange(account, { iss: url }, other)).toMatchObject({
      status: 400,
      body: { error_description: expect.stringContaining('signature of the subject token is not valid') },
    });
    const fresh = await cluster.addKey('fresh');
    const token = await cluster.token({ iss: url, sub: conditions[0]!.equals, aud: audience }, { key: fresh });
    expect(await exchangeOutside(running.issuer, token, account.id)).toMatchObject({
      status: 400,
      body: { error_description: expect.stringContaining('No key of the trust rule has the kid') },
    });
    expect(cluster.seen).toEqual({});
    cluster.keys.pop();
  });

  test('speak for their own rule alone, not for one whose keys are fetched', async () => {
    const forger = await startOutsideIssuer(running.clock);
    const { account } = await trust(acme, {
      issuer: cluster.url,
      jwks: { keys: [await keyOf(forger)] },
      audience: 'https://other.example',
    });
    await addTrustRule(acme.owner, account.id, { issuer: cluster.url, audience, conditions });
    // The forged token satisfies the second rule, but is signed by the key of the first.
    const refused = await exchange(account, { iss: cluster.url }, forger);
    expect(refused.body.error_description).toContain('aud');
    expect(refused.status).toBe(400);
    expect((await exchange(account, { iss: cluster.url })).status).toBe(200);
    for (const path of Object.keys(cluster.seen)) delete cluster.seen[path];
  });

  test('may list a kid twice, and each is tried', async () => {
    const other = await startOutsideIssuer(running.clock);
    const { account } = await trust(acme, { jwks: { keys: [await keyOf(other), ...jwks.keys] } });
    expect((await exchange(account)).status).toBe(200);
    expect((await exchange(account, {}, other)).status).toBe(200);
  });

  test('do not let one organisation use up the tokens of another', async () => {
    const mine = await trust(acme, { single_use: true });
    const theirs = await trust(globex, { single_use: true });
    const claims = { jti: 'the-same' };
    expect((await exchange(theirs.account, claims)).status).toBe(200);
    expect((await exchange(mine.account, claims)).status).toBe(200);
    expect((await exchange(mine.account, claims)).status).toBe(400);
  });

  test('are at most 20 of an issuer in all rules of an account, and one that several rules have counts once', async () => {
    const { account } = await trust(acme);
    const upload = async (keys: JWK[]) =>
      acme.owner.ask('POST', `/service-accounts/${account.id}/trust-rules`, {
        ...{ issuer: internal, audience, conditions, jwks: { keys } },
      });
    const key = jwks.keys[0]!;
    const make = (index: number) => ({ ...key, kid: `other-${index}` });
    const others = Array.from({ length: 19 }, (_, index) => make(index));
    expect((await upload(others.slice(0, 10))).status).toBe(201);
    expect((await upload([...others.slice(10), key])).status).toBe(201);
    expect((await upload(others.slice(5, 15))).status).toBe(201);
    const refused = await upload([make(19)]);
    expect([refused.status, refused.body.errors]).toEqual([409, [expect.objectContaining({ pointer: '/jwks' })]]);
    expect(refused.body.detail).toContain(`would have 21 keys of ${internal}, and the limit is 20`);
    expect((await exchange(account)).status).toBe(200);
  });

  test('end with their rule', async () => {
    const { account, rule } = await trust(acme);
    expect((await exchange(account)).status).toBe(200);
    await acme.owner.send('DELETE', `/service-accounts/${account.id}/trust-rules/${rule.id}`);
    expect((await exchange(account)).status).toBe(400);
  });

  const jwk = (key: KeyObject) => key.export({ format: 'jwk' }) as JWK;
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const good = jwk(p256.publicKey);
  test.each<[string, JWK[], string]>([
    ['RSA of 512 bits', [jwk(generateKeyPairSync('rsa', { modulusLength: 512 }).publicKey)], 'it has 512'],
    ['a symmetric key', [{ kty: 'oct', k: 'AAAA' }], 'private key'],
    ['a private key', [jwk(p256.privateKey)], 'private key'],
    ['Ed25519', [jwk(generateKeyPairSync('ed25519').publicKey)], 'kty RSA or EC'],
    ['secp256k1', [jwk(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)], 'P-256 or P-384 or P-521'],
    ['an algorithm of another curve', [{ ...good, alg: 'ES384' }], 'must have alg ES256'],
    ['HS256', [{ ...good, alg: 'HS256' }], 'must have alg ES256'],
    ['a point that is not on its curve', [{ ...good, y: good.x! }], 'is not a valid public key'],
    ['no key', [], '1 to 10 keys'],
    ['11 keys', Array(11).fill(good), '1 to 10 keys'],
  ])('are refused with %s', async (_name, keys, detail) => {
    const { status, body } = await upload({ keys });
    expect({ status, fields: body.errors }).toMatchObject({
      status: 400,
      fields: [{ pointer: expect.stringMatching(/^\/jwks\/keys/), detail: expect.stringContaining(detail) }],
    });
    expect(JSON.stringify(body)).not.toContain(jwk(p256.privateKey).d);
  });

  test('are refused in a set of 10,000', async () => {
    expect((await upload({ keys: Array(10_000).fill({ kty: 'EC' }) })).status).toBe(413);
    expect((await upload({ keys: Array(5_000).fill({}) })).body.errors).toHaveLength(1);
  });

  test.each(['http://vault.internal:8200', 'https://user@vault.internal', 'not-a-url', 'https://vault.internal?x'])(
    'are refused for the issuer %s',
    async (issuer) => {
      const { status, body } = await acme.owner.ask('POST', `/service-accounts/${shared.id}/trust-rules`, {
        issuer,
        audience,
        conditions,
        jwks,
      });
      expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ pointer: '/issuer' }] } });
    },
  );

  test('are refused for this installation, for an issuer that the organisation does not allow, and without an owner', async () => {
    const own = { issuer: running.issuer, audience, conditions, jwks };
    expect((await acme.owner.ask('POST', `/service-accounts/${shared.id}/trust-rules`, own)).status).toBe(400);
    const account = await newAccount(globex);
    await globex.owner.send('PATCH', '/organization-settings', { allowed_issuers: ['https://id.example'] });
    const body = { issuer: internal, audience, conditions, jwks };
    expect((await globex.owner.ask('POST', `/service-accounts/${account.id}/trust-rules`, body)).status).toBe(400);
    expect((await globex.owner.ask('POST', `/service-accounts/${shared.id}/trust-rules`, body)).status).toBe(404);
  });
});

describe('registering keys of a service account', () => {
  test('is refused while it has live secrets, unless forced', async () => {
    const running = await startArsia({ home: await makeHome('embedded') });
    const { owner, group } = await createOrganization(running, 'acme');
    const account = await owner.send('POST', '/service-accounts', { name: 'ci', group });
    const path = `/service-accounts/${account.id}`;
    await owner.send('POST', `${path}/secrets`);
    const jwks = { keys: [await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)] };
    const refused = await owner.ask('PATCH', path, { jwks });
    expect(refused).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('has 1 client secrets'), advice: expect.stringContaining('?force=true') },
    });
    expect((await owner.send('GET', path)).jwks).toBeNull();
    expect((await owner.send('GET', `${path}/secrets`)).items).toHaveLength(1);

    expect((await owner.send('PATCH', `${path}?force=true`, { jwks })).jwks).not.toBeNull();
    expect((await owner.send('GET', `${path}/secrets`)).items).toEqual([]);
    // Without a secret there is nothing to lose.
    await owner.send('PATCH', path, { jwks });
  }, 60_000);
});
