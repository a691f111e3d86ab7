import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { selfSignedCertificate } from '../../../src/signing/keysets/certificate.ts';
import {
  exportForGoogle,
  lintJwks,
  type PublicJwk,
  publicJwkOf,
  publishJwks,
} from '../../../src/signing/keysets/jwks.ts';
import { makeSigningKey } from '../../../src/signing/keysets/signingkeys.ts';

let rsa: PublicJwk;
let other: PublicJwk;
let ec: PublicJwk;
beforeAll(async () => {
  [rsa, other, ec] = (
    await Promise.all([makeSigningKey('RS256'), makeSigningKey('RS256'), makeSigningKey('ES256')])
  ).map((pair) => pair.public_jwk) as [PublicJwk, PublicJwk, PublicJwk];
});

const faultsOf = (...keys: unknown[]) => lintJwks(JSON.stringify({ keys }));
const without = (jwk: object, name: string) => Object.fromEntries(Object.entries(jwk).filter(([one]) => one !== name));

describe('N58 the published JWK Set', () => {
  test('has the given order, and the same bytes and ETag for the same keys only', () => {
    const scrambled = Object.fromEntries(Object.entries(rsa).reverse());
    const published = publishJwks([rsa, other, ec]);
    expect(published).toEqual(publishJwks([scrambled, other, ec]));
    expect(JSON.parse(published.text)).toEqual({ keys: [rsa, other, ec] });
    expect(published.etag).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
    expect(publishJwks([other, rsa, ec]).etag).not.toBe(published.etag);
    expect(published.text.length).toBeLessThan(8192);
  });

  test('is refused with every fault at once, without the values of private members', () => {
    expect(() => publishJwks([{ ...rsa, d: 'canary' }, without(other, 'alg')])).toThrow(
      /key 1 has the member d; key 2 has no alg/,
    );
    expect(() => publishJwks([{ ...rsa, d: 'canary' }])).toThrow(expect.not.stringContaining('canary') as never);
  });

  test.each([
    'd',
    'p',
    'q',
    'dp',
    'dq',
    'qi',
    'k',
    'oth',
    'key_ops',
    'ext',
    'x5u',
    'x5t',
    'x5t#S256',
    'exp',
    'x',
    'crv',
  ])('has no member %s', (name) => {
    for (const value of ['AQAB', ['verify'], true, null])
      expect(faultsOf({ ...rsa, [name]: value })).toEqual([`key 1 has the member ${name}`]);
  });

  test.each(['kty', 'use', 'alg', 'kid', 'n', 'e'])('has no RSA key without %s', (name) => {
    expect(faultsOf(without(rsa, name))).toHaveLength(1);
  });

  test.each(['kty', 'use', 'alg', 'kid', 'crv', 'x', 'y'])('has no EC key without %s', (name) => {
    expect(faultsOf(without(ec, name))).toHaveLength(1);
  });

  test.each<[string, object]>([
    ['use enc', { use: 'enc' }],
    ['an alg of HMAC', { alg: 'HS256' }],
    ['an alg of another family', { alg: 'ES256' }],
    ['an alg that no cloud promises', { alg: 'PS256' }],
    ['a symmetric kty', { kty: 'oct' }],
    ['an empty kid', { kid: '' }],
    ['a kid with a space', { kid: 'a b' }],
    ['a kid that is no text', { kid: 1 }],
    ['an x5c that is text', { x5c: 'MII' }],
    ['an empty x5c', { x5c: [] }],
    ['an x5c that is no certificate', { x5c: ['AAAA'] }],
    ['an n that is no number', { n: '' }],
  ])('has no key with %s', (_, change) => {
    expect(faultsOf({ ...rsa, ...change })).not.toEqual([]);
  });

  test('has no key with a certificate of another key, two certificates or another spelling', () => {
    expect(faultsOf({ ...rsa, x5c: other.x5c })).toEqual(['key 1 has an x5c of another key']);
    expect(faultsOf({ ...rsa, n: other.n })).toEqual(['key 1 has an x5c of another key']);
    expect(faultsOf({ ...rsa, x5c: [...rsa.x5c!, ...rsa.x5c!] })).toEqual([
      'key 1 has an x5c that is not one certificate',
    ]);
    expect(faultsOf({ ...rsa, x5c: [`${rsa.x5c![0]}\n`] })).toEqual(['key 1 has an x5c that is not plain base64']);
  });

  test('has no key with a non-canonical number', () => {
    const longer = Buffer.concat([Buffer.of(0), Buffer.from(rsa.n!, 'base64url')]).toString('base64url');
    expect(faultsOf({ ...rsa, n: longer })).toContainEqual('key 1 has n in another than its shortest form');
    expect(faultsOf({ ...rsa, e: 'AAEAAQ' })).toContainEqual('key 1 has e in another than its shortest form');
  });

  test.each([
    ['1024 bits', { modulusLength: 1024 }, 'key 1 has a modulus of 1024 bits, less than 2048'],
    ['exponent 3', { modulusLength: 2048, publicExponent: 3 }, 'key 1 has an e other than 65537'],
  ])('has no RSA key of %s', (_, options, fault) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', options);
    expect(faultsOf(publicJwkOf(publicKey, 'RS256', 'kid', selfSignedCertificate(privateKey, 'RS256')))).toEqual([
      fault,
    ]);
  });

  test('has no EC key on another curve', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const jwk = publicJwkOf(publicKey, 'ES256', 'kid', selfSignedCertificate(privateKey, 'ES256'));
    expect(faultsOf(jwk)).toEqual(['key 1 is not on P-256']);
  });

  test('has one to three keys with unique kids, less than 8 kB, and no other members', () => {
    expect(faultsOf(rsa, { ...other, kid: rsa.kid })).toEqual(['two keys have the same kid']);
    expect(faultsOf(rsa, other, ec, { ...ec, kid: 'x' })).toEqual(['it has 4 keys, not 1 to 3']);
    expect(faultsOf()).toEqual(['it has 0 keys, not 1 to 3']);
    expect(faultsOf(null)).toEqual(['key 1 is not an object']);
    expect(lintJwks(JSON.stringify({ keys: [rsa], x: 1 }))).toEqual(['it has members other than keys']);
    expect(lintJwks(`${JSON.stringify({ keys: [rsa] })}${' '.repeat(8192)}`)).toEqual(['it has 8192 bytes or more']);
  });

  test.each(['', 'null', '[]', '{}', '{"keys":{}}', `{"keys":"${randomBytes(8).toString('hex')}"}`])(
    'is refused as %j',
    (text) => {
      expect(lintJwks(text)).toHaveLength(1);
    },
  );

  test('is exported to Google without certificates and otherwise unchanged', () => {
    const exported = JSON.parse(exportForGoogle(publishJwks([rsa, ec]).text));
    expect(exported).toEqual({ keys: [without(rsa, 'x5c'), without(ec, 'x5c')] });
    expect(lintJwks(JSON.stringify(exported))).toEqual([]);
  });
});
