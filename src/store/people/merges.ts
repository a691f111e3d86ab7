import { sql } from 'kysely';
import { roles } from '../../core/permissions.ts';
import type { Queries } from '../../database/connections.ts';

/** A user, and the user of the same organisation that takes over what the first one has. */
export interface Takeover {
  from: string;
  into: string;
  organization_id: string;
}

/** What a user took over, in rows. */
export interface TakenOver {
  memberships: number;
  teams: number;
  use_grants: number;
  assignments: number;
  /** Assignments that ended: the other user has an identity of the same type and profile in the workspace. */
  ended_assignments: number;
  rights_to_act: number;
  access_rules: number;
}

/** Counts the memberships and teams that a takeover adds. */
export async function countTakeover(
  db: Queries,
  { from, into }: Takeover,
): Promise<{ memberships: number; teams: number }> {
  const { rows } = await sql<{ memberships: number; teams: number }>`SELECT
    (SELECT count(*)::integer FROM memberships WHERE principal_id = ${from}
      AND namespace_id NOT IN (SELECT namespace_id FROM memberships WHERE principal_id = ${into})) AS memberships,
    (SELECT count(*)::integer FROM team_members WHERE user_id = ${from}
      AND team_id NOT IN (SELECT team_id FROM team_members WHERE user_id = ${into})) AS teams`.execute(db);
  return rows[0]!;
}

/**
 * Gives a user the memberships, teams, use grants, assignments, access rules and rights to act of another one. In a namespace
 * where both have a role, the higher one remains.
 */
export async function takeOver(db: Queries, takeover: Takeover): Promise<TakenOver> {
  const { from, into } = takeover;
  await raiseRoles(db, takeover);
  const memberships = await movePrincipal(db, 'memberships', ['namespace_id'], takeover);
  const use_grants = await movePrincipal(db, 'use_grants', ['identity_id'], takeover);
  // Each statement leaves out what the other user has already: the same identity, or another one of the type and profile.
  await deleteShared(db, 'assignments', ['workspace_id', 'identity_id'], takeover);
  const ended_assignments = await deleteShared(db, 'assignments', ['workspace_id', 'type', 'profile'], takeover);
  const assignments = await changed(
    db,
    sql`UPDATE assignments SET principal_id = ${into} WHERE principal_id = ${from}`,
  );
  return {
    memberships,
    teams: await moveTeams(db, takeover),
    use_grants,
    assignments,
    ended_assignments,
    rights_to_act: await replaceInArrays(db, 'may_act', 'users', takeover),
    access_rules: await replaceInArrays(db, 'access_rules', 'values', takeover),
  };
}

/** Sets the roles of `into` in namespaces where `from` has a higher one. */
async function raiseRoles(db: Queries, { from, into }: Takeover): Promise<void> {
  const rank = (of: string) => sql`array_position(${sql.val([...roles])}::text[], ${sql.ref(`${of}.role`)})`;
  await sql`UPDATE memberships AS mine SET role = theirs.role, version = mine.version + 1 FROM memberships AS theirs
    WHERE mine.principal_id = ${into} AND theirs.principal_id = ${from} AND theirs.namespace_id = mine.namespace_id
      AND ${rank('theirs')} > ${rank('mine')}`.execute(db);
}

/** Moves the rows of a principal, and deletes those that the other one has already. `key` is unique for each principal. */
async function movePrincipal(
  db: Queries,
  table: 'memberships' | 'use_grants',
  key: string[],
  takeover: Takeover,
): Promise<number> {
  await deleteShared(db, table, key, takeover);
  const { from, into } = takeover;
  const counted = table === 'memberships' ? sql`, version = version + 1` : sql``;
  return await changed(
    db,
    sql`UPDATE ${sql.table(table)} SET principal_id = ${into}${counted} WHERE principal_id = ${from}`,
  );
}

async function deleteShared(db: Queries, table: string, key: string[], { from, into }: Takeover): Promise<number> {
  const same = sql.join(
    key.map((column) => sql`theirs.${sql.id(column)} = mine.${sql.id(column)}`),
    sql` AND `,
  );
  return await changed(
    db,
    sql`DELETE FROM ${sql.table(table)} AS theirs USING ${sql.table(table)} AS mine
      WHERE theirs.principal_id = ${from} AND mine.principal_id = ${into} AND ${same}`,
  );
}

/** A membership that an owner gave remains one, so that the next sign-in does not end it. */
async function moveTeams(db: Queries, { from, into }: Takeover): Promise<number> {
  const moved = await changed(
    db,
    sql`INSERT INTO team_members (team_id, user_id, source, created_at)
      SELECT team_id, ${into}, source, created_at FROM team_members WHERE user_id = ${from}
      ON CONFLICT (team_id, user_id) DO UPDATE SET source = 'manual' WHERE excluded.source = 'manual'`,
  );
  await db.deleteFrom('team_members').where('user_id', '=', from).execute();
  return moved;
}

/** Replaces a user in lists of ids, so that none is in a list twice. */
async function replaceInArrays(
  db: Queries,
  table: 'may_act' | 'access_rules',
  column: 'users' | 'values',
  { from, into, organization_id }: Takeover,
): Promise<number> {
  const list = sql.id(column);
  // The condition on the kind is that of the index.
  const isOfUsers = table === 'may_act' ? sql`true` : sql`kind = 'user'`;
  return await changed(
    db,
    sql`UPDATE ${sql.table(table)} SET ${list} = CASE WHEN ${into} = ANY (${list}) THEN array_remove(${list}, ${from})
        ELSE array_replace(${list}, ${from}, ${into}) END, version = version + 1
      WHERE organization_id = ${organization_id} AND ${isOfUsers} AND ${from} = ANY (${list})`,
  );
}

async function changed(db: Queries, statement: ReturnType<typeof sql>): Promise<number> {
  const { numAffectedRows = 0n } = await statement.execute(db);
  return Number(numAffectedRows);
}

/** Moves the links of a user to subjects of identity providers. */
export async function moveUserIdentities(db: Queries, { from, into }: Takeover): Promise<number> {
  const moved = await db
    .updateTable('user_identities')
    .set({ user_id: into })
    .where('user_id', '=', from)
    .executeTakeFirst();
  return Number(moved.numUpdatedRows);
}

/** Makes another user the sender of the open invitations and ties of a user: they stay valid where the other one may invite. */
export async function moveOpenOffers(db: Queries, { from, into, organization_id }: Takeover): Promise<void> {
  await db
    .updateTable('invitations')
    .set({ invited_by: into })
    .where('organization_id', '=', organization_id)
    .where('invited_by', '=', from)
    .where('accepted_at', 'is', null)
    .execute();
  await db
    .updateTable('user_ties')
    .set({ created_by: into })
    .where('organization_id', '=', organization_id)
    .where('created_by', '=', from)
    .execute();
}
