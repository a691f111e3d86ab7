import { type KeyObject, sign } from 'node:crypto';

/** Algorithms of workload tokens: RS256 is the one that all three clouds take (cloud-facts.md 0.2). */
export type SigningAlgorithm = 'RS256' | 'ES256';

/** Signs bytes with one key. A KMS is a sibling of `localSigner`. */
export interface Signer {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** The raw JWS signature (RFC 7518 3.3, 3.4: for ES256 the 64 bytes of r and s). */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

export type MakeSigner = (kid: string, alg: SigningAlgorithm, key: KeyObject) => Signer;

export interface SigningKey {
  alg: SigningAlgorithm;
  key: KeyObject;
}

/** Returns the key as `sign` of node:crypto takes it for the raw JWS signature. */
export function signingInputOf({ alg, key }: SigningKey) {
  return alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key;
}

/** A key in this process, signing in libuv's thread pool: the event loop goes on while RSA computes. */
export const localSigner: MakeSigner = (kid, alg, key) => {
  const input = signingInputOf({ alg, key });
  return {
    kid,
    alg,
    sign: (bytes) =>
      new Promise((resolve, reject) => {
        sign('sha256', bytes, input, (error, signature) => (error ? reject(error) : resolve(signature)));
      }),
  };
};
