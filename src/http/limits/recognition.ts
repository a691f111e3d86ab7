import type { CheckCredential, PresentedCredential } from '../../services/machines/livecredentials.ts';

/** Remembers credentials that this replica knows to be good, and those that it has just learned do not exist. */
export interface Recognition {
  isKnown(key: string): boolean;
  remember(key: string): void;
  forget(key: string): void;
  /**
   * Asks the database whether an unknown credential exists. Returns false also for a text without the shape of a credential,
   * and for an address that asks about too many at once. Throws `unavailable` while the database cannot answer.
   */
  recognise(key: string, credential: PresentedCredential, address: string): Promise<boolean>;
}

/** Entries; the oldest is removed first. */
const maximumKnown = 50_000;
const maximumAbsent = 10_000;
/** Milliseconds for which an unknown credential is not looked up again. */
const absence = 10_000;
/** Look-ups of one address that wait at the same time: one batch of the database. */
const maximumWaiting = 256;

export function createRecognition(check: CheckCredential): Recognition {
  const known = new Set<string>();
  /** Milliseconds of `performance.now()` until which a credential counts as absent. */
  const absent = new Map<string, number>();
  const asked = new Map<string, Promise<boolean>>();
  const waiting = new Map<string, number>();

  const recognition: Recognition = {
    isKnown: (key) => known.has(key),
    remember(key) {
      known.delete(key);
      known.add(key);
      if (known.size > maximumKnown) known.delete(known.values().next().value!);
    },
    forget: (key) => void known.delete(key),
    async recognise(key, credential, address) {
      if ((absent.get(key) ?? 0) > performance.now()) return false;
      const underWay = asked.get(key);
      if (underWay !== undefined) return await underWay;
      const before = waiting.get(address) ?? 0;
      if (before >= maximumWaiting) return false;
      const asking = check(credential);
      if (asking === undefined) return false;
      asked.set(key, asking);
      waiting.set(address, before + 1);
      try {
        const isLive = await asking;
        if (isLive) recognition.remember(key);
        else noteAbsent(key);
        return isLive;
      } finally {
        asked.delete(key);
        const left = waiting.get(address)! - 1;
        if (left === 0) waiting.delete(address);
        else waiting.set(address, left);
      }
    },
  };

  function noteAbsent(key: string): void {
    absent.delete(key);
    absent.set(key, performance.now() + absence);
    if (absent.size > maximumAbsent) absent.delete(absent.keys().next().value!);
  }

  return recognition;
}
