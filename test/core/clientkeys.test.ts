import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { parseClientKeys } from '../../src/core/clientkeys.ts';

const jwk = (key: KeyObject) => key.export({ format: 'jwk' }) as Record<string, unknown>;
const rsa = jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);
const ec = jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
const faults = (...keys: unknown[]) => parseClientKeys({ keys }).faults;

test('accepts RSA from 2048 bits on and P-256, and keeps only public members', () => {
  const given = [
    { ...rsa, kid: 'one', alg: 'PS256', use: 'sig', x5c: ['MIIB'], key_ops: ['verify'] },
    { ...ec, kid: 'two' },
  ];
  const { keys, faults: none } = parseClientKeys({ keys: given });
  expect(none).toEqual([]);
  expect(keys).toEqual([
    { kty: 'RSA', kid: 'one', alg: 'PS256', n: rsa.n, e: 'AQAB' },
    { kty: 'EC', kid: 'two', crv: 'P-256', x: ec.x, y: ec.y },
  ]);
});

test('N8 refuses RSA of 1024 bits, e = 1 and e = 3', () => {
  const short = jwk(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
  expect(faults(short)).toEqual([
    { pointer: '/keys/0', detail: 'must have a modulus of 2048 to 8192 bits; it has 1024' },
  ]);
  // Zeros in front do not make it longer.
  const padded = Buffer.concat([Buffer.alloc(200), Buffer.from(String(short.n), 'base64url')]).toString('base64url');
  expect(faults({ ...short, n: padded })[0]?.detail).toContain('it has 1024');
  for (const e of ['AQ', 'Aw', 'AAEAAQ', '', undefined]) expect(faults({ ...rsa, e })).toHaveLength(1);
});

test.each([
  ['a private key', jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
  ['a symmetric key', { kty: 'oct', k: 'AAAA' }],
  ['another curve', jwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)],
  ['another kind', jwk(generateKeyPairSync('ed25519').publicKey)],
  ['an encryption key', { ...rsa, use: 'enc' }],
  ['an algorithm of another kind', { ...rsa, alg: 'ES256' }],
  ['HS256', { ...rsa, alg: 'HS256' }],
  ['a short coordinate', { ...ec, x: 'AAAA' }],
  ['no modulus', { ...rsa, n: undefined }],
  ['a modulus that is no base64url', { ...rsa, n: `${String(rsa.n).slice(0, -1)}=` }],
  ['an empty kid', { ...rsa, kid: '' }],
  ['a kid that is no string', { ...rsa, kid: 7 }],
  ['no object', 'key'],
])('refuses %s', (_name, key) => {
  const { keys, faults: found } = parseClientKeys({ keys: [key] });
  expect(keys).toEqual([]);
  expect(found).toHaveLength(1);
  expect(JSON.stringify(found)).not.toContain(String((key as Record<string, unknown>).d ?? 'no secret'));
});

test('names each bad key, and a kid that occurs twice', () => {
  const found = faults({ ...rsa, kid: 'one' }, { ...ec, kid: 'one' }, 'x');
  expect(found.map(({ pointer }) => pointer)).toEqual(['/keys/1', '/keys/2']);
});

test.each([[undefined], [null], ['{}'], [[]], [{}], [{ keys: {} }], [{ keys: [] }], [{ keys: Array(11).fill(ec) }]])(
  'refuses %j as a key set',
  (set) => {
    expect(parseClientKeys(set)).toEqual({ keys: [], faults: [expect.any(Object)] });
  },
);
