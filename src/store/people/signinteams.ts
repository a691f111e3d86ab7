import type { Queries } from '../../database/connections.ts';

/**
 * Sets a user's team memberships of source `sign_in` to the teams of the organisation with these names. Manual memberships
 * are not changed. Returns the names of those teams.
 */
export async function syncSignInTeams(
  db: Queries,
  user: { id: string; organization_id: string },
  names: readonly string[],
  now: Date,
): Promise<string[]> {
  const teams =
    names.length === 0
      ? []
      : await db
          .selectFrom('teams')
          .select(['id', 'name'])
          .where('organization_id', '=', user.organization_id)
          .where('name', 'in', names)
          .orderBy('name')
          .execute();
  const ids = teams.map((team) => team.id);
  let former = db.deleteFrom('team_members').where('user_id', '=', user.id).where('source', '=', 'sign_in');
  if (ids.length > 0) former = former.where('team_id', 'not in', ids);
  await former.execute();
  if (ids.length > 0)
    await db
      .insertInto('team_members')
      .values(ids.map((team_id) => ({ team_id, user_id: user.id, source: 'sign_in' as const, created_at: now })))
      .onConflict((conflict) => conflict.columns(['team_id', 'user_id']).doNothing())
      .execute();
  return teams.map((team) => team.name);
}
