import { ArsiaError } from '../../core/errors.ts';
import { findUsability } from '../../core/inheritance.ts';
import { maximumDepth } from '../../core/namespace.ts';
import { listAudiencesBelow } from '../../store/identities/audiences.ts';
import {
  deleteAssignments,
  deleteTree,
  listAssignedBelow,
  listAssignedElsewhere,
  moveNamespace,
  readHeight,
} from '../../store/namespaces/moves.ts';
import { countContents, findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { releaseAudiences } from '../identities/audiences.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { demandBelow, formatPaths } from './descendants.ts';
import { type FoundNamespace, resolveNamespace } from './namespaces.ts';
import { listPathWarnings } from './pathwarnings.ts';

interface FoundMove extends FoundNamespace {
  parent: Namespace;
}

/**
 * Returns the action that moves a group or workspace with everything below it. Needs an owner of both sides and of
 * everything below. It cannot leave its organisation, and subjects do not change. Assignments of identities that would
 * no longer reach are refused with their list, or deleted with `force`.
 */
export function moveNamespaceTo(
  kind: Namespace['kind'],
): Action<
  { ref: string; parent: string; force: boolean },
  FoundMove,
  { namespace: Namespace; dropped: string[]; warnings: string[] }
> {
  return {
    name: `${kind}.move`,
    needs: `${kind}.delete`,
    changes: true,
    load: () => 'heavy',
    async find(context, input) {
      const found = await resolveNamespace(context, kind, input.ref);
      await context.demand('namespace.view', found);
      const target = await resolveNamespace(context, 'group', input.parent);
      await context.demand(`${kind}.create`, target);
      return { ...found, parent: target.namespace };
    },
    version: ({ namespace }) => namespace.version,
    async run(context, input, { namespace, parent }) {
      await demandBelow(context, namespace, findRemovalPermission);
      await refuseMove(context, namespace, parent);
      const dropped = await dropLostAssignments(context, namespace, parent, input.force);
      await moveNamespace(context.db, namespace, parent);
      const warnings = await listPathWarnings(context, namespace);
      return { namespace: (await findNamespace(context.db, kind, namespace.id))!, dropped, warnings };
    },
    describe: (input, { namespace }, result) => ({
      detail: { from: namespace.path, to: result.namespace.path, force: input.force, dropped: result.dropped },
    }),
  };
}

/**
 * Returns the action that deletes a group or workspace. Throws `conflict` with its contents where it is not empty,
 * unless `force`: then everything below is deleted. An organisation must be empty in any case.
 */
export function removeNamespace(
  kind: Namespace['kind'],
): Action<{ ref: string; force: boolean }, FoundNamespace, { deleted: Record<string, number>; dropped: string[] }> {
  return {
    name: `${kind}.delete`,
    needs: `${kind}.delete`,
    changes: true,
    load: ({ force }) => (force ? 'heavy' : 'change'),
    find: (context, input) => resolveNamespace(context, kind, input.ref),
    version: ({ namespace }) => namespace.version,
    async run(context, input, { namespace }) {
      await demandBelow(context, namespace, findRemovalPermission);
      const contents = Object.entries(await countContents(context.db, namespace, new Date(context.now)));
      const isRoot = namespace.parent_id === null;
      if (contents.length > 0 && (!input.force || isRoot))
        throw new ArsiaError(
          'conflict',
          `${namespace.path} still holds ${contents.map(([noun, count]) => `${count} ${noun}`).join(', ')}.`,
          { advice: isRoot ? 'Delete these first.' : 'Delete these first, or add `?force=true` to delete everything.' },
        );
      const dropped = await listAssignedElsewhere(context.db, namespace.id);
      const audiences = await listAudiencesBelow(context.db, namespace.id);
      const deleted = await deleteTree(context.db, namespace.id);
      await releaseAudiences(context, audiences);
      return { deleted, dropped };
    },
    describe: (input, { namespace }, result) => ({ detail: { path: namespace.path, force: input.force, ...result } }),
  };
}

/** Returns the permission that deleting or moving a group or workspace needs. */
function findRemovalPermission(kind: Namespace['kind']) {
  return `${kind}.delete` as const;
}

async function refuseMove(context: Context, namespace: Namespace, parent: Namespace): Promise<void> {
  if (namespace.parent_id === null) throw new ArsiaError('conflict', 'An organisation cannot be moved.');
  if (namespace.organization_id !== parent.organization_id)
    throw new ArsiaError('conflict', 'Groups and workspaces cannot leave their organisation.');
  if (parent.lineage.includes(namespace.id))
    throw new ArsiaError('conflict', `${parent.path} is ${namespace.path} or lies below it.`);
  if (parent.lineage.length + (await readHeight(context.db, namespace)) > maximumDepth)
    throw new ArsiaError('conflict', `Below ${parent.path}, the tree would be more than ${maximumDepth} groups deep.`);
  const path = `${parent.path}/${namespace.name}`;
  const existing = await findNamespace(context.db, 'any', path);
  if (existing !== undefined)
    throw new ArsiaError(
      'conflict',
      existing.id === namespace.id ? `${path} is already there.` : `There is already ${path}.`,
    );
}

/**
 * Deletes the assignments that would no longer reach their workspace after the move, and returns them. Throws
 * `conflict` with their list unless `force`. The workspaces are below `moved`, where the caller's roles have been
 * checked.
 */
async function dropLostAssignments(
  context: Context,
  moved: Namespace,
  parent: Namespace,
  force: boolean,
): Promise<string[]> {
  const lost = (await listAssignedBelow(context.db, moved.id)).filter(({ lineage, reach }) => {
    const after = [...parent.lineage, ...lineage.slice(moved.lineage.length - 1)];
    return findUsability(reach, after) !== 'usable';
  });
  const named = lost.map(({ identity, workspace }) => `${identity} in ${workspace}`);
  if (lost.length > 0 && !force)
    throw new ArsiaError('conflict', `The move would cut off ${formatPaths(named.map((path) => ({ path })))}.`, {
      advice: 'Move or alias these identities first, or add `?force=true` to unassign them with the move.',
    });
  const ids = lost.map(({ assignment_id }) => assignment_id);
  await deleteAssignments(context.db, ids);
  return named;
}
