import {
  findStateFaults,
  findTransitionFaults,
  type KeySetSnapshot,
  type StoredKey,
  sortForPublication,
} from '../../core/keystates.ts';
import { toError } from '../../core/thrown.ts';
import type { Signer } from '../signers/signer.ts';
import { type PublishedJwks, publishJwks } from './jwks.ts';
import { type KeyOpening, type LoadedKey, openStoredKey, rowOf } from './storedkeys.ts';

/** One version of a key set, found whole: what signs and what is published come from the same rows, always. */
export interface LoadedKeySet {
  version: number;
  /** In the order of publication. */
  keys: readonly LoadedKey[];
  jwks: PublishedJwks;
  /** Undefined when the store took the active key away and nothing trustworthy replaced it. */
  signer: Signer | undefined;
  /** The stored rows with their states, as one text: the same version with another is tampering. */
  rows: string;
}

/** The stored keys are not what Arsia wrote. The message is one line for the operator. */
class KeySetFault extends Error {
  override readonly name = 'KeySetFault';
}

/** Throws a KeySetFault when any part of the set cannot be trusted. `before` is the last good set of this replica. */
export async function loadKeySet(
  snapshot: KeySetSnapshot,
  before: LoadedKeySet | undefined,
  keySet: string,
  opening: KeyOpening,
): Promise<LoadedKeySet> {
  const rows = rowsOf(snapshot.keys);
  if (before !== undefined && snapshot.version < before.version)
    throw fault(keySet, `its version went back from ${before.version} to ${snapshot.version}, as after a restore`);
  if (before !== undefined && snapshot.version === before.version && rows !== before.rows)
    throw fault(keySet, `its rows changed without a new version, so by other hands than Arsia's`);
  const { keys, jwks } = await openSoundKeys(snapshot.keys, before, keySet, opening);
  return { version: snapshot.version, keys, jwks, signer: activeSigner(keys), rows };
}

/** Opens every key, checks their states against each other and against the past, lints the JWKS; throws a KeySetFault. */
export async function openSoundKeys(
  stored: readonly StoredKey[],
  before: LoadedKeySet | undefined,
  keySet: string,
  opening: KeyOpening,
): Promise<{ keys: LoadedKey[]; jwks: PublishedJwks }> {
  const faults = [...findStateFaults(stored), ...findTransitionFaults(before?.keys ?? [], stored)];
  if (faults.length > 0) throw fault(keySet, faults.join('; '));
  const keys = await openKeys(stored, before, keySet, opening);
  try {
    return { keys, jwks: publishJwks(keys.map((key) => key.public_jwk)) };
  } catch (cause) {
    throw fault(keySet, toError(cause).message, cause);
  }
}

/** Opens every key, whatever its state; throws a KeySetFault. */
export async function openKeys(
  stored: readonly StoredKey[],
  before: LoadedKeySet | undefined,
  keySet: string,
  opening: KeyOpening,
): Promise<LoadedKey[]> {
  const open = async (key: StoredKey): Promise<LoadedKey> => {
    const row = rowOf(key);
    const known = before?.keys.find((one) => one.row === row);
    const { state, activated_at, retired_at } = key;
    return known ? { ...known, state, activated_at, retired_at } : await openStoredKey(key, keySet, opening);
  };
  try {
    return await Promise.all(sortForPublication(stored).map(open));
  } catch (cause) {
    throw fault(keySet, toError(cause).message, cause);
  }
}

/**
 * The last good set without what the store no longer has, for as long as the stored set cannot be trusted: a key that was
 * revoked must neither sign nor be published, even when another row of the set was tampered with.
 */
export function withoutRemoved(good: LoadedKeySet, stored: readonly StoredKey[]): LoadedKeySet {
  const kept = good.keys.filter((key) => stored.some((one) => one.kid === key.kid));
  if (kept.length === good.keys.length) return good;
  const signer = activeSigner(kept);
  // With no key left the old set is served on: an empty one would only break the tokens that are out.
  if (kept.length === 0) return { ...good, signer };
  return { ...good, keys: kept, jwks: publishJwks(kept.map((key) => key.public_jwk)), signer };
}

function activeSigner(keys: readonly LoadedKey[]): Signer | undefined {
  return keys.find((key) => key.state === 'active')?.signer;
}

function rowsOf(keys: readonly StoredKey[]): string {
  return JSON.stringify(keys.map((key) => [rowOf(key), key.state, key.activated_at, key.retired_at]).sort());
}

function fault(keySet: string, reason: string, cause?: unknown): KeySetFault {
  return new KeySetFault(
    `The stored ${keySet} keys cannot be trusted: ${reason}`,
    cause === undefined ? undefined : { cause },
  );
}
