import { findIdentity, type ManagedIdentity } from '../../store/identities/identities.ts';
import type { Context, Place } from '../pipeline/action.ts';
import type { QuotaHolderRef } from '../pipeline/admit.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

export interface FoundIdentity extends Place {
  identity: ManagedIdentity;
}

export function identityPath(identity: ManagedIdentity): string {
  return `${identity.group_path}/${identity.name}`;
}

/** Returns the identity as the holder of its quotas. */
export function toQuotaHolder(identity: ManagedIdentity): QuotaHolderRef {
  return { id: identity.id, name: identityPath(identity) };
}

/** Finds a managed identity by id or path. Throws `not_found`. */
export async function resolveIdentity(context: Context, ref: string): Promise<FoundIdentity> {
  const identity = await findIdentity(context.db, ref);
  if (identity === undefined) throw buildNotFoundError('managed identity', ref);
  return {
    identity,
    organization_id: identity.organization_id,
    lineage: identity.lineage,
    named: { noun: 'managed identity', ref },
    audit: { identity_id: identity.id, target_id: identity.id },
  };
}
