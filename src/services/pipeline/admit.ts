import { ArsiaError } from '../../core/errors.ts';
import { explainQuota, type QuotaName, quotas } from '../../core/quotas.ts';
import type { Queries } from '../../database/connections.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { type QuotaKey, readQuotaUse } from '../../store/namespaces/quotas.ts';
import type { Admission } from './quotacounts.ts';

/** The holder of a quota other than the organisation. `name` is for messages. */
export interface QuotaHolderRef {
  id: string;
  name: string;
}

/**
 * Reserves room in a quota for `amount` rows that are about to be added, for each of the holders. Throws
 * `quota_exceeded` where there is none. Without `holder`, the organisation is the holder.
 */
export type Admit = (
  name: QuotaName,
  organization_id: string | null,
  holder?: QuotaHolderRef | readonly QuotaHolderRef[],
  amount?: number,
) => Promise<void>;

/** `adds`: the quotas that the action declares. Throws Error for a quota that it does not declare. */
export function createAdmit(parts: {
  db: Queries;
  now: number;
  adds: readonly QuotaName[];
  admission: Admission | undefined;
}): Admit {
  const { db, now, adds, admission } = parts;
  return async (name, organization_id, holder, amount = 1) => {
    if (admission === undefined || !adds.includes(name))
      throw new Error(`the action does not declare the quota ${name}`);
    // Operators belong to no organisation, so their rows count for none.
    const holders = holder === undefined ? [] : [holder].flat();
    const ids = holder === undefined ? [organization_id].filter((id) => id !== null) : holders.map(({ id }) => id);
    const keys = ids.map((id) => ({ name, organization_id, holder: id }));
    const full =
      quotas[name].counted === 'before'
        ? admission.reserve(keys, amount)
        : await findFirstFull(db, keys, amount, new Date(now));
    if (full === undefined) return;
    throw await buildQuotaExceededError(
      db,
      full.key,
      full.value,
      holders.find(({ id }) => id === full.key.holder),
    );
  };
}

async function findFirstFull(
  db: Queries,
  keys: readonly QuotaKey[],
  amount: number,
  now: Date,
): Promise<{ key: QuotaKey; value: number } | undefined> {
  for (const key of keys) {
    const { used, value } = await readQuotaUse(db, key, now);
    if (used + amount > value) return { key, value };
  }
  return undefined;
}

export async function buildQuotaExceededError(
  db: Queries,
  { name, organization_id }: QuotaKey,
  value: number,
  holder: QuotaHolderRef | undefined,
): Promise<ArsiaError> {
  const organization = organization_id === null ? undefined : await findNamespace(db, 'group', organization_id);
  const { detail, advice } = explainQuota(name, {
    value,
    holder: holder?.name ?? organization?.path ?? 'unknown',
    organization: organization?.path,
  });
  return new ArsiaError('quota_exceeded', detail, { advice });
}
