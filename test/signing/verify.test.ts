import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { SigningKeyring } from '../../src/signing/keyring.ts';
import { createTokenSigner } from '../../src/signing/tokensigner.ts';
import { createWorkloadVerifier, maximumTokenLength, type WorkloadVerifier } from '../../src/signing/verify.ts';
import { goodClaims, goodIssuer, goodNow } from '../core/goodclaims.ts';
import { errorOf, makeRig, type Rig, receiptBook } from './rig.ts';

let rig: Rig;
let keyring: SigningKeyring;
let verifier: WorkloadVerifier;
let good: string;
beforeAll(async () => {
  rig = makeRig();
  keyring = rig.keyring({ keySet: 'authorization', alg: 'RS256' });
  await keyring.start();
  const book = receiptBook();
  const signer = createTokenSigner({ keyring, clock: rig.clock, issuer: goodIssuer, isReceipt: book.isReceipt });
  good = await signer.sign(signer.prepare(goodClaims()), book.record());
  verifier = createWorkloadVerifier({ jwks: () => keyring.current().jwks, issuer: goodIssuer, clock: rig.clock });
});
beforeEach(() => {
  rig.clock.at = goodNow;
});

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token that our own key signs over anything: what the linter keeps us from making. */
async function signed(payload: unknown, header: object = {}): Promise<string> {
  const { kid, alg, sign: signBytes } = keyring.signer();
  const input = `${base64url({ alg, typ: 'JWT', kid, ...header })}.${typeof payload === 'string' ? payload : base64url(payload)}`;
  return `${input}.${Buffer.from(await signBytes(Buffer.from(input))).toString('base64url')}`;
}

const refused = async (token: string, audience = 'aws') => {
  const error = await errorOf(() => verifier.verify(token, audience));
  expect({ code: error.code, message: error.message }).toEqual({
    code: 'unauthenticated',
    message: 'The workload token is not valid.',
  });
};

describe('verifying a workload token', () => {
  test('gives the claims of a good one until it is over', async () => {
    expect(await verifier.verify(good, 'aws')).toEqual(goodClaims());
    rig.clock.at = goodClaims().exp * 1000 - 1;
    expect(await verifier.verify(good, 'aws')).toEqual(goodClaims());
    rig.clock.at += 1;
    await refused(good);
    rig.clock.at = goodClaims().nbf * 1000 - 1;
    await refused(good);
  });

  test('N9 refuses another audience', async () => {
    for (const audience of ['AWS', 'aws/', 'sts.amazonaws.com', '']) await refused(good, audience);
    await refused(await signed({ ...goodClaims(), aud: ['aws'] }));
    await refused(await signed({ ...goodClaims(), aud: ['aws', 'other'] }));
  });

  test.each([
    'https://arsia.example.com/',
    'https://ARSIA.example.com',
    'http://arsia.example.com',
    'https://arsia.example.com.evil',
  ])('N10 refuses the issuer %s', async (iss) => refused(await signed({ ...goodClaims(), iss })));

  test.each(['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'job_id'])(
    'M14 refuses a token without %s',
    async (name) => {
      const claims = Object.fromEntries(Object.entries(goodClaims()).filter(([one]) => one !== name));
      await refused(await signed(claims));
    },
  );

  test('refuses what the linter would not let be signed', async () => {
    await refused(await signed({ ...goodClaims(), azp: 'x' }));
    await refused(await signed({ ...goodClaims(), exp: goodClaims().exp + 86_400 }));
    await refused(await signed('bm90IGpzb24'));
    await refused(await signed([]));
  });

  test.each([
    { typ: 'at+jwt' },
    { typ: undefined },
    { typ: 'logout+jwt' },
    { crit: ['x'], x: 1 },
    { kid: 'unknown' },
    { b64: false, crit: ['b64'] },
  ])('N19 refuses the header %j', async (header) => refused(await signed(goodClaims(), header)));

  test('N1 N2 M15 refuses none, and HMAC over our public key', async () => {
    const jwk = JSON.parse(keyring.current().jwks).keys[0];
    const pem = createPublicKey({ key: { ...jwk, x5c: undefined }, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    });
    for (const alg of ['none', 'NoNe', 'nOnE']) {
      const input = `${base64url({ alg, typ: 'JWT', kid: jwk.kid })}.${base64url(goodClaims())}`;
      await refused(`${input}.`);
      await refused(`${input}.AA`);
    }
    for (const secret of [pem, JSON.stringify(jwk), ''])
      await refused(
        withHmac(`${base64url({ alg: 'HS256', typ: 'JWT', kid: jwk.kid })}.${base64url(goodClaims())}`, secret),
      );
  });

  test('N6 refuses a key that the token brings along', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { kid } = keyring.signer();
    const header = { alg: 'RS256', typ: 'JWT', kid, jwk: publicKey.export({ format: 'jwk' }) };
    const input = `${base64url(header)}.${base64url(goodClaims())}`;
    await refused(`${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`);
  });

  test('N7 refuses other shapes, and what is too long before it looks inside', async () => {
    const [header, payload, signature] = good.split('.');
    const shapes = [
      '',
      '.',
      '..',
      'a.b',
      `${good}.`,
      `.${good}`,
      `${good}.a.b`,
      `${good}\n`,
      ` ${good}`,
      '.'.repeat(10_000),
      `${good}=`,
    ];
    for (const shape of shapes) await refused(shape);
    await refused(`${header}.${payload}.${signature!.slice(0, -4)}`);
    let looks = 0;
    const jwks = () => {
      looks += 1;
      return keyring.current().jwks;
    };
    const own = createWorkloadVerifier({ jwks, issuer: goodIssuer, clock: rig.clock });
    const long = (length: number) => `${header}.${payload}.`.padEnd(length, 'A');
    const tooLong = [1, 2, 3].map((more) => long(maximumTokenLength + more));
    for (const token of [...shapes, ...tooLong]) await errorOf(() => own.verify(token, 'aws'));
    expect(looks).toBe(0);
    await errorOf(() => own.verify(long(maximumTokenLength - 2), 'aws'));
    expect(looks).toBe(1);
  });

  test('M14 refuses the other spellings of a good signature', async () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const bytes = Buffer.from(good.split('.')[2]!, 'base64url');
    const variants = [...alphabet]
      .map((letter) => good.slice(0, -1) + letter)
      .filter((one) => one !== good && Buffer.from(one.split('.')[2]!, 'base64url').equals(bytes));
    expect(variants.length).toBeGreaterThan(0);
    for (const variant of variants) await refused(variant);
  });

  test('N3 refuses another key of the set, and the other algorithm', async () => {
    const standby = JSON.parse(keyring.current().jwks).keys[1].kid;
    await refused(await signed(goodClaims(), { kid: standby }));
    await refused(await signed(goodClaims(), { alg: 'ES256' }));
    await refused(await signed(goodClaims(), { alg: 'PS256' }));
  });

  test('follows the JWKS: a revoked key verifies nothing more', async () => {
    const { kid } = keyring.signer();
    const own = createWorkloadVerifier({ jwks: () => keyring.current().jwks, issuer: goodIssuer, clock: rig.clock });
    expect((await own.verify(good, 'aws')).jti).toBe(goodClaims().jti);
    await keyring.revoke(kid);
    expect((await errorOf(() => own.verify(good, 'aws'))).code).toBe('unauthenticated');
  });
});

function withHmac(input: string, secret: string | Buffer): string {
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}
