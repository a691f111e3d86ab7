import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyState, SigningKeyTimes, StoredKey } from '../../core/keystates.ts';
import type { Sealer, SealingContext } from '../sealing/sealing.ts';
import type { MakeSigner, Signer, SigningAlgorithm } from '../signers/signer.ts';
import { orderedJwk } from './jwks.ts';
import type { SigningKeyPair } from './signingkeys.ts';

/** A stored key that was opened and found whole. */
export interface LoadedKey extends SigningKeyTimes {
  alg: SigningAlgorithm;
  public_jwk: Readonly<Record<string, unknown>>;
  signer: Signer;
  /** The row it came from, to tell whether it must be opened again. */
  row: string;
}

/** The parts that open a stored key and make its signer. */
export interface KeyOpening {
  sealer: Sealer;
  makeSigner: MakeSigner;
}

export async function sealNewKey(
  pair: SigningKeyPair,
  keySet: string,
  state: KeyState,
  now: number,
  sealer: Sealer,
): Promise<StoredKey> {
  const sealed_private = await sealer.seal(pair.pkcs8, contextOf(keySet, pair.kid));
  pair.pkcs8.fill(0);
  return {
    kid: pair.kid,
    alg: pair.alg,
    state,
    public_jwk: { ...pair.public_jwk },
    sealed_private,
    published_at: now,
    activated_at: state === 'active' ? now : null,
    retired_at: null,
  };
}

/**
 * Opens a stored key and proves that its parts are one key: the private half was sealed for this `kid` of this set, and what
 * is published is its public half. Throws an Error that names the row otherwise (N59).
 */
export async function openStoredKey(
  stored: StoredKey,
  keySet: string,
  { sealer, makeSigner }: KeyOpening,
): Promise<LoadedKey> {
  const { kid, state, published_at, activated_at, retired_at } = stored;
  const alg = stored.alg;
  if (alg !== 'RS256' && alg !== 'ES256') throw new Error(`The signing key ${kid} has the unknown alg ${alg}.`);
  const opened = await sealer.open(stored.sealed_private, contextOf(keySet, kid));
  // The same memory, not a copy: what is overwritten below is all there was.
  const pkcs8 = Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
  const privateKey = createPrivateKey({ key: pkcs8, type: 'pkcs8', format: 'der' });
  pkcs8.fill(0);
  const published: Record<string, unknown> = { ...stored.public_jwk };
  const own: Record<string, unknown> = createPublicKey(privateKey).export({ format: 'jwk' });
  const expected = { ...own, alg, kid, use: 'sig' };
  for (const [name, value] of Object.entries(expected)) {
    if (published[name] !== value)
      throw new Error(`The public half of the signing key ${kid} has another ${name}: its row was altered.`);
  }
  const signer = makeSigner(kid, alg, privateKey);
  const times = { kid, state, published_at, activated_at, retired_at };
  return { ...times, alg, public_jwk: orderedJwk(published), signer, row: rowOf(stored) };
}

/** What of a row never changes, as one text. */
export function rowOf(stored: StoredKey): string {
  const sealed = Buffer.from(stored.sealed_private).toString('base64');
  return JSON.stringify([stored.kid, stored.alg, orderedJwk(stored.public_jwk), stored.published_at, sealed]);
}

/** The set is part of the purpose: a row moved to the other set would sign what its issuer never signs. */
function contextOf(keySet: string, kid: string): SealingContext {
  return { table: 'signing_keys', row: kid, purpose: `private key (${keySet})` };
}
