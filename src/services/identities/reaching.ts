import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { findUsability } from '../../core/inheritance.ts';
import { parentPath } from '../../core/namespace.ts';
import type { Alias } from '../../store/identities/aliases.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { readReach } from '../../store/identities/reach.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import type { Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import {
  buildAliasError,
  canViewAlias,
  type FoundIdentity,
  findIdentityOrAlias,
  identityPath,
  type NamedAlias,
  toNamedAlias,
} from './lookup.ts';

/** A group or workspace that the caller may see. */
export type UsePlace = Pick<Namespace, 'kind' | 'path' | 'lineage'>;

interface ReachingIdentity {
  identity: ManagedIdentity;
  /** Set where the request names an alias. */
  alias?: NamedAlias;
}

/**
 * Finds an identity that reaches the place, masked or not, by id, path or the path of an alias. Throws `conflict` for one
 * that the caller may see and that does not reach it, and `not_found` for any other.
 */
export async function resolveReachingIdentity(
  context: Context,
  ref: string,
  place: UsePlace,
): Promise<ReachingIdentity> {
  const { identity, alias } = await findReaching(context, ref, place);
  return alias === undefined ? { identity } : { identity, alias: toNamedAlias(identity, alias) };
}

/** Finds an identity like `resolveReachingIdentity`, for a change that an alias cannot name: throws `conflict` for one. */
export async function resolveReachingSource(context: Context, ref: string, place: UsePlace): Promise<ManagedIdentity> {
  const { identity, alias } = await findReaching(context, ref, place);
  if (alias !== undefined) throw buildAliasError(identity, alias);
  return identity;
}

async function findReaching(context: Context, ref: string, place: UsePlace) {
  const { found, alias } = await findIdentityOrAlias(context, ref);
  const { identity } = found;
  const reach = await readReach(context.db, identity, place.lineage);
  const isReaching = findUsability(reach, place.lineage) !== 'out_of_reach';
  // Whoever sees the place sees what reaches it. An alias elsewhere is no part of that, even if the identity is.
  const isSeen = alias === undefined ? isReaching : place.lineage.includes(alias.group_id);
  if (!isSeen && !(await canView(context, found, alias))) throw buildNotFoundError('managed identity', ref);
  if (!isReaching) throw buildOutOfReachError(identity, place);
  return { identity, alias };
}

function canView(context: Context, found: FoundIdentity, alias: Alias | undefined): Promise<boolean> {
  return alias === undefined ? context.can('managed_identity.view', found) : canViewAlias(context, found, alias);
}

/** Throws `conflict` unless the identity reaches the place. The caller may see both. */
export async function demandReach(context: Context, identity: ManagedIdentity, place: UsePlace): Promise<void> {
  const reach = await readReach(context.db, identity, place.lineage);
  if (findUsability(reach, place.lineage) === 'out_of_reach') throw buildOutOfReachError(identity, place);
}

/** Throws `conflict`, which names the masks, where the identity is masked for the place. */
export async function refuseMasked(context: Context, identity: ManagedIdentity, { path, lineage }: UsePlace) {
  const reach = await readReach(context.db, identity, lineage);
  if (findUsability(reach, lineage) === 'usable') return;
  const masks = reach.masked_in
    .filter((id) => lineage.includes(id))
    .map((id) => `/api/v1/${isId('workspace', id) ? 'workspaces' : 'groups'}/${id}/masks/${identity.id}`);
  throw new ArsiaError('conflict', `${identityPath(identity)} is masked for ${path}.`, {
    advice: `Ask an owner of the group or workspace that masks it to delete the mask: DELETE ${masks.join(', DELETE ')}.`,
  });
}

function buildOutOfReachError(identity: ManagedIdentity, { kind, path }: UsePlace): ArsiaError {
  const group = kind === 'workspace' ? parentPath(path)! : path;
  return new ArsiaError(
    'conflict',
    `${identityPath(identity)} is not usable in ${path}: its group ${identity.group_path} is not above ${path}, and no group above it has an alias of the identity.`,
    {
      advice: `Ask an owner of ${identity.group_path} and ${group} for an alias: POST /api/v1/managed-identities/${identity.id}/aliases ${JSON.stringify({ group })}. Or for a move: POST /api/v1/managed-identities/${identity.id}/move ${JSON.stringify({ group })}.`,
    },
  );
}
