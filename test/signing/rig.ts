import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { AuditReceipt } from '../../src/core/audit.ts';
import type { Clock } from '../../src/core/clock.ts';
import { type ArsiaError, asArsiaError } from '../../src/core/errors.ts';
import { createKeyring, type KeyringOptions, type SigningKeyring } from '../../src/signing/keysets/keyring.ts';
import { type KeySet, type KeySetName, keySets } from '../../src/signing/keysets/keysets.ts';
import { createSealer, type KeyEncryptionKey, type Sealer } from '../../src/signing/sealing/sealing.ts';
import { goodIds, goodNow } from '../core/goodclaims.ts';
import { MemoryKeyStore } from './memorykeystore.ts';

export const hour = 3_600_000;
export const day = 24 * hour;

export interface HandClock extends Clock {
  at: number;
}

export function handClock(at = goodNow): HandClock {
  const clock: HandClock = { at, now: () => clock.at, random: (bytes) => randomBytes(bytes) };
  return clock;
}

/** A key-encryption key in memory, as a KMS would be one: another sibling of the file. */
export function memoryKey(id = 'memory-1'): KeyEncryptionKey {
  const key = randomBytes(32);
  const zero = Buffer.alloc(8, 0xa6);
  return {
    id,
    async wrap(dataKey) {
      const cipher = createCipheriv('id-aes256-wrap', key, zero);
      return Buffer.concat([cipher.update(dataKey), cipher.final()]);
    },
    async unwrap(wrapped) {
      const decipher = createDecipheriv('id-aes256-wrap', key, zero);
      return Buffer.concat([decipher.update(wrapped), decipher.final()]);
    },
  };
}

export interface Rig {
  store: MemoryKeyStore;
  clock: HandClock;
  sealer: Sealer;
  faults: Error[];
  /** Milliseconds, by the clock that is never set. */
  steady: number;
  /** Another replica on the same store, not started. ES256, since its keys take a tenth of a millisecond to make. */
  keyring(change?: KeyringChange): SigningKeyring;
}

interface KeyringChange extends Partial<Omit<KeyringOptions, 'keySet'>> {
  keySet?: KeySetName;
  alg?: KeySet['alg'];
}

export function makeRig(): Rig {
  const store = new MemoryKeyStore();
  const clock = handClock();
  const sealer = createSealer(memoryKey());
  const faults: Error[] = [];
  const rig: Rig = {
    store,
    clock,
    sealer,
    faults,
    steady: 0,
    keyring: ({ keySet = 'workload', alg = 'ES256', ...change } = {}) =>
      createKeyring({
        store,
        sealer,
        clock,
        monotonic: () => rig.steady,
        keySet: { ...keySets[keySet], alg },
        onFault: (fault) => faults.push(fault),
        ...change,
      }),
  };
  return rig;
}

/** The audit store's side: receipts that it alone can make. */
export function receiptBook(): { record(eventId?: string): AuditReceipt; isReceipt(receipt: AuditReceipt): boolean } {
  const made = new WeakSet<AuditReceipt>();
  return {
    record(eventId = goodIds.event) {
      const receipt = Object.freeze({ event_id: eventId });
      made.add(receipt);
      return receipt;
    },
    isReceipt: (receipt) => made.has(receipt),
  };
}

/** The ArsiaError that a call ends with; throws when it does not. */
export async function errorOf(run: () => unknown): Promise<ArsiaError> {
  try {
    await run();
  } catch (thrown) {
    return asArsiaError(thrown);
  }
  throw new Error('nothing was thrown');
}

export function kidsOf(jwks: string): string[] {
  return (JSON.parse(jwks) as { keys: { kid: string }[] }).keys.map((key) => key.kid);
}
