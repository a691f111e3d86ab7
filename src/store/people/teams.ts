import { sql } from 'kysely';
import { isId } from '../../core/ids.ts';
import { columnsOf } from '../../database/columns.ts';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Row } from '../../entities/entity.ts';
import { teamMembers, teams } from '../../entities/teams.ts';
import { deleteGivenTo } from './users.ts';

export interface Team extends Row<typeof teams> {}
export interface TeamMember extends Row<typeof teamMembers> {
  login: string;
}

/** Finds a team of the organisation by id or name. */
export async function findTeam(db: Queries, organization_id: string, ref: string): Promise<Team | undefined> {
  const by = isId('team', ref) ? 'id' : 'name';
  return await db
    .selectFrom('teams')
    .select(teams.columns)
    .where(by, '=', ref)
    .where('organization_id', '=', organization_id)
    .executeTakeFirst();
}

export async function insertTeam(db: Queries, row: Team): Promise<void> {
  await db.insertInto('teams').values(row).execute();
}

export async function updateTeam(db: Queries, id: string, change: Changed<typeof teams>): Promise<Team> {
  return await db
    .updateTable('teams')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(teams.columns)
    .executeTakeFirstOrThrow();
}

/** What a team was given. */
export interface TeamHoldings {
  /** The groups and workspaces where the team has a role. */
  roles: { path: string }[];
  /** The identities that the team may use. */
  use_grants: { path: string }[];
  /** The workspaces that have an identity assigned for the team. */
  assignments: { path: string }[];
}

export async function listTeamHoldings(db: Queries, id: string): Promise<TeamHoldings> {
  const roles = db
    .selectFrom('memberships as m')
    .innerJoin('namespaces as n', 'n.id', 'm.namespace_id')
    .select('n.path')
    .where('m.principal_id', '=', id);
  const grants = db
    .selectFrom('use_grants as u')
    .innerJoin('managed_identities as m', 'm.id', 'u.identity_id')
    .innerJoin('namespaces as g', 'g.id', 'm.group_id')
    .select(sql<string>`g.path || '/' || m.name`.as('path'))
    .where('u.principal_id', '=', id);
  const assignments = db
    .selectFrom('assignments as a')
    .innerJoin('namespaces as w', 'w.id', 'a.workspace_id')
    .select('w.path')
    .distinct()
    .where('a.principal_id', '=', id);
  return {
    roles: await roles.orderBy('path').execute(),
    use_grants: await grants.orderBy('path').execute(),
    assignments: await assignments.orderBy('path').execute(),
  };
}

/** Deletes a team with its memberships, use grants and assignments. */
export async function deleteTeam(db: Queries, id: string): Promise<void> {
  await deleteGivenTo(db, id);
  await db.deleteFrom('teams').where('id', '=', id).execute();
}

/** Lists teams; with `member`, those of this user. */
export async function listTeams(db: Queries, organization_id: string, page: Page, member?: string): Promise<Team[]> {
  return await db
    .selectFrom('teams')
    .select(teams.columns)
    .where('organization_id', '=', organization_id)
    .$if(member !== undefined, (query) =>
      query.where('id', 'in', db.selectFrom('team_members').select('team_id').where('user_id', '=', member!)),
    )
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export async function listTeamIds(db: Queries, user_id: string): Promise<string[]> {
  const rows = await db.selectFrom('team_members').select('team_id').where('user_id', '=', user_id).execute();
  return rows.map((row) => row.team_id);
}

/** Adds a user to a team. A membership by sign-in becomes manual. */
export async function insertTeamMember(db: Queries, row: Row<typeof teamMembers>): Promise<void> {
  await db
    .insertInto('team_members')
    .values(row)
    .onConflict((conflict) => conflict.columns(['team_id', 'user_id']).doUpdateSet({ source: row.source }))
    .execute();
}

export async function deleteTeamMember(db: Queries, team_id: string, user_id: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('team_members')
    .where('team_id', '=', team_id)
    .where('user_id', '=', user_id)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/** Removes a user from all teams. */
export async function deleteMembershipsInTeams(db: Queries, user_id: string): Promise<void> {
  await db.deleteFrom('team_members').where('user_id', '=', user_id).execute();
}

/** Lists members of a team; with `only`, this user alone. */
export async function listTeamMembers(db: Queries, team_id: string, page: Page, only?: string): Promise<TeamMember[]> {
  return await db
    .selectFrom('team_members')
    .innerJoin('users', 'users.id', 'team_members.user_id')
    .select([...columnsOf(teamMembers, 'team_members'), 'login'])
    .where('team_id', '=', team_id)
    .$if(only !== undefined, (query) => query.where('user_id', '=', only!))
    .where('user_id', '>', page.after ?? '')
    // The condition is on both tables: otherwise the join starts at the first user of the table.
    .where('users.id', '>', page.after ?? '')
    .orderBy('user_id')
    .limit(page.limit)
    .execute();
}
