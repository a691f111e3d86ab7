import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { findUsability } from '../../core/inheritance.ts';
import { parentPath } from '../../core/namespace.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { readReach } from '../../store/identities/reach.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import type { Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { identityPath, resolveIdentity } from './lookup.ts';

/** A group or workspace that the caller may see. */
export type UsePlace = Pick<Namespace, 'kind' | 'path' | 'lineage'>;

/**
 * Finds an identity that reaches the place, masked or not. Throws `conflict` for one that the caller may see and that does
 * not reach it, and `not_found` for any other.
 */
export async function resolveReachingIdentity(
  context: Context,
  ref: string,
  place: UsePlace,
): Promise<ManagedIdentity> {
  const found = await resolveIdentity(context, ref);
  const reach = await readReach(context.db, found.identity, place.lineage);
  if (findUsability(reach, place.lineage) !== 'out_of_reach') return found.identity;
  if (!(await context.can('managed_identity.view', found))) throw buildNotFoundError('managed identity', ref);
  throw buildOutOfReachError(found.identity, place);
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
