import { ArsiaError } from '../../core/errors.ts';
import { findUsability, type Reach } from '../../core/inheritance.ts';
import { deleteAssignmentsIn, listAssignedLineages } from '../../store/identities/assignments.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { listed } from '../namespaces/descendants.ts';
import { visibleRoots } from '../namespaces/namespaces.ts';
import type { Context } from '../pipeline/action.ts';
import { identityPath } from './lookup.ts';

export type Lost = Awaited<ReturnType<typeof listAssignedLineages>>[number];

/** The workspaces that would lose the identity with this reach. */
export async function cutOffBy(context: Context, identity: ManagedIdentity, after: Reach): Promise<Lost[]> {
  const assigned = await listAssignedLineages(context.db, identity.id);
  return assigned.filter(({ lineage }) => findUsability(after, lineage) !== 'usable');
}

/**
 * Assignments that a change would cut off are refused with their list; forced, they go in the same transaction. Whoever may
 * take an identity or an alias back may do so whatever its role in the workspaces that use it: else a workspace could keep
 * an identity alive that its owner revokes. Returns the paths of the workspaces, for the record.
 */
export async function cutOff(
  context: Context,
  identity: ManagedIdentity,
  lost: Lost[],
  force: boolean,
): Promise<string[]> {
  if (lost.length === 0) return [];
  if (!force)
    throw new ArsiaError('conflict', `${identityPath(identity)} is assigned to ${await asSeen(context, lost)}.`, {
      advice: 'Unassign it there, or add `?force=true`: jobs there lose it with the next request.',
    });
  const ids = lost.map(({ id }) => id);
  await deleteAssignmentsIn(context.db, identity.id, ids);
  return lost.map(({ path }) => path);
}

/** Workspaces by path; those that the caller may not see are counted only. */
async function asSeen(context: Context, workspaces: Lost[]): Promise<string> {
  const roots = new Set(await visibleRoots(context));
  const seen = workspaces.filter(({ lineage }) => lineage.some((id) => roots.has(id)));
  const hidden = workspaces.length - seen.length;
  const rest = `${hidden} ${hidden === 1 ? 'workspace' : 'workspaces'} that you may not see`;
  return [...(seen.length > 0 ? [listed(seen)] : []), ...(hidden > 0 ? [rest] : [])].join(' and ');
}
