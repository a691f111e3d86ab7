import { jwksPropagation, signingKeyRotation, tokenLifetime } from './lifetimes.ts';

/**
 * States of a signing key: next (published, does not sign) -> active (signs) -> retiring (published, does not sign) -> removed.
 * `planSteps` returns the changes that are due; the keyring makes them in one transaction. Times are in milliseconds since
 * 1970.
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
  /** Create and publish a key. `state` is `active` only when no key has ever signed. */
  | { do: 'create'; state: 'next' | 'active' }
  /** Make the standby the signer and retire the former signer; `retire` is null when that one was removed. */
  | { do: 'activate'; kid: string; retire: string | null }
  | { do: 'remove'; kid: string };

export const propagation = jwksPropagation * 1000;
export const rotation = signingKeyRotation * 1000;
/**
 * Milliseconds that a key stays published after it stopped signing: the cache time of the clouds and the life of its last
 * token.
 */
export const retirement = propagation + tokenLifetime.maximum * 1000;
/** Ceph reads only the first key, and Google's key upload accepts few. */
export const maximumPublishedKeys = 3;

/** Returns whether a standby key may sign: every cloud's cache must have it, and Entra caches a JWKS for 24 h. */
export function canActivate(key: SigningKeyTimes, now: number): boolean {
  return key.state === 'next' && now - key.published_at >= propagation;
}

/** Returns the changes that are due now, in order; empty when none is. `force` rotates as soon as the standby may sign. */
export function planSteps(keys: readonly SigningKeyTimes[], now: number, force = false): KeyStep[] {
  const active = keys.find((key) => key.state === 'active');
  const next = keys.find((key) => key.state === 'next');
  const steps: KeyStep[] = keys
    .filter((key) => key.state === 'retiring' && key.retired_at !== null && now - key.retired_at >= retirement)
    .map((key) => ({ do: 'remove', kid: key.kid }));
  const published = keys.length - steps.length;
  if (active === undefined && next === undefined)
    return [...steps, { do: 'create', state: 'active' }, { do: 'create', state: 'next' }];
  if (active !== undefined && next !== undefined && canActivate(next, now) && published < maximumPublishedKeys) {
    const isDue = force || now - (active.activated_at ?? active.published_at) >= rotation;
    if (isDue)
      return [...steps, { do: 'activate', kid: next.kid, retire: active.kid }, { do: 'create', state: 'next' }];
  }
  if (next === undefined && published < maximumPublishedKeys) steps.push({ do: 'create', state: 'next' });
  return steps;
}

/**
 * Returns the changes that revoke a leaked key at once. The standby, which the caches of the clouds have, becomes the signer
 * at once. Empty when the set has no such key.
 */
export function planRevocation(keys: readonly SigningKeyTimes[], kid: string): KeyStep[] {
  const leaked = keys.find((key) => key.kid === kid);
  if (leaked === undefined) return [];
  const steps: KeyStep[] = [{ do: 'remove', kid }];
  if (leaked.state === 'retiring') return steps;
  const standby = keys.find((key) => key.state === 'next' && key.kid !== kid);
  if (leaked.state === 'active')
    steps.push(
      standby === undefined ? { do: 'create', state: 'active' } : { do: 'activate', kid: standby.kid, retire: null },
    );
  return [...steps, { do: 'create', state: 'next' }];
}

/** Returns the earliest time of a forced rotation; undefined without a standby. */
export function findRotationTime(keys: readonly SigningKeyTimes[]): number | undefined {
  const standby = keys.find((key) => key.state === 'next');
  if (standby === undefined) return undefined;
  const leaving = keys.flatMap((key) => (key.retired_at === null ? [] : [key.retired_at + retirement]));
  const room = keys.length < maximumPublishedKeys ? [] : leaving;
  return Math.max(computeActivationTime(standby), ...room);
}

/**
 * Returns the time to store with a change: `now`, or 1 ms after the latest time in the set if that is later. A replica with a
 * slow clock therefore stores no time that runs backwards, and a revocation right after a rotation has a time of its own.
 */
export function chooseChangeTime(keys: readonly SigningKeyTimes[], now: number): number {
  const past = keys.flatMap((key) => [key.published_at, key.activated_at ?? 0, key.retired_at ?? 0]);
  return Math.max(now, ...past.map((time) => time + 1));
}

const lifeOrder: readonly KeyState[] = ['next', 'active', 'retiring'];

/** Returns faults that no sequence of steps can produce: a set with such a fault was altered outside Arsia. */
export function findStateFaults(keys: readonly SigningKeyTimes[]): string[] {
  const faults: string[] = [];
  const count = (state: KeyState) => keys.filter((key) => key.state === state).length;
  if (count('active') !== 1) faults.push(`${count('active')} keys are active, not one`);
  if (count('next') > 1) faults.push('more than one key is next');
  if (keys.length > maximumPublishedKeys) faults.push(`there are more than ${maximumPublishedKeys} keys`);
  for (const key of keys) {
    if (!areTimesConsistent(key)) faults.push(`the times of ${key.kid} do not fit its state ${key.state}`);
  }
  const active = keys.find((key) => key.state === 'active');
  // A rotation retires the old signer at the same time. Only a revocation, which removes it, may activate a key early.
  if (
    active?.activated_at != null &&
    active.activated_at - active.published_at < propagation &&
    keys.some((key) => key.state === 'retiring' && key.retired_at === active.activated_at)
  )
    faults.push(`${active.kid} became active before it was published long enough`);
  return faults;
}

/** Returns the keys that went back to an earlier state or whose stored times changed, which no change by Arsia does. */
export function findTransitionFaults(before: readonly SigningKeyTimes[], after: readonly SigningKeyTimes[]): string[] {
  return after.flatMap((key) => {
    const known = before.find((one) => one.kid === key.kid);
    if (known === undefined) return [];
    const hasGoneBack = lifeOrder.indexOf(key.state) < lifeOrder.indexOf(known.state);
    const hasOtherPast =
      key.published_at !== known.published_at ||
      (known.activated_at !== null && key.activated_at !== known.activated_at) ||
      (known.retired_at !== null && key.retired_at !== known.retired_at);
    return hasGoneBack || hasOtherPast ? [`${key.kid} was ${known.state} and is ${key.state} with another past`] : [];
  });
}

function areTimesConsistent(key: SigningKeyTimes): boolean {
  const { activated_at: activated, retired_at: retired, published_at: published } = key;
  if (key.state === 'next') return activated === null && retired === null;
  if (activated === null || activated < published) return false;
  return key.state === 'active' ? retired === null : retired !== null && retired >= activated;
}

/** Sorts keys as the JWKS lists them: the signer (Ceph RGW 16 reads only the first key), the standby, the retiring keys. */
export function sortForPublication<Key extends { state: KeyState }>(keys: readonly Key[]): Key[] {
  const rank: Record<KeyState, number> = { active: 0, next: 1, retiring: 2 };
  return keys.toSorted((left, right) => rank[left.state] - rank[right.state]);
}

/** Returns the time from which a standby may sign. */
export function computeActivationTime(key: SigningKeyTimes): number {
  return key.published_at + propagation;
}

/** A stored signing key: the private key sealed, the public key as published (with `x5c`). */
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
  /** Increases by one with every change. A mint reads it with its facts. */
  version: number;
  keys: StoredKey[];
}

/** The reason of a change of keys, for its audit event. */
export interface KeyChangeReason {
  action: 'key.rotate' | 'key.revoke';
  detail: Readonly<Record<string, unknown>>;
}

/** The storage that the keyring needs. */
export interface KeyStore {
  load(keySet: string): Promise<KeySetSnapshot>;
  /** Returns the version only. The keyring uses it when the keys cannot be read. */
  version(keySet: string): Promise<number>;
  /**
   * Changes keys in one transaction that holds the lock of the key set. `plan` receives the committed keys and returns the
   * changes; all of them and their audit event are committed together. Returns the set after the change.
   */
  change(
    keySet: string,
    reason: KeyChangeReason,
    plan: (keys: StoredKey[]) => Promise<KeyChange[]>,
  ): Promise<KeySetSnapshot>;
}
