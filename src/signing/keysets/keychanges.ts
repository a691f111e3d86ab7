import { chooseChangeTime, type KeyChange, type KeyStep, type StoredKey } from '../../core/keystates.ts';
import type { Sealer } from '../sealing/sealing.ts';
import type { SigningKeyPair } from './signingkeys.ts';
import { sealNewKey } from './storedkeys.ts';

/** A change of a key set, as the audit records it. */
export interface AppliedChange {
  do: KeyChange['do'];
  kid: string;
}

export function toAppliedChanges(changes: readonly KeyChange[]): AppliedChange[] {
  return changes.map((change) => ({ do: change.do, kid: change.do === 'insert' ? change.key.kid : change.kid }));
}

/**
 * Converts steps to changes of rows, in an order in which the set never has two active or two standby keys, which unique
 * indexes refuse. Generates the new keys one at a time. `now` in milliseconds since 1970.
 */
export async function makeChanges(
  steps: readonly KeyStep[],
  keys: readonly StoredKey[],
  now: number,
  make: { keySet: string; sealer: Sealer; makeKey: () => Promise<SigningKeyPair> },
): Promise<KeyChange[]> {
  const at = chooseChangeTime(keys, now);
  const changes: KeyChange[] = [];
  for (const step of steps) {
    if (step.do === 'remove') changes.push({ do: 'remove', kid: step.kid });
    if (step.do === 'activate') {
      if (step.retire !== null) changes.push({ do: 'retire', kid: step.retire, at });
      changes.push({ do: 'activate', kid: step.kid, at });
    }
    if (step.do === 'create') {
      const key = await sealNewKey(await make.makeKey(), make.keySet, step.state, at, make.sealer);
      changes.push({ do: 'insert', key });
    }
  }
  return changes;
}
