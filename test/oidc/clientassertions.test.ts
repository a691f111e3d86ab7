import { createHmac, createPublicKey, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import type { Database } from '../../src/database/connections.ts';
import { freshDatabase } from '../support/databases.ts';
import { type RefusalCheck, refusalCheck } from './refusals.ts';
import {
  addKeyAccount,
  assertionForm,
  createWorld,
  type KeyAccount,
  listen,
  type Replica,
  startReplica,
  testKeys,
  type World,
} from './support.ts';

let database: Database;
let world: World;
let replica: Replica;
let expectRefused: RefusalCheck;

beforeAll(async () => {
  ({ database } = await freshDatabase('embedded'));
  world = createWorld();
  replica = await startReplica({ world, database, keys: await testKeys() });
  expectRefused = refusalCheck(world, database);
}, 60_000);

const present = (assertion: string) => replica.post('/token', assertionForm(assertion));
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('client assertions', () => {
  test.each(['RS256', 'PS256', 'ES256'])(
    '%s is taken, for the issuer and for the token endpoint as audience',
    async (alg) => {
      const account = await addKeyAccount(world, alg);
      for (const audience of [replica.issuer, `${replica.issuer}/token`]) {
        const answer = await present(await account.assert(audience));
        expect(answer.status).toBe(200);
        expect(answer.body.access_token).toMatch(/^arsia_at_/);
      }
    },
  );

  test('N1 unsigned assertions are refused', async () => {
    const account = await addKeyAccount(world);
    const claims = JSON.parse(
      Buffer.from((await account.assert(replica.issuer)).split('.')[1]!, 'base64url').toString(),
    );
    await expectRefused(() => present(new UnsecuredJWT(claims).encode()), 401, 'invalid_client');
    for (const alg of ['none', 'NoNe', 'nOnE', 'ES256'])
      await expectRefused(() => present(`${encode({ alg })}.${encode(claims)}.`), 401, 'invalid_client');
  });

  test('N2 HS256 with our public key, the JWK bytes or an empty secret as the key is refused', async () => {
    const account = await addKeyAccount(world, 'RS256');
    const pem = createPublicKey({ key: account.publicJwk as never, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    });
    const [, payload] = (await account.assert(replica.issuer)).split('.');
    for (const key of [pem, JSON.stringify(account.publicJwk), '']) {
      const input = `${encode({ alg: 'HS256', kid: account.publicJwk.kid })}.${payload}`;
      const signature = createHmac('sha256', key).update(input).digest('base64url');
      await expectRefused(() => present(`${input}.${signature}`), 401, 'invalid_client');
    }
  });

  test('N3 an algorithm other than that of the registered key is refused', async () => {
    for (const [registered, used] of [
      ['RS256', 'ES256'],
      ['ES256', 'RS256'],
    ] as const) {
      const account = await addKeyAccount(world, registered);
      const { privateKey } = await generateKeyPair(used);
      const forged = await new SignJWT({ iss: account.id, sub: account.id, aud: replica.issuer, jti: used })
        .setProtectedHeader({ alg: used, kid: account.publicJwk.kid! })
        .setExpirationTime('1m')
        .sign(privateKey);
      await expectRefused(() => present(forged), 401, 'invalid_client');
    }
    const account = await addKeyAccount(world, 'RS256');
    world.accounts.set(account.id, {
      ...world.accounts.get(account.id)!,
      jwks: { keys: [{ ...account.publicJwk, alg: 'PS256' }] },
    });
    await expectRefused(async () => present(await account.assert(replica.issuer)), 401, 'invalid_client');
  });

  test('N5 N6 refuses a key in the assertion, or the URL of one, and never fetches it', async () => {
    let hits = 0;
    const listener = await listen(() => (_request, response) => {
      hits++;
      response.end('{}');
    });
    const account = await addKeyAccount(world);
    const attacker = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(attacker.publicKey);
    const headers = [{ jku: `${listener}/jwks` }, { x5u: `${listener}/chain` }, { jwk }, { x5c: ['MIIB'] }];
    for (const header of headers) {
      const claims = { iss: account.id, sub: account.id, aud: replica.issuer, jti: JSON.stringify(header) };
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', ...header })
        .setExpirationTime('1m')
        .sign(attacker.privateKey);
      await expectRefused(() => present(forged), 401, 'invalid_client');
      // Even with a signature that verifies: only registered keys authenticate a client.
      await expectRefused(async () => present(await account.assert(replica.issuer, {}, header)), 401, 'invalid_client');
    }
    expect(hits).toBe(0);
  });

  test('N7 refuses an assertion that is not a canonical JWS of flat JSON', async () => {
    const account = await addKeyAccount(world);
    const good = await account.assert(replica.issuer);
    const [header, payload, signature] = good.split('.') as [string, string, string];
    for (const text of [`${good}.${header}.${payload}`, '.'.repeat(10_000), `${header}.${payload}`, 'x', `${good} `])
      await expectRefused(() => present(text), 400, 'invalid_request');
    // One more bit in the last character: the same bytes for a lenient decoder.
    const last = signature.at(-1)!;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const variant = good.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1];
    await expectRefused(() => present(variant), 400, 'invalid_request');
    await expectRefused(async () => present(await signRaw(account, duplicateMembers(account))), 400, 'invalid_request');
    await expectRefused(async () => present(await signRaw(account, invalidUtf8(account))), 400, 'invalid_request');
    expect((await present(good)).status).toBe(200);
  });

  test('N7 a body above the limit is 413, announced or not', async () => {
    const form = assertionForm('e'.repeat(5_000_000));
    const answer = await expectRefused(() => replica.post('/token', form), 413, 'invalid_request');
    expect(answer.body.error_description).toContain('56 KiB');
    const chunks = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 4; sent++) controller.enqueue(Buffer.alloc(20_000, 'a'));
        controller.close();
      },
    });
    const response = await fetch(`${replica.issuer}/token`, {
      method: 'POST',
      body: chunks,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
  });

  test('N8 a stored key that is too weak does not authenticate', async () => {
    const account = await addKeyAccount(world, 'RS256');
    world.accounts.set(account.id, {
      ...world.accounts.get(account.id)!,
      jwks: { keys: [{ ...account.publicJwk, e: 'AQ' }] },
    });
    await expectRefused(async () => present(await account.assert(replica.issuer)), 401, 'invalid_client');
  });

  test('N9 the audience is one string, the issuer or the token endpoint, byte for byte', async () => {
    const account = await addKeyAccount(world);
    const { issuer } = replica;
    for (const aud of [
      undefined,
      'https://other.example/oauth2',
      [issuer],
      [issuer, 'https://other.example'],
      `${issuer}/`,
      issuer.toUpperCase(),
      issuer.replace('/oauth2', ''),
      `${issuer}/introspect`,
    ])
      await expectRefused(async () => present(await account.assert(issuer, { aud })), 401, 'invalid_client');
  });

  test('N10 iss and sub are the client, byte for byte', async () => {
    const account = await addKeyAccount(world);
    for (const iss of [undefined, `${account.id}/`, account.id.toUpperCase(), replica.issuer])
      await expectRefused(async () => present(await account.assert(replica.issuer, { iss })), 401, 'invalid_client');
    const other = await addKeyAccount(world);
    const sub = { sub: other.id, iss: other.id };
    await expectRefused(async () => present(await account.assert(replica.issuer, sub)), 401, 'invalid_client');
  });

  test('N14 accepts times with 60 s of tolerance and an expiry of at most an hour', async () => {
    const account = await addKeyAccount(world);
    const now = Math.floor(world.clock.now() / 1000);
    for (const claims of [
      { iat: now + 50 },
      { nbf: now + 50 },
      { exp: now - 50, iat: now - 100 },
      { exp: now + 3600 },
      { iat: undefined },
    ])
      expect((await present(await account.assert(replica.issuer, claims))).status).toBe(200);
    for (const claims of [
      { iat: now + 70 },
      { nbf: now + 70 },
      { exp: now - 61, iat: now - 100 },
      { exp: now + 3700 },
      { exp: 1e300 },
      { exp: undefined },
      { exp: String(now + 60) },
      { iat: 'today' },
      { jti: undefined },
      { jti: 7 },
    ])
      await expectRefused(async () => present(await account.assert(replica.issuer, claims)), 401, 'invalid_client');
  });

  test.each<[string, (now: number) => Record<string, string>, string]>([
    ['exp 1e999', () => ({ exp: '1e999' }), 'exp is Infinity; it must be whole seconds since 1970'],
    ['exp with a fraction', (now) => ({ exp: `${now + 60}.5` }), 'it must be whole seconds since 1970'],
    ['exp in milliseconds', (now) => ({ exp: `${now + 60}000` }), 'not milliseconds'],
    ['iat with a fraction', (now) => ({ exp: `${now + 60}`, iat: `${now}.5` }), 'iat is'],
    ['iat after exp', (now) => ({ exp: `${now + 20}`, iat: `${now + 30}` }), 'it must be after its iat'],
    ['a life of a year', (now) => ({ exp: `${now + 60}`, iat: `${now - 31_536_000}` }), 'at most 3660 s after its iat'],
    ['no iat, and two hours left', (now) => ({ exp: `${now + 7200}` }), 'at most 3660 s after now'],
  ])('N77 with %s are refused, and the record names the claim', async (_name, times, words) => {
    const account = await addKeyAccount(world);
    const { exp: _exp, ...claims } = payloadOf(account);
    const members = Object.entries(times(Math.floor(world.clock.now() / 1000))).map(
      ([name, value]) => `,"${name}":${value}`,
    );
    const payload = Buffer.from(`${JSON.stringify(claims).slice(0, -1)}${members.join('')}}`);
    const assertion = await signRaw(account, payload);
    await expectRefused(() => present(assertion), 401, 'invalid_client');
    // Every failed authentication has the same response (N18).
    expect(JSON.stringify(world.events[0])).toContain(words);
  });

  test('N12 an assertion is used once, also on another provider over the same database', async () => {
    const account = await addKeyAccount(world);
    const other = await startReplica({
      world,
      database,
      keys: await testKeys(),
      issuer: replica.issuer.replace('/oauth2', ''),
    });
    const assertion = await account.assert(replica.issuer);
    expect((await present(assertion)).status).toBe(200);
    await expectRefused(() => present(assertion), 401, 'invalid_client');
    await expectRefused(() => other.post('/token', assertionForm(assertion)), 401, 'invalid_client');
  });
});

function payloadOf(account: KeyAccount): Record<string, unknown> {
  const exp = Math.floor(Date.now() / 1000) + 60;
  return { iss: account.id, sub: account.id, aud: replica.issuer, exp, jti: randomBytes(8).toString('hex') };
}

function duplicateMembers(account: KeyAccount): Buffer {
  const text = JSON.stringify(payloadOf(account));
  return Buffer.from(`${text.slice(0, -1)},"jti":"second"}`);
}

function invalidUtf8(account: KeyAccount): Buffer {
  const text = JSON.stringify({ ...payloadOf(account), note: 'x' });
  return Buffer.concat([Buffer.from(text.slice(0, -3)), Buffer.from([0xff]), Buffer.from('"}')]);
}

/** Signs a payload that no JSON serializer would write. */
async function signRaw(account: KeyAccount, payload: Buffer): Promise<string> {
  const input = `${encode({ alg: 'ES256', kid: account.publicJwk.kid })}.${payload.toString('base64url')}`;
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const signature = await crypto.subtle.sign(algorithm, account.privateKey, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
}
