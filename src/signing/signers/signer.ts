import { type KeyObject, sign } from 'node:crypto';

/** Algorithms of workload tokens. RS256 is the only one that all three clouds accept (cloud-facts.md 0.2). */
export type SigningAlgorithm = 'RS256' | 'ES256';

/** Signs bytes with one key. `localSigner` signs with a key in memory; a KMS would be another implementation. */
export interface Signer {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** Returns the raw JWS signature (RFC 7518 3.3, 3.4: for ES256 the 64 bytes of r and s). */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

export type MakeSigner = (kid: string, alg: SigningAlgorithm, key: KeyObject) => Signer;

export interface SigningKey {
  alg: SigningAlgorithm;
  key: KeyObject;
}

/** Returns the key argument of `sign` of node:crypto that results in the raw JWS signature. */
export function toSignKey({ alg, key }: SigningKey) {
  return alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key;
}

/** Makes a signer with a key of this process. It signs in libuv's thread pool, so that RSA does not block the event loop. */
export const localSigner: MakeSigner = (kid, alg, key) => {
  const input = toSignKey({ alg, key });
  return {
    kid,
    alg,
    sign: (bytes) =>
      new Promise((resolve, reject) => {
        sign('sha256', bytes, input, (error, signature) => (error ? reject(error) : resolve(signature)));
      }),
  };
};
