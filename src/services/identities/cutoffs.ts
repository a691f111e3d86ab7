import { ArsiaError } from '../../core/errors.ts';
import { findUsability, type Reach } from '../../core/inheritance.ts';
import { deleteAssignmentsIn, listAssignedLineages } from '../../store/identities/assignments.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { formatPaths } from '../namespaces/descendants.ts';
import { listVisibleRoots } from '../namespaces/namespaces.ts';
import type { Context } from '../pipeline/action.ts';
import { identityPath } from './lookup.ts';

export type LostAssignment = Awaited<ReturnType<typeof listAssignedLineages>>[number];

/** Returns the workspaces that have the identity assigned and would lose it with this reach. */
export async function listLostAssignments(
  context: Context,
  identity: ManagedIdentity,
  after: Reach,
): Promise<LostAssignment[]> {
  const assigned = await listAssignedLineages(context.db, identity.id);
  return assigned.filter(({ lineage }) => findUsability(after, lineage) !== 'usable');
}

/**
 * Deletes assignments that a change would cut off, in the same transaction. Throws `conflict` with their list unless
 * `force`. An owner of the identity or the alias needs no role in these workspaces: otherwise a workspace could keep an
 * identity that its owner revokes. Returns the paths of the workspaces, for the audit record.
 */
export async function dropLostAssignments(
  context: Context,
  identity: ManagedIdentity,
  lost: LostAssignment[],
  force: boolean,
): Promise<string[]> {
  if (lost.length === 0) return [];
  if (!force)
    throw new ArsiaError(
      'conflict',
      `${identityPath(identity)} is assigned to ${await formatForCaller(context, lost)}.`,
      {
        advice: 'Unassign it there, or add `?force=true`: jobs there lose it with the next request.',
      },
    );
  const ids = lost.map(({ id }) => id);
  await deleteAssignmentsIn(context.db, identity.id, ids);
  return lost.map(({ path }) => path);
}

/** Lists the workspaces that the caller may see by path, and counts the others. */
async function formatForCaller(context: Context, workspaces: LostAssignment[]): Promise<string> {
  const roots = new Set(await listVisibleRoots(context));
  const seen = workspaces.filter(({ lineage }) => lineage.some((id) => roots.has(id)));
  const hidden = workspaces.length - seen.length;
  const rest = `${hidden} ${hidden === 1 ? 'workspace' : 'workspaces'} that you may not see`;
  return [...(seen.length > 0 ? [formatPaths(seen)] : []), ...(hidden > 0 ? [rest] : [])].join(' and ');
}
