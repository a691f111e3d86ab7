import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyState, SigningKeyTimes, StoredKey } from '../../core/keystates.ts';
import type { Sealer, SealingContext } from '../sealing/sealing.ts';
import type { MakeSigner, Signer, SigningAlgorithm } from '../signers/signer.ts';
import { orderJwk } from './jwks.ts';
import type { SigningKeyPair } from './signingkeys.ts';

/** A stored key that was opened and verified. */
export interface LoadedKey extends SigningKeyTimes {
  alg: SigningAlgorithm;
  public_jwk: Readonly<Record<string, unknown>>;
  signer: Signer;
  /** The row that it was opened from, to decide whether it must be opened again. */
  row: string;
}

/** The dependencies of opening a stored key and making its signer. */
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
  const sealed_private = await sealer.seal(pair.pkcs8, sealingContext(keySet, pair.kid));
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
 * Opens a stored key and verifies that its parts belong together: the private half was sealed for this `kid` of this set, and
 * the published half is its public half. Otherwise throws an Error that names the row (N59).
 */
export async function openStoredKey(
  stored: StoredKey,
  keySet: string,
  { sealer, makeSigner }: KeyOpening,
): Promise<LoadedKey> {
  const { kid, state, published_at, activated_at, retired_at } = stored;
  const alg = stored.alg;
  if (alg !== 'RS256' && alg !== 'ES256') throw new Error(`The signing key ${kid} has the unknown alg ${alg}.`);
  const opened = await sealer.open(stored.sealed_private, sealingContext(keySet, kid));
  // The same memory, not a copy, so that the overwrite below leaves no copy of the key.
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
  return { ...times, alg, public_jwk: orderJwk(published), signer, row: serializeRow(stored) };
}

/** Returns the parts of a row that never change, as one text. */
export function serializeRow(stored: StoredKey): string {
  const sealed = Buffer.from(stored.sealed_private).toString('base64');
  return JSON.stringify([stored.kid, stored.alg, orderJwk(stored.public_jwk), stored.published_at, sealed]);
}

/** The key set is part of the purpose: a key that is moved to another set must not sign for that set's issuer. */
function sealingContext(keySet: string, kid: string): SealingContext {
  return { table: 'signing_keys', row: kid, purpose: `private key (${keySet})` };
}
