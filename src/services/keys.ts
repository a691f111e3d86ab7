import type { Clock } from '../clock.ts';
import { asArsiaError } from '../core/errors.ts';
import { system } from '../core/principals.ts';
import type { AppliedChange, Keyring } from '../signing/keyring.ts';
import type { AuditStore } from '../store/audit.ts';
import { eventOf } from './action.ts';

/** A keyring whose every change of the stored keys leaves a record, by timer or by command. */
export function auditedKeyring(keyring: Keyring, audit: AuditStore, clock: Clock): Keyring {
  async function recorded(action: string, request: object, change: () => Promise<AppliedChange[]>) {
    const call = { caller: system, request_id: null };
    const about = { key_set: keyring.keySet, ...request };
    try {
      const changes = await change();
      if (changes.length > 0)
        await audit.record(
          eventOf(clock, call, action, undefined, { outcome: 'success', detail: { ...about, changes } }),
        );
      return changes;
    } catch (thrown) {
      const error = asArsiaError(thrown);
      // The timer tries again in seconds: a database that is away would only fill the log twice.
      if (error.code !== 'unavailable')
        await audit.record(
          eventOf(clock, call, action, undefined, {
            outcome: error.row.status >= 500 ? 'failed' : 'refused',
            code: error.code,
            detail: { ...about, reason: error.message },
          }),
        );
      throw thrown;
    }
  }
  return {
    ...keyring,
    rotate: (options) => recorded('key.rotate', { force: options?.force ?? false }, () => keyring.rotate(options)),
    revoke: (kid) => recorded('key.revoke', { kid }, () => keyring.revoke(kid)),
  };
}
