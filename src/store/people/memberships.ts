import { sql } from 'kysely';
import type { Role } from '../../core/permissions.ts';
import { columnsOf } from '../../database/columns.ts';
import type { Queries } from '../../database/connections.ts';
import { isBelow, type Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { memberships } from '../../entities/memberships.ts';
import type { Namespace } from '../namespaces/namespaces.ts';

export interface MembershipRow extends Row<typeof memberships> {}

/** Returns the query for a principal and its teams as one set: two conditions joined by `or` would read the whole table. */
export function selectSelfAndTeams(db: Queries, principal_id: string) {
  return db
    .selectNoFrom(sql<string>`${principal_id}::text`.as('id'))
    .unionAll(db.selectFrom('team_members').select('team_id as id').where('user_id', '=', principal_id));
}

/** Lists the memberships of a principal and of its teams: all, or those along a lineage. */
export async function listMembershipsOf(
  db: Queries,
  principal_id: string,
  lineage?: string[],
): Promise<MembershipRow[]> {
  const query = db
    .selectFrom('memberships')
    .select(memberships.columns)
    .where('principal_id', 'in', selectSelfAndTeams(db, principal_id));
  return await (lineage === undefined ? query : query.where('namespace_id', 'in', lineage)).execute();
}

/** Lists the memberships of a principal and of its teams at and below a namespace, by the path of their namespace. */
export async function listMembershipsBelow(
  db: Queries,
  principal_id: string,
  namespace_id: string,
): Promise<(Pick<MembershipRow, 'namespace_id' | 'role'> & Pick<Namespace, 'kind' | 'path' | 'lineage'>)[]> {
  return await db
    .selectFrom('memberships as m')
    .innerJoin('namespaces as n', 'n.id', 'm.namespace_id')
    .select(['m.namespace_id', 'm.role', 'n.kind', 'n.path', 'n.lineage'])
    .where('m.principal_id', 'in', selectSelfAndTeams(db, principal_id))
    .where('n.id', '<>', namespace_id)
    .where(sql<boolean>`n.lineage @> ARRAY[${namespace_id}]`)
    .orderBy('n.path')
    .execute();
}

/** Finds the membership of the principal itself in a namespace. */
export async function findMembershipIn(
  db: Queries,
  principal_id: string,
  namespace_id: string,
): Promise<MembershipRow | undefined> {
  return await db
    .selectFrom('memberships')
    .select(memberships.columns)
    .where('principal_id', '=', principal_id)
    .where('namespace_id', '=', namespace_id)
    .executeTakeFirst();
}

export async function findMembership(db: Queries, id: string): Promise<MembershipRow | undefined> {
  return await db.selectFrom('memberships').select(memberships.columns).where('id', '=', id).executeTakeFirst();
}

export async function insertMembership(db: Queries, row: MembershipRow): Promise<void> {
  await db.insertInto('memberships').values(row).execute();
}

export async function updateMembership(db: Queries, id: string, role: Role): Promise<MembershipRow> {
  return await db
    .updateTable('memberships')
    .set((eb) => ({ role, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(memberships.columns)
    .executeTakeFirstOrThrow();
}

export async function deleteMembership(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('memberships').where('id', '=', id).execute();
}

/** Deletes the memberships of the principal itself, not those of its teams. */
export async function deleteMembershipsOf(db: Queries, principal_id: string): Promise<void> {
  await db.deleteFrom('memberships').where('principal_id', '=', principal_id).execute();
}

/** Returns whether the principal or a team of it has any role. Reads one row: an owner may have thousands. */
export async function hasAnyRole(db: Queries, principal_id: string): Promise<boolean> {
  const row = await db
    .selectFrom('memberships')
    .select('id')
    .where('principal_id', 'in', selectSelfAndTeams(db, principal_id))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function listMemberships(db: Queries, namespace_id: string, page: Page): Promise<MembershipRow[]> {
  return await db
    .selectFrom('memberships')
    .select(memberships.columns)
    .where('namespace_id', '=', namespace_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

/** Lists the memberships of a principal and of its teams, with `roots` those at and below them. */
export async function listMembershipsOfPrincipal(
  db: Queries,
  principal_id: string,
  roots: string[] | undefined,
  page: Page,
): Promise<MembershipRow[]> {
  const query = db
    .selectFrom('memberships as m')
    .innerJoin('namespaces as n', 'n.id', 'm.namespace_id')
    .select(columnsOf(memberships, 'm'))
    .where('m.principal_id', 'in', selectSelfAndTeams(db, principal_id))
    .where('m.id', '>', page.after ?? '')
    .orderBy('m.id')
    .limit(page.limit);
  return await (roots === undefined ? query : query.where(isBelow('n.lineage', roots))).execute();
}

/** Lists the memberships of a principal and of its teams with their namespaces, by path. */
export async function listMembershipPlaces(
  db: Queries,
  principal_id: string,
): Promise<
  (Pick<MembershipRow, 'namespace_id' | 'principal_id' | 'role'> & Pick<Namespace, 'kind' | 'path' | 'lineage'>)[]
> {
  return await db
    .selectFrom('memberships as m')
    .innerJoin('namespaces as n', 'n.id', 'm.namespace_id')
    .select(['m.namespace_id', 'm.principal_id', 'm.role', 'n.kind', 'n.path', 'n.lineage'])
    .where('m.principal_id', 'in', selectSelfAndTeams(db, principal_id))
    .orderBy('n.path')
    .orderBy('m.principal_id')
    .execute();
}

/** Lists at most `limit` active users who own an organisation. Two are enough to know whether one is the last. */
export async function listActiveOwners(db: Queries, organization_id: string, limit = 2): Promise<string[]> {
  const rows = await db
    .selectFrom('memberships')
    .innerJoin('users', 'users.id', 'memberships.principal_id')
    .select('memberships.principal_id')
    .where('memberships.namespace_id', '=', organization_id)
    .where('memberships.role', '=', 'owner')
    .where('users.is_active', '=', true)
    .limit(limit)
    .execute();
  return rows.map((row) => row.principal_id);
}
