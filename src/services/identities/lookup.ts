import { ArsiaError } from '../../core/errors.ts';
import { type Alias, findAliasAt } from '../../store/identities/aliases.ts';
import { findIdentity, type ManagedIdentity } from '../../store/identities/identities.ts';
import type { Context, Place } from '../pipeline/action.ts';
import type { QuotaHolderRef } from '../pipeline/admit.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

/** The alias that a request names, as answers show it. */
export interface NamedAlias {
  id: string;
  path: string;
  /** The path of the managed identity. */
  source: string;
}

export interface FoundIdentity extends Place {
  identity: ManagedIdentity;
  /** Set where the request names an alias. */
  alias?: NamedAlias;
}

export function identityPath(identity: ManagedIdentity): string {
  return `${identity.group_path}/${identity.name}`;
}

/** Returns the identity as the holder of its quotas. */
export function toQuotaHolder(identity: ManagedIdentity): QuotaHolderRef {
  return { id: identity.id, name: identityPath(identity) };
}

/** Finds a managed identity by id or path, or by the path of an alias, which is returned too. Throws `not_found`. */
export async function findIdentityOrAlias(
  context: Context,
  ref: string,
): Promise<{ found: FoundIdentity; alias: Alias | undefined }> {
  const direct = await findIdentity(context.db, ref);
  if (direct !== undefined) return { found: toPlace(direct, ref), alias: undefined };
  const alias = await findAliasAt(context.db, ref);
  const source = alias && (await findIdentity(context.db, alias.identity_id));
  if (source === undefined) throw buildNotFoundError('managed identity', ref);
  return { found: toPlace(source, ref), alias };
}

/**
 * Finds a managed identity by id or path, for a change. Throws `not_found`, and `conflict` with the path of the source for
 * the path of an alias: a change applies to the identity, wherever it is used.
 */
export async function resolveIdentity(context: Context, ref: string): Promise<FoundIdentity> {
  const { found, alias } = await findIdentityOrAlias(context, ref);
  if (alias === undefined) return found;
  if (!(await canViewAlias(context, found, alias))) throw buildNotFoundError('managed identity', ref);
  throw buildAliasError(found.identity, alias);
}

/**
 * Finds a managed identity by id, path or the path of an alias, for a read. Through an alias, a role at the group of the
 * alias is enough: its members find the identity in their lists. Throws `not_found`.
 */
export async function resolveIdentityToRead(context: Context, ref: string): Promise<FoundIdentity> {
  const { found, alias } = await findIdentityOrAlias(context, ref);
  if (alias === undefined) return found;
  const isSeenAtSource = await context.can('managed_identity.view', found);
  const lineage = isSeenAtSource ? found.lineage : alias.lineage;
  return { ...found, lineage, alias: toNamedAlias(found.identity, alias) };
}

/**
 * Finds a managed identity by id, path or the path of an alias, for lists of what belongs to it: rules, grants, aliases,
 * masks. These need a role at its own group. Throws `not_found`, and `forbidden` for a caller who sees only the alias.
 */
export async function resolveIdentityToList(context: Context, ref: string): Promise<FoundIdentity> {
  const { found, alias } = await findIdentityOrAlias(context, ref);
  if (alias === undefined || (await context.can('managed_identity.view', found))) return found;
  if (!(await canViewAlias(context, found, alias))) throw buildNotFoundError('managed identity', ref);
  const { path, source } = toNamedAlias(found.identity, alias);
  throw new ArsiaError('forbidden', `${path} is an alias of ${source}, and you have no role in its group.`, {
    advice: `Ask an owner of ${found.identity.group_path} for the role viewer there.`,
  });
}

/** Returns whether the caller may see the identity, or the alias and so the identity. */
export async function canViewAlias(context: Context, found: FoundIdentity, { lineage }: Alias): Promise<boolean> {
  return (
    (await context.can('managed_identity.view', found)) ||
    (await context.can('managed_identity.view', { ...found, lineage }))
  );
}

export function toNamedAlias(identity: ManagedIdentity, { id, group_path, name }: Alias): NamedAlias {
  return { id, path: `${group_path}/${name}`, source: identityPath(identity) };
}

/** Builds the refusal of a change that names an alias. The caller may see the alias. */
export function buildAliasError(identity: ManagedIdentity, alias: Alias): ArsiaError {
  const { path, source } = toNamedAlias(identity, alias);
  return new ArsiaError('conflict', `${path} is an alias of ${source}: a change names the managed identity itself.`, {
    advice: `Send the request with ${source} or ${identity.id}. To delete the alias: DELETE /api/v1/managed-identities/${identity.id}/aliases/${alias.id}.`,
  });
}

function toPlace(identity: ManagedIdentity, ref: string): FoundIdentity {
  return {
    identity,
    organization_id: identity.organization_id,
    lineage: identity.lineage,
    named: { noun: 'managed identity', ref },
    audit: { identity_id: identity.id, target_id: identity.id },
  };
}
