import { day, hour, jwksPropagation, signingKeyRotation, tokenLifetime } from './lifetimes.ts';

/**
 * The life of a signing key: next (published, signs nothing) -> active (signs) -> retiring (published, signs nothing) -> gone.
 * Pure: `step` says what is due, the keyring does it in one transaction. Times in milliseconds since 1970.
 */
export type KeyState = 'next' | 'active' | 'retiring';

export interface SigningKeyTimes {
  kid: string;
  state: KeyState;
  published_at: number;
  activated_at: number | null;
  retired_at: number | null;
}

export type KeyStep =
  /** Make a key and publish it; `state` is `active` only when no key has ever signed. */
  | { do: 'create'; state: 'next' | 'active' }
  /** Make the standby the signer and the signer retiring. */
  | { do: 'activate'; kid: string; retire: string }
  | { do: 'remove'; kid: string };

export const propagation = jwksPropagation * 1000;
export const rotation = signingKeyRotation * 1000;
/** How long a key stays published after it stopped signing: its last token's life and the caches of the clouds. */
export const retirement = propagation + tokenLifetime.maximum * 1000;
/** At most three keys are published: Ceph reads only the first, and Google's upload takes few. */
export const maximumPublishedKeys = 3;

/** A standby may sign once every cloud's cache has had it: Entra keeps a JWKS for 24 h. */
export function mayActivate(key: SigningKeyTimes, now: number): boolean {
  return key.state === 'next' && now - key.published_at >= propagation;
}

/** What is due now, in the order to do it; empty when nothing is. `force` rotates as soon as the standby may sign. */
export function step(keys: readonly SigningKeyTimes[], now: number, force = false): KeyStep[] {
  const active = keys.find((key) => key.state === 'active');
  const next = keys.find((key) => key.state === 'next');
  const steps: KeyStep[] = keys
    .filter((key) => key.state === 'retiring' && key.retired_at !== null && now - key.retired_at >= retirement)
    .map((key) => ({ do: 'remove', kid: key.kid }));
  const published = keys.length - steps.length;
  if (active === undefined && next === undefined)
    return [...steps, { do: 'create', state: 'active' }, { do: 'create', state: 'next' }];
  if (active !== undefined && next !== undefined && mayActivate(next, now) && published < maximumPublishedKeys) {
    const isDue = force || now - (active.activated_at ?? active.published_at) >= rotation;
    if (isDue)
      return [...steps, { do: 'activate', kid: next.kid, retire: active.kid }, { do: 'create', state: 'next' }];
  }
  if (next === undefined && published < maximumPublishedKeys) steps.push({ do: 'create', state: 'next' });
  return steps;
}

/** The order in the JWKS: the signer first (Ceph RGW 16 reads only the first key), then the standby, then the retiring. */
export function publishedOrder<Key extends { state: KeyState }>(keys: readonly Key[]): Key[] {
  const rank: Record<KeyState, number> = { active: 0, next: 1, retiring: 2 };
  return keys.toSorted((left, right) => rank[left.state] - rank[right.state]);
}

/** When the standby may sign, for the operator's eyes. */
export function activatableAt(key: SigningKeyTimes): number {
  return key.published_at + propagation;
}

export const keyTimings = { propagation_hours: jwksPropagation / hour, rotation_days: signingKeyRotation / day };

/** A signing key as stored: the private half sealed, the public half as published (with `x5c`). */
export interface StoredKey extends SigningKeyTimes {
  alg: string;
  public_jwk: Record<string, unknown>;
  sealed_private: Uint8Array;
}

export type KeyChange =
  | { do: 'insert'; key: StoredKey }
  | { do: 'activate'; kid: string; at: number }
  | { do: 'retire'; kid: string; at: number }
  | { do: 'remove'; kid: string };

export interface KeySetSnapshot {
  /** Moves by one with every change; a mint reads it with its facts. */
  version: number;
  keys: StoredKey[];
}

/** What the keyring needs of a store. */
export interface KeyStore {
  load(keySet: string): Promise<KeySetSnapshot>;
  /**
   * One transaction under the lock of the key set: `plan` sees the committed keys and says what to change, all or nothing.
   * Returns the set as it is afterwards.
   */
  change(keySet: string, plan: (keys: StoredKey[]) => Promise<KeyChange[]>): Promise<KeySetSnapshot>;
}
