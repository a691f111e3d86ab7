import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import type { QuotaName } from '../../core/quotas.ts';
import type { Queries } from '../../database/connections.ts';
import type { Call, Context } from './action.ts';
import { createAdmit } from './admit.ts';
import type { Admission } from './quotacounts.ts';
import { buildRefusalError, decideForCaller } from './rights.ts';

/** The database or transaction that an action runs on. A change also has `admission`, to reserve room in quotas. */
export interface DatabaseScope {
  db: Queries;
  admission?: Admission | undefined;
}

/** `adds`: the quotas that the action declares. */
export function createContext(
  { db, admission }: DatabaseScope,
  call: Call,
  clock: Clock,
  adds: readonly QuotaName[] = [],
): Context {
  const now = clock.now();
  const context: Context = {
    ...call,
    db,
    now,
    admit: createAdmit({ db, now, adds, admission }),
    newId: (kind) => newId(clock, kind),
    random: clock.random,
    async demand(permission, place) {
      const decision = await decideForCaller(context, permission, place);
      if (decision !== 'allow') throw buildRefusalError(decision, permission, place);
    },
    async can(permission, place) {
      return (await decideForCaller(context, permission, place)) === 'allow';
    },
  };
  return context;
}
