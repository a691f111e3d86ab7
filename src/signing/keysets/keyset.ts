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
import { type KeyOpening, type LoadedKey, openStoredKey, serializeRow } from './storedkeys.ts';

/** A verified version of a key set. The signer and the published keys are always from the same rows. */
export interface LoadedKeySet {
  version: number;
  /** In the order of publication. */
  keys: readonly LoadedKey[];
  jwks: PublishedJwks;
  /** Undefined when the active key was removed from the store and no trusted key replaced it. */
  signer: Signer | undefined;
  /** The stored rows with their states, as one text. A different text of the same version is evidence of tampering. */
  rows: string;
}

/** A fault of stored keys: they are not as Arsia wrote them. The message is one line for the operator. */
class KeySetFault extends Error {
  override readonly name = 'KeySetFault';
}

/**
 * Loads a stored set. Throws a KeySetFault when any part cannot be trusted. `before` is the last valid set of this replica.
 */
export async function loadKeySet(
  snapshot: KeySetSnapshot,
  before: LoadedKeySet | undefined,
  keySet: string,
  opening: KeyOpening,
): Promise<LoadedKeySet> {
  const rows = serializeRows(snapshot.keys);
  if (before !== undefined && snapshot.version < before.version)
    throw fault(keySet, `its version went back from ${before.version} to ${snapshot.version}, as after a restore`);
  if (before !== undefined && snapshot.version === before.version && rows !== before.rows)
    throw fault(keySet, 'its rows changed without a new version, so not by Arsia');
  const { keys, jwks } = await openSoundKeys(snapshot.keys, before, keySet, opening);
  return { version: snapshot.version, keys, jwks, signer: activeSigner(keys), rows };
}

/** Opens every key, checks their states against each other and the previous set, and lints the JWKS. Throws a KeySetFault. */
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

/** Opens every key, in any state. Throws a KeySetFault. */
export async function openKeys(
  stored: readonly StoredKey[],
  before: LoadedKeySet | undefined,
  keySet: string,
  opening: KeyOpening,
): Promise<LoadedKey[]> {
  const open = async (key: StoredKey): Promise<LoadedKey> => {
    const row = serializeRow(key);
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
 * Returns the last valid set without the keys that the store no longer has. It is used while the stored set cannot be
 * trusted: a revoked key must neither sign nor be published, even when another row of the set was tampered with.
 */
export function withoutRemoved(good: LoadedKeySet, stored: readonly StoredKey[]): LoadedKeySet {
  const kept = good.keys.filter((key) => stored.some((one) => one.kid === key.kid));
  if (kept.length === good.keys.length) return good;
  const signer = activeSigner(kept);
  // Without any key left the old set is still served: an empty one would break the verification of issued tokens.
  if (kept.length === 0) return { ...good, signer };
  return { ...good, keys: kept, jwks: publishJwks(kept.map((key) => key.public_jwk)), signer };
}

function activeSigner(keys: readonly LoadedKey[]): Signer | undefined {
  return keys.find((key) => key.state === 'active')?.signer;
}

function serializeRows(keys: readonly StoredKey[]): string {
  return JSON.stringify(keys.map((key) => [serializeRow(key), key.state, key.activated_at, key.retired_at]).sort());
}

function fault(keySet: string, reason: string, cause?: unknown): KeySetFault {
  return new KeySetFault(
    `The stored ${keySet} keys cannot be trusted: ${reason}`,
    cause === undefined ? undefined : { cause },
  );
}
