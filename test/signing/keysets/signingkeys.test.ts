import { createHook } from 'node:async_hooks';
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { makeSigningKey } from '../../../src/signing/keysets/signingkeys.ts';
import type { SigningAlgorithm } from '../../../src/signing/signers/signer.ts';

const members: Record<SigningAlgorithm, string[]> = {
  RS256: ['kty', 'use', 'alg', 'kid', 'n', 'e', 'x5c'],
  ES256: ['kty', 'use', 'alg', 'kid', 'crv', 'x', 'y', 'x5c'],
};

describe.each<SigningAlgorithm>(['RS256', 'ES256'])('a signing key for %s', (alg) => {
  test('N58 is published with exactly the public members', async () => {
    const { public_jwk } = await makeSigningKey(alg);
    expect(Object.keys(public_jwk).sort()).toEqual([...members[alg]].sort());
    expect(public_jwk).toMatchObject({ use: 'sig', alg, kty: alg === 'RS256' ? 'RSA' : 'EC' });
  });

  test('has the RFC 7638 thumbprint as its kid', async () => {
    const { kid, public_jwk } = await makeSigningKey(alg);
    const { kty, n, e, crv, x, y } = public_jwk;
    const text =
      alg === 'RS256'
        ? `{"e":"${e}","kty":"${kty}","n":"${n}"}`
        : `{"crv":"${crv}","kty":"${kty}","x":"${x}","y":"${y}"}`;
    expect(kid).toBe(createHash('sha256').update(text).digest('base64url'));
    expect(public_jwk.kid).toBe(kid);
  });

  test('has a private half that belongs to it', async () => {
    const { pkcs8, public_jwk } = await makeSigningKey(alg);
    const own = createPublicKey(createPrivateKey({ key: Buffer.from(pkcs8), type: 'pkcs8', format: 'der' }));
    expect(public_jwk).toMatchObject(own.export({ format: 'jwk' }));
  });

  test('has one certificate, self-signed, of the same key, that is valid for decades', async () => {
    const { public_jwk } = await makeSigningKey(alg);
    const [der, ...rest] = public_jwk.x5c!;
    expect(rest).toEqual([]);
    const certificate = new X509Certificate(Buffer.from(der!, 'base64'));
    const key = createPublicKey({ key: { ...public_jwk, x5c: undefined }, format: 'jwk' });
    expect(certificate.publicKey.equals(key)).toBe(true);
    expect(certificate.verify(key)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.subject).toBe('CN=Arsia signing key');
    expect(certificate.validFromDate < new Date('2026-01-01')).toBe(true);
    expect(certificate.validToDate > new Date('2045-01-01')).toBe(true);
    expect(certificate.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  });
});

describe('makeSigningKey', () => {
  test('gives an RS256 key 2048 bits and the exponent that AWS, Azure and Google accept', async () => {
    const { public_jwk } = await makeSigningKey('RS256');
    const key = createPublicKey({ key: { ...public_jwk, x5c: undefined }, format: 'jwk' });
    expect(key.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048, publicExponent: 65537n });
  });

  test('M7 generates one key at a time', async () => {
    let running = 0;
    let most = 0;
    const ids = new Set<number>();
    const hook = createHook({
      init(id, type) {
        if (type !== 'KEYPAIRGENREQUEST') return;
        ids.add(id);
        most = Math.max(most, ++running);
      },
      before(id) {
        if (ids.has(id)) running -= 1;
      },
    }).enable();
    await Promise.all(Array.from({ length: 8 }, () => makeSigningKey('ES256')));
    hook.disable();
    expect({ generations: ids.size, most }).toEqual({ generations: 8, most: 1 });
  });
});
