import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { findRotationTime, type KeyStore, planRevocation, planSteps } from '../../core/keystates.ts';
import type { Sealer } from '../sealing/sealing.ts';
import { localSigner, type MakeSigner, type Signer } from '../signers/signer.ts';
import { createKeyFreshness } from './freshness.ts';
import { createHeldKeys, type HeldKeys, type PublishedKeys, toPublished } from './heldkeys.ts';
import { type AppliedChange, makeChanges } from './keychanges.ts';
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
  /** Returns the milliseconds of a monotonic clock. */
  monotonic(): number;
  /** Called once for each fault that prevents this replica from loading the stored keys: for logs and alarms. */
  onFault(fault: Error): void;
  makeKey?: MakeSigningKey;
  /** Makes the signer of an opened key. Default: one that signs in libuv's pool. */
  makeSigner?: MakeSigner;
}

/** Publishes and maintains a key set. It cannot sign. */
export interface Keyring {
  readonly keySet: KeySet;
  /** Loads the stored keys, and creates the first ones where there are none. Throws when they cannot be trusted (N59). */
  start(): Promise<void>;
  /** Returns the published keys from memory, without the database. */
  current(): PublishedKeys;
  /**
   * Returns the published keys, and for how many seconds a cache may keep them. Throws ArsiaError `unavailable` while one of
   * them may have been revoked (docs/decisions/0025), and before the keys were read once.
   */
  publication(): PublishedKeys & { maximum_age: number };
  /** Returns the fault of the stored keys; undefined when this replica has them as stored. */
  fault(): Error | undefined;
  /** Returns why this replica is not ready: the stored keys were refused, or not read for 30 s. Undefined where it is. */
  unreadiness(): string | undefined;
  /** Reads the stored keys; concurrent calls share the next read. Rejects when the store fails. */
  reload(): Promise<void>;
  /** Loads keys of at least this version. A mint passes the version of its facts, so that it never signs with older keys. */
  ensureVersion(version: number): Promise<void>;
  /**
   * Rotates the keys where that is due. `force` rotates early, and throws ArsiaError `conflict` with the earliest possible
   * time when the standby key was not published long enough.
   */
  rotate(options?: { force?: boolean }): Promise<AppliedChange[]>;
  /**
   * Removes a leaked key at once. Where it was the signer, the standby key signs from then on. Throws ArsiaError `not_found`
   * for an unknown key.
   */
  revoke(kid: string): Promise<AppliedChange[]>;
  /** Calls the listener after every change of the published keys or the signer. Returns the function that ends this. */
  onChange(listener: (keys: PublishedKeys) => void): () => void;
}

/** A keyring that can sign: for `createTokenSigner`, and for the ID tokens of the authorization server. */
export interface SigningKeyring extends Keyring {
  /** Returns the signer. Throws ArsiaError `unavailable` when no key may sign. */
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
      // Refuses to change rows that were tampered with. A set without rows is a first start.
      if (keys.length > 0 || before !== undefined) await openSoundKeys(keys, before, name, opening);
      const now = clock.now();
      const steps = planSteps(keys, now, force);
      isDone = !force || steps.some((one) => one.do === 'activate' || (one.do === 'create' && one.state === 'active'));
      return makeChanges(steps, keys, now, make);
    });
    if (!isDone) throw tooEarly(held, name);
    return changes;
  }

  return {
    keySet,
    async start() {
      await rotate();
    },
    current: () => toPublished(held.required()),
    publication() {
      const published = toPublished(held.required());
      return { ...published, maximum_age: freshness.cacheable() };
    },
    fault: held.fault,
    unreadiness: () =>
      held.fault() === undefined ? freshness.fault() : 'the stored signing keys were refused: see the log',
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
        // The leaked row may be damaged, but the remaining keys must be valid.
        const rest = keys.filter((key) => key.kid !== kid);
        await openKeys(rest, held.loaded(), name, opening);
        return makeChanges(steps, keys, clock.now(), make);
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
    { advice: `Rotate then. If the active key has leaked, do not wait: \`arsia server keys revoke ${active?.kid}\`.` },
  );
}
