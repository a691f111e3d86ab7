import { ArsiaError } from '../../core/errors.ts';
import { decide, findLeastRole, type Membership, type Permission } from '../../core/permissions.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { listMembershipsBelow, listMembershipsOf } from '../../store/people/memberships.ts';
import type { Context } from '../pipeline/action.ts';

type Place = Pick<Namespace, 'path' | 'lineage'>;

/**
 * Changes of a whole tree: what a caller may not do to a group or workspace alone, it may not do to it as a part of a
 * larger one (threats.md N72). Both functions throw `forbidden` with the paths where the caller's role is too low. The
 * caller sees each of these, because it has a role there. The caller must be authorised on `root` already.
 */

/**
 * Demands `permissionFor` each group and workspace below `root`. Reads only those where the caller or a team of it has
 * a role of its own: any other one has the role of the nearest of these, or of `root`.
 */
export async function demandBelow(
  context: Context,
  root: Namespace,
  permissionFor: (kind: Namespace['kind']) => Permission,
): Promise<void> {
  const roles = await readRolesBelow(context, root);
  const refused = roles.places.filter(({ kind, lineage }) => !roles.allow(permissionFor(kind), lineage));
  if (refused.length === 0) return;
  throw buildLowRoleError(
    `on ${formatPaths(refused)}, which ${refused.length === 1 ? 'lies' : 'lie'} below ${root.path}`,
    {
      advice: `Ask an owner for the role ${findLeastRole(permissionFor('group'))} there, or to move it out of ${root.path} first.`,
    },
  );
}

/** Demands `permission` on each of `places`, which lie at or below `root`. */
export async function demandOnEach(
  context: Context,
  root: Namespace,
  places: readonly Place[],
  permission: Permission,
): Promise<void> {
  if (places.length === 0) return;
  const roles = await readRolesBelow(context, root);
  const refused = places.filter(({ lineage }) => !roles.allow(permission, lineage));
  if (refused.length === 0) return;
  throw buildLowRoleError(`on ${formatPaths(refused)}: this needs the permission ${permission} there`, {
    advice: `Ask an owner for the role ${findLeastRole(permission)} there.`,
  });
}

/** Returns the first 20 paths, and the number of the others. */
export function formatPaths(places: readonly { path: string }[]): string {
  const paths = places.slice(0, 20).map(({ path }) => path);
  return `${paths.join(', ')}${places.length > paths.length ? ` and ${places.length - paths.length} more` : ''}`;
}

function buildLowRoleError(what: string, more: { advice: string }): ArsiaError {
  return new ArsiaError('forbidden', `Your role is too low ${what}.`, more);
}

/**
 * Returns the places below a namespace where the caller or its teams have a role, and the decision for any place there.
 */
async function readRolesBelow({ caller, db }: Context, root: Namespace) {
  if (caller.kind === 'system' || caller.id === null) return { places: [], allow: () => caller.kind === 'system' };
  const below = await listMembershipsBelow(db, caller.id, root.id);
  const along = below.length === 0 ? [] : await listMembershipsOf(db, caller.id, root.lineage);
  const memberships = Map.groupBy<string, Membership>([...along, ...below], ({ namespace_id }) => namespace_id);
  return {
    places: [...new Map(below.map((place) => [place.namespace_id, place])).values()],
    allow(permission: Permission, lineage: readonly string[]) {
      // Without a role below `root`, the role at `root` counts, and the pipeline has checked it.
      if (below.length === 0) return true;
      return (
        decide(
          permission,
          lineage,
          lineage.flatMap((id) => memberships.get(id) ?? []),
        ) === 'allow'
      );
    },
  };
}
