import type { KeyChange, KeyChangeReason, KeySetSnapshot, KeyStore, StoredKey } from '../../core/keystates.ts';
import type { HeldKeys } from './heldkeys.ts';
import { type AppliedChange, applied } from './keychanges.ts';
import { createMutex } from './mutex.ts';

/** Reads and changes of the stored keys, one after the other, so that an older read never overtakes a newer one. */
export interface SerializedKeyStore {
  /** Joins the next read that starts after this call. */
  reload(): Promise<void>;
  /** Changes the set in one transaction and takes the outcome over; throws when that cannot be trusted. */
  change(reason: KeyChangeReason, plan: (keys: StoredKey[]) => Promise<KeyChange[]>): Promise<AppliedChange[]>;
}

export function createSerializedKeyStore(store: KeyStore, keySet: string, held: HeldKeys): SerializedKeyStore {
  const exclusive = createMutex();
  let nextRead: Promise<void> | undefined;

  async function load(): Promise<KeySetSnapshot> {
    try {
      return await store.load(keySet);
    } catch (thrown) {
      // The version alone tells whether a key may have been revoked. What the first read failed by is what is told.
      await store.version(keySet).then(held.heard, () => {});
      throw thrown;
    }
  }

  return {
    reload() {
      nextRead ??= exclusive(async () => {
        // From here on a caller needs another read: this one may miss what was committed before that call.
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
        return applied(changes);
      }),
  };
}
