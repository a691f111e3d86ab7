import type { Clock } from '../../core/clock.ts';
import { toAppliedChanges } from '../../signing/keysets/keychanges.ts';
import type { AppliedChange, Keyring } from '../../signing/keysets/keyring.ts';
import type { AuditStore } from '../../store/audit/events.ts';
import type { RecordKeyChanges } from '../../store/issuing/keys.ts';
import { buildEvent, recordRefusal, systemCall } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';

/**
 * Returns the function with which the key store records every change of the stored keys, including the first keys and
 * the changes that are due at start.
 */
export function createKeyChangeRecorder(audit: Pick<AuditStore, 'insert'>, clock: Clock): RecordKeyChanges {
  return (tx, key_set, { action, detail }, changes) =>
    audit.insert(
      tx,
      buildEvent(clock, systemCall, action, undefined, {
        outcome: 'success',
        detail: { key_set, ...detail, changes: toAppliedChanges(changes) },
      }),
    );
}

/** Wraps a keyring: changes by timer or command that are refused or fail leave a record too. */
export function auditKeyring(keyring: Keyring, audit: Pick<Audit, 'refuse'>, clock: Clock): Keyring {
  async function runRecorded(action: string, request: object, change: () => Promise<AppliedChange[]>) {
    try {
      return await change();
    } catch (thrown) {
      await recordRefusal(audit, thrown, (refusal) => {
        const detail = { key_set: keyring.keySet.name, ...request, ...refusal.detail };
        return buildEvent(clock, systemCall, action, undefined, { ...refusal, detail });
      });
      throw thrown;
    }
  }
  return {
    ...keyring,
    rotate: (options) => runRecorded('key.rotate', { force: options?.force ?? false }, () => keyring.rotate(options)),
    revoke: (kid) => runRecorded('key.revoke', { kid }, () => keyring.revoke(kid)),
  };
}
