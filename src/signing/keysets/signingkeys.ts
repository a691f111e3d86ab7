import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { SigningAlgorithm } from '../signers/signer.ts';
import { selfSignedCertificate } from './certificate.ts';
import { type PublicJwk, publicJwkOf } from './jwks.ts';
import { createMutex } from './mutex.ts';

/**
 * A new key pair. `kid` is its thumbprint (RFC 7638, SHA-256). `pkcs8` is the private half in DER: the caller seals it and
 * overwrites it.
 */
export interface SigningKeyPair {
  kid: string;
  alg: SigningAlgorithm;
  public_jwk: PublicJwk;
  pkcs8: Uint8Array;
}

export type MakeSigningKey = (alg: SigningAlgorithm) => Promise<SigningKeyPair>;

const generate = promisify(generateKeyPair);

/** Runs key generations one at a time for all keyrings: each occupies a core and a thread of the pool. */
const generations = createMutex();

export const makeSigningKey: MakeSigningKey = (alg) =>
  generations(async () => {
    const { publicKey, privateKey } = await generators[alg]();
    const kid = await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as JWK, 'sha256');
    return {
      kid,
      alg,
      public_jwk: publicJwkOf(publicKey, alg, kid, selfSignedCertificate(privateKey, alg)),
      pkcs8: privateKey.export({ type: 'pkcs8', format: 'der' }),
    };
  });

const generators: Readonly<Record<SigningAlgorithm, () => Promise<{ publicKey: KeyObject; privateKey: KeyObject }>>> = {
  RS256: () => generate('rsa', { modulusLength: 2048, publicExponent: 65537 }),
  ES256: () => generate('ec', { namedCurve: 'P-256' }),
};
