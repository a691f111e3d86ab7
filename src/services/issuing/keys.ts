import type { Clock } from '../../core/clock.ts';
import { toAppliedChanges } from '../../signing/keysets/keychanges.ts';
import type { AppliedChange, Keyring } from '../../signing/keysets/keyring.ts';
import type { AuditStore } from '../../store/audit/events.ts';
import type { RecordKeyChanges } from '../../store/issuing/keys.ts';
import { bySystem, eventOf, recordRefusal } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';

/** Every change of the stored keys leaves a record, also the first keys and what a start finds due: for the key store. */
export function keyChangeRecords(audit: Pick<AuditStore, 'insert'>, clock: Clock): RecordKeyChanges {
  return (tx, key_set, { action, detail }, changes) =>
    audit.insert(
      tx,
      eventOf(clock, bySystem, action, undefined, {
        outcome: 'success',
        detail: { key_set, ...detail, changes: toAppliedChanges(changes) },
      }),
    );
}

/** A keyring of which also those changes leave a record that are refused or fail, by timer or by command. */
export function auditedKeyring(keyring: Keyring, audit: Pick<Audit, 'refuse'>, clock: Clock): Keyring {
  async function recorded(action: string, request: object, change: () => Promise<AppliedChange[]>) {
    try {
      return await change();
    } catch (thrown) {
      await recordRefusal(audit, thrown, (refusal) => {
        const detail = { key_set: keyring.keySet.name, ...request, ...refusal.detail };
        return eventOf(clock, bySystem, action, undefined, { ...refusal, detail });
      });
      throw thrown;
    }
  }
  return {
    ...keyring,
    rotate: (options) => recorded('key.rotate', { force: options?.force ?? false }, () => keyring.rotate(options)),
    revoke: (kid) => recorded('key.revoke', { kid }, () => keyring.revoke(kid)),
  };
}
