import type { Caller } from '../../core/principals.ts';
import { type NamedThing, readNames } from '../../store/namespaces/names.ts';
import { listTeamIds } from '../../store/people/teams.ts';
import { findOnlyVisiblePrincipal } from '../people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { listVisibleRoots } from './namespaces.ts';

/**
 * Names things for people: logins, names of teams and paths, by id. Leaves out what the caller may not see, so that an id in
 * an answer tells no more than before.
 */
export const nameThings: Action<{ ids: string[] }, Place, ReadonlyMap<string, string>> = {
  name: 'name.list',
  needs: 'member',
  changes: false,
  // Not `read`: a heartbeat would wait for its answer while a colleague lists much.
  load: () => 'change',
  find: findOwnOrganization,
  opensToJob: () => true,
  async run(context, { ids }, { organization_id }) {
    const things = await readNames(context.db, organization_id, ids);
    const isVisible = await createVisibility(context, things);
    return new Map(things.filter(isVisible).map(({ id, name }) => [id, name]));
  },
};

async function createVisibility(context: Context, things: NamedThing[]): Promise<(thing: NamedThing) => boolean> {
  const { caller, db } = context;
  if (caller.kind === 'system') return () => true;
  const own = new Set(idsOf(caller));
  const others = things.filter(({ id }) => !own.has(id));
  const roots = new Set(others.some(({ lineage }) => lineage !== null) ? await listVisibleRoots(context) : []);
  const only = others.some(({ lineage }) => lineage === null) ? await findOnlyVisiblePrincipal(context) : undefined;
  const teams = new Set(only === undefined ? [] : await listTeamIds(db, only));
  return ({ id, lineage }) =>
    own.has(id) || (lineage === null ? only === undefined || teams.has(id) : lineage.some((place) => roots.has(place)));
}

/** Returns the ids of what the caller is, and of what it is told with its token. */
function idsOf(caller: Caller): string[] {
  if (caller.kind === 'job') return [caller.workspace_id, caller.user_id ?? ''];
  return [caller.id ?? ''];
}
