import { ArsiaError } from '../../core/errors.ts';
import { decide, findLeastRole, type Membership, type Permission } from '../../core/permissions.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { listMembershipsBelow, listMembershipsOf } from '../../store/people/memberships.ts';
import type { Context } from '../pipeline/action.ts';

type Place = Pick<Namespace, 'path' | 'lineage'>;

/**
 * Changes of a whole tree: what a caller may not do to a group or workspace alone, it may not do to it as a part of a
 * larger one (threats.md N72). Both functions throw `forbidden` with the paths that stand in the way. The caller sees each
 * of them: it has a role there. The caller must have been authorised on `root` itself.
 */

/**
 * Demands `permissionFor` each group and workspace below `root`. Only those where the caller or a team of it has a role of
 * its own are read and judged: every other one has the role of the nearest of these, or of `root`.
 */
export async function demandBelow(
  context: Context,
  root: Namespace,
  permissionFor: (kind: Namespace['kind']) => Permission,
): Promise<void> {
  const roles = await rolesBelow(context, root);
  const refused = roles.places.filter(({ kind, lineage }) => !roles.allow(permissionFor(kind), lineage));
  if (refused.length === 0) return;
  throw tooLow(`on ${listed(refused)}, which ${refused.length === 1 ? 'lies' : 'lie'} below ${root.path}`, {
    advice: `Ask an owner for the role ${findLeastRole(permissionFor('group'))} there, or to move it out of ${root.path} first.`,
  });
}

/** Demands `permission` on each of `places`, which lie at or below `root`. */
export async function demandOnEach(
  context: Context,
  root: Namespace,
  places: readonly Place[],
  permission: Permission,
): Promise<void> {
  if (places.length === 0) return;
  const roles = await rolesBelow(context, root);
  const refused = places.filter(({ lineage }) => !roles.allow(permission, lineage));
  if (refused.length === 0) return;
  throw tooLow(`on ${listed(refused)}: this needs the permission ${permission} there`, {
    advice: `Ask an owner for the role ${findLeastRole(permission)} there.`,
  });
}

/** The first 20 paths, and how many more there are. */
export function listed(places: readonly { path: string }[]): string {
  const paths = places.slice(0, 20).map(({ path }) => path);
  return `${paths.join(', ')}${places.length > paths.length ? ` and ${places.length - paths.length} more` : ''}`;
}

function tooLow(what: string, more: { advice: string }): ArsiaError {
  return new ArsiaError('forbidden', `You have a lower role ${what}.`, more);
}

/** The roles that the caller and its teams have below a namespace, and the decision that follows for any place there. */
async function rolesBelow({ caller, db }: Context, root: Namespace) {
  if (caller.kind === 'system' || caller.id === null) return { places: [], allow: () => caller.kind === 'system' };
  const below = await listMembershipsBelow(db, caller.id, root.id);
  const along = below.length === 0 ? [] : await listMembershipsOf(db, caller.id, root.lineage);
  const memberships = Map.groupBy<string, Membership>([...along, ...below], ({ namespace_id }) => namespace_id);
  return {
    places: [...new Map(below.map((place) => [place.namespace_id, place])).values()],
    allow(permission: Permission, lineage: readonly string[]) {
      // Without a role below `root`, the role at `root` counts, and it has been judged already.
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
