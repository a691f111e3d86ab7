import { ArsiaError } from '../../core/errors.ts';
import { childPath, parentPath } from '../../core/namespace.ts';
import type { Changed } from '../../entities/entity.ts';
import type { groups } from '../../entities/namespaces.ts';
import { renameNamespace } from '../../store/namespaces/moves.ts';
import { findNamespace, type Namespace, updateNamespace } from '../../store/namespaces/namespaces.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { demandBelow } from './descendants.ts';
import { type FoundNamespace, refuseTakenPath, resolveNamespace } from './namespaces.ts';
import { listPathWarnings } from './pathwarnings.ts';

interface ChangedNamespace {
  namespace: Namespace;
  /** The trust documents that may show a path that has changed; undefined where none has. */
  warnings: string[] | undefined;
}

/**
 * Returns the action that changes the description or the name of a group or workspace. With the name, the paths of everything
 * below change, but no id and no subject (docs/decisions/0037). Renaming needs an owner of the group above, who decides about
 * the names in it, and of everything below.
 */
export function changeNamespace(
  kind: Namespace['kind'],
): Action<Changed<typeof groups> & { ref: string }, FoundNamespace, ChangedNamespace> {
  return {
    name: `${kind}.update`,
    needs: `${kind}.update`,
    changes: true,
    load: ({ name }) => (name === undefined ? 'change' : 'heavy'),
    find: (context, input) => resolveNamespace(context, kind, input.ref),
    version: ({ namespace }) => namespace.version,
    async run(context, { ref: _ref, name, ...change }, { namespace }) {
      const isRenamed = name !== undefined && name !== namespace.name;
      if (isRenamed) await rename(context, namespace, name);
      const isChanged = !isRenamed || Object.keys(change).length > 0;
      if (isChanged) await updateNamespace(context.db, namespace.id, change);
      const warnings = isRenamed ? await listPathWarnings(context, namespace) : undefined;
      return { namespace: (await findNamespace(context.db, kind, namespace.id))!, warnings };
    },
    describe: ({ ref: _ref, ...change }, { namespace: before }, { namespace }) => ({
      detail: { path: before.path, ...(namespace.path !== before.path && { to: namespace.path }), ...change },
    }),
  };
}

async function rename(context: Context, namespace: Namespace, name: string): Promise<void> {
  const { kind, path, parent_id, organization_id } = namespace;
  if (parent_id === null)
    throw new ArsiaError('conflict', `${path} is an organisation, which cannot be renamed.`, {
      advice:
        'Tokens name the organisation: another one could take the freed name, and relying parties that compare it would accept its tokens.',
    });
  const parent = (await findNamespace(context.db, 'group', parent_id))!;
  if (!(await context.can(`${kind}.create`, { organization_id, lineage: parent.lineage })))
    throw new ArsiaError('forbidden', `Your role on ${parentPath(path)} is too low to choose a name in it.`, {
      advice: `Ask an owner of ${parentPath(path)} to rename ${path}.`,
    });
  await demandBelow(context, namespace, (below) => `${below}.update` as const);
  await refuseTakenPath(context, childPath(parent.path, name));
  await renameNamespace(context.db, namespace, { path: childPath(parent.path, name), name });
}
