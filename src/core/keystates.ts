import { jwksPropagation, signingKeyRotation, tokenLifetime } from './lifetimes.ts';

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
  /** Make the standby the signer, and the signer retiring; `null` when it was taken away. */
  | { do: 'activate'; kid: string; retire: string | null }
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

/**
 * The emergency of a leaked key: it leaves at once, and the standby, which the caches of the clouds have, signs at once.
 * Empty when the set has no such key.
 */
export function revocation(keys: readonly SigningKeyTimes[], kid: string): KeyStep[] {
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

/** When a forced rotation can be done; undefined without a standby. */
export function rotatableAt(keys: readonly SigningKeyTimes[]): number | undefined {
  const standby = keys.find((key) => key.state === 'next');
  if (standby === undefined) return undefined;
  const leaving = keys.flatMap((key) => (key.retired_at === null ? [] : [key.retired_at + retirement]));
  const room = keys.length < maximumPublishedKeys ? [] : leaving;
  return Math.max(activatableAt(standby), ...room);
}

/**
 * The moment that a change is written with: now, and always after everything that the set remembers. So a replica whose clock
 * is behind writes no life that runs backwards, and a revocation right after a rotation is not taken for a part of it.
 */
export function changeTime(keys: readonly SigningKeyTimes[], now: number): number {
  const past = keys.flatMap((key) => [key.published_at, key.activated_at ?? 0, key.retired_at ?? 0]);
  return Math.max(now, ...past.map((time) => time + 1));
}

const lifeOrder: readonly KeyState[] = ['next', 'active', 'retiring'];

/** What no sequence of steps can lead to: a set with such faults was altered by other hands. Empty when there is none. */
export function stateFaults(keys: readonly SigningKeyTimes[]): string[] {
  const faults: string[] = [];
  const count = (state: KeyState) => keys.filter((key) => key.state === state).length;
  if (count('active') !== 1) faults.push(`${count('active')} keys are active, not one`);
  if (count('next') > 1) faults.push('more than one key is next');
  if (keys.length > maximumPublishedKeys) faults.push(`there are more than ${maximumPublishedKeys} keys`);
  for (const key of keys) {
    if (!areTimesLawful(key)) faults.push(`the times of ${key.kid} do not fit its state ${key.state}`);
  }
  const active = keys.find((key) => key.state === 'active');
  // A planned change leaves the old signer retiring since that moment; only an emergency, which removes it, may be early.
  if (
    active?.activated_at != null &&
    active.activated_at - active.published_at < propagation &&
    keys.some((key) => key.state === 'retiring' && key.retired_at === active.activated_at)
  )
    faults.push(`${active.kid} became active before it was published long enough`);
  return faults;
}

/** What no later version of a set can hold: a key that went back, or whose past changed. Empty when there is none. */
export function transitionFaults(before: readonly SigningKeyTimes[], after: readonly SigningKeyTimes[]): string[] {
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

function areTimesLawful(key: SigningKeyTimes): boolean {
  const { activated_at: activated, retired_at: retired, published_at: published } = key;
  if (key.state === 'next') return activated === null && retired === null;
  if (activated === null || activated < published) return false;
  return key.state === 'active' ? retired === null : retired !== null && retired >= activated;
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

/** Why keys change, for the record of it. */
export interface KeyChangeReason {
  action: 'key.rotate' | 'key.revoke';
  detail: Readonly<Record<string, unknown>>;
}

/** What the keyring needs of a store. */
export interface KeyStore {
  load(keySet: string): Promise<KeySetSnapshot>;
  /** The version alone: for when the keys cannot be read. */
  version(keySet: string): Promise<number>;
  /**
   * One transaction under the lock of the key set: `plan` sees the committed keys and says what to change, all or nothing,
   * and the record of it with that. Returns the set as it is afterwards.
   */
  change(
    keySet: string,
    reason: KeyChangeReason,
    plan: (keys: StoredKey[]) => Promise<KeyChange[]>,
  ): Promise<KeySetSnapshot>;
}
