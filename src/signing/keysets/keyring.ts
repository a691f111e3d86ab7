import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { findRotationTime, type KeyStore, planRevocation, planSteps } from '../../core/keystates.ts';
import type { Sealer } from '../sealing/sealing.ts';
import { localSigner, type MakeSigner, type Signer } from '../signers/signer.ts';
import { createKeyFreshness } from './freshness.ts';
import { createHeldKeys, type HeldKeys, type PublishedKeys, publishedOf } from './heldkeys.ts';
import { type AppliedChange, changesFor } from './keychanges.ts';
import { openKeys, openSoundKeys } from './keyset.ts';
import type { KeySet } from './keysets.ts';
import { createSerializedKeyStore } from './serializedkeystore.ts';
import { type MakeSigningKey, makeSigningKey } from './signingkeys.ts';

export type { PublishedKeys } from './heldkeys.ts';
export type { AppliedChange } from './keychanges.ts';

export interface KeyringOptions {
  store: KeyStore;
  sealer: Sealer;
  clock: Clock;
  keySet: KeySet;
  /** Milliseconds from any beginning, by a clock that is never set. */
  monotonic(): number;
  /** Told once of each fault that keeps this replica from taking over the stored keys: log it, raise an alarm. */
  onFault(fault: Error): void;
  makeKey?: MakeSigningKey;
  /** Makes the signer of an opened key. Default: libuv's pool. */
  makeSigner?: MakeSigner;
}

/** The published side and the upkeep of a key set: signs nothing. */
export interface Keyring {
  readonly keySet: KeySet;
  /** Loads the stored keys, and makes the first ones where there are none. Throws when they cannot be trusted (N59). */
  start(): Promise<void>;
  /** Answers from memory, with or without the database. */
  current(): PublishedKeys;
  /**
   * Returns the published keys, and for how many seconds a cache may keep them. Throws ArsiaError `unavailable` while one of
   * them may have been revoked (docs/decisions/0025), and before the keys were read once.
   */
  publication(): PublishedKeys & { maximum_age: number };
  /** Returns the fault of the stored keys; undefined when this replica has them as stored. */
  fault(): Error | undefined;
  /** Returns why this replica is not ready: the keys are not taken over, or were not read for 30 s. */
  unreadiness(): string | undefined;
  /** Reads the stored keys; concurrent calls share the next read. Rejects when the store fails. */
  reload(): Promise<void>;
  /** A mint calls this with the version that it read with its facts: no signature with keys older than those. */
  ensureVersion(version: number): Promise<void>;
  /**
   * Does what is due. `force` rotates before its time, and throws ArsiaError `conflict` with the moment from which that is
   * possible when the standby is not published long enough.
   */
  rotate(options?: { force?: boolean }): Promise<AppliedChange[]>;
  /** For a leaked key: it goes at once, and where it was the signer the standby signs at once. `not_found` for an unknown one. */
  revoke(kid: string): Promise<AppliedChange[]>;
  /** Called after every change of what is published or signs; returns what ends it. */
  onChange(listener: (keys: PublishedKeys) => void): () => void;
}

/** The side that signs: for `createTokenSigner`, and for the ID tokens of the authorization server. */
export interface SigningKeyring extends Keyring {
  /** Throws ArsiaError `unavailable` when no key may sign. */
  signer(): Signer;
  isPublished(kid: string): boolean;
}

export function createKeyring(options: KeyringOptions): SigningKeyring {
  const { store, sealer, clock, keySet, onFault, makeKey = makeSigningKey, makeSigner = localSigner } = options;
  const { name, alg } = keySet;
  const opening = { sealer, makeSigner };
  const freshness = createKeyFreshness(name, options.monotonic);
  const held = createHeldKeys({ ...opening, keySet: name, onFault }, freshness);
  const stored = createSerializedKeyStore(store, name, held);
  const make = { keySet: name, sealer, makeKey: () => makeKey(alg) };

  async function rotate({ force = false } = {}): Promise<AppliedChange[]> {
    const loaded = held.loaded();
    const isIdle = !force && loaded !== undefined && held.fault() === undefined;
    if (isIdle && planSteps(loaded.keys, clock.now()).length === 0) return [];
    let isDone = true;
    const changes = await stored.change({ action: 'key.rotate', detail: { force } }, async (keys) => {
      const before = held.loaded();
      // No step on rows that others altered; no rows at all is a first start.
      if (keys.length > 0 || before !== undefined) await openSoundKeys(keys, before, name, opening);
      const now = clock.now();
      const steps = planSteps(keys, now, force);
      isDone = !force || steps.some((one) => one.do === 'activate' || (one.do === 'create' && one.state === 'active'));
      return changesFor(steps, keys, now, make);
    });
    if (!isDone) throw tooEarly(held, name);
    return changes;
  }

  return {
    keySet,
    async start() {
      await rotate();
    },
    current: () => publishedOf(held.required()),
    publication() {
      const published = publishedOf(held.required());
      return { ...published, maximum_age: freshness.cacheable() };
    },
    fault: held.fault,
    unreadiness: () =>
      held.fault() === undefined ? freshness.fault() : `the stored signing keys are not taken over: see the log`,
    reload: stored.reload,
    async ensureVersion(version) {
      if (version <= held.seen()) return;
      held.heard(version);
      await stored.reload();
      if (version > held.seen())
        throw new ArsiaError('unavailable', `The ${name} keys of version ${version} cannot be read yet.`);
    },
    rotate,
    revoke: (kid) =>
      stored.change({ action: 'key.revoke', detail: { kid } }, async (keys) => {
        const steps = planRevocation(keys, kid);
        if (steps.length === 0)
          throw new ArsiaError('not_found', `The ${name} keys have no key ${JSON.stringify(kid)}.`);
        // The leaked row may be the damaged one; what is left to sign must be whole.
        const rest = keys.filter((key) => key.kid !== kid);
        await openKeys(rest, held.loaded(), name, opening);
        return changesFor(steps, keys, clock.now(), make);
      }),
    onChange: held.onChange,
    signer() {
      const { signer } = held.required();
      if (signer === undefined)
        throw new ArsiaError('unavailable', `No ${name} key may sign: the stored keys cannot be trusted.`);
      return signer;
    },
    isPublished: (kid) => held.loaded()?.keys.some((key) => key.kid === kid) ?? false,
  };
}

function tooEarly(held: HeldKeys, keySet: string): ArsiaError {
  const { keys } = held.required();
  const from = findRotationTime(keys);
  const active = keys.find((key) => key.state === 'active');
  const moment = from === undefined ? 'once there is a standby' : `from ${new Date(from).toISOString()}`;
  return new ArsiaError(
    'conflict',
    `The ${keySet} keys can be rotated ${moment}: a key is published 25 h before it signs, and at most three are published.`,
    { advice: `Rotate then. If the active key has leaked, do not wait: \`arsia keys revoke ${active?.kid}\`.` },
  );
}
