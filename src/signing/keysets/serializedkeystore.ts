import type { KeyChange, KeyChangeReason, KeySetSnapshot, KeyStore, StoredKey } from '../../core/keystates.ts';
import type { HeldKeys } from './heldkeys.ts';
import { type AppliedChange, toAppliedChanges } from './keychanges.ts';
import { createMutex } from './mutex.ts';

/**
 * Runs reads and changes of the stored keys one at a time, so that an older read never replaces the result of a newer one.
 */
export interface SerializedKeyStore {
  /** Joins the next read that starts after this call. */
  reload(): Promise<void>;
  /** Changes the set in one transaction and loads the result. Throws when the result cannot be trusted. */
  change(reason: KeyChangeReason, plan: (keys: StoredKey[]) => Promise<KeyChange[]>): Promise<AppliedChange[]>;
}

export function createSerializedKeyStore(store: KeyStore, keySet: string, held: HeldKeys): SerializedKeyStore {
  const exclusive = createMutex();
  let nextRead: Promise<void> | undefined;

  async function load(): Promise<KeySetSnapshot> {
    try {
      return await store.load(keySet);
    } catch (thrown) {
      // The version alone shows whether a key may have been revoked. The error of the first read is the one that is reported.
      await store.version(keySet).then(held.heard, () => {});
      throw thrown;
    }
  }

  return {
    reload() {
      nextRead ??= exclusive(async () => {
        // Later callers need another read: this one may miss changes that were committed before their call.
        nextRead = undefined;
        await held.take(await load());
      });
      return nextRead;
    },

    change: (reason, plan) =>
      exclusive(async () => {
        let changes: KeyChange[] = [];
        const snapshot = await store.change(keySet, reason, async (keys) => {
          changes = await plan(keys);
          return changes;
        });
        await held.take(snapshot);
        const fault = held.fault();
        if (fault !== undefined) throw fault;
        return toAppliedChanges(changes);
      }),
  };
}
