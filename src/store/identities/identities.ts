import { type Insertable, type Selectable, sql } from 'kysely';
import { isId } from '../../core/ids.ts';
import { leafName, parentPath } from '../../core/namespace.ts';
import type { Queries } from '../../database/connections.ts';
import { isBelow, type Page } from '../../database/page.ts';
import type { Tables } from '../../database/tables.ts';
import type { Namespace } from '../namespaces/namespaces.ts';
import { selfAndTeams } from '../people/memberships.ts';

type Row = Selectable<Tables['managed_identities']>;

/** A managed identity with the path and lineage of its group. */
export type ManagedIdentity = Row & { group_path: string; lineage: string[] };
export type Assignment = Selectable<Tables['assignments']>;
export type UseGrant = Selectable<Tables['use_grants']>;

function select(db: Queries) {
  return db
    .selectFrom('managed_identities as m')
    .innerJoin('namespaces as g', 'g.id', 'm.group_id')
    .select([
      'm.id',
      'm.organization_id',
      'm.group_id',
      'm.name',
      'm.type',
      'm.description',
      'm.settings',
      'm.audience',
      'm.subject_scope',
      'm.delivery',
      'm.token_lifetime',
      'm.created_at',
      'm.version',
      'g.path as group_path',
      'g.lineage',
    ]);
}

/** By id or path (group path and name). */
export async function findIdentity(db: Queries, ref: string): Promise<ManagedIdentity | undefined> {
  if (isId('managed_identity', ref)) return await select(db).where('m.id', '=', ref).executeTakeFirst();
  const group = parentPath(ref);
  if (group === undefined) return undefined;
  return await select(db).where('g.path', '=', group).where('m.name', '=', leafName(ref)).executeTakeFirst();
}

/** Identities of the groups below any of `roots`; with `usable_in`, those of the workspace's lineage. */
export async function listIdentities(
  db: Queries,
  filter: { organization_id: string; roots: string[]; group_ids?: string[] | undefined; type?: string | undefined },
  page: Page,
): Promise<ManagedIdentity[]> {
  let query = select(db)
    .where('m.organization_id', '=', filter.organization_id)
    .where('m.id', '>', page.after ?? '');
  // Who sees the whole organisation sees all of them: there is nothing to look up.
  if (!filter.roots.includes(filter.organization_id)) query = query.where(isBelow('g.lineage', filter.roots));
  if (filter.group_ids !== undefined) query = query.where('m.group_id', 'in', filter.group_ids);
  if (filter.type !== undefined) query = query.where('m.type', '=', filter.type);
  return await query.orderBy('m.id').limit(page.limit).execute();
}

export async function insertIdentity(db: Queries, row: Insertable<Tables['managed_identities']>): Promise<void> {
  await db.insertInto('managed_identities').values(row).execute();
}

export async function updateIdentity(
  db: Queries,
  id: string,
  change: {
    description?: string | undefined;
    settings?: Record<string, unknown> | undefined;
    audience?: string | null | undefined;
    delivery?: Row['delivery'] | undefined;
    token_lifetime?: number | undefined;
  },
): Promise<void> {
  await db
    .updateTable('managed_identities')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

export async function moveIdentity(db: Queries, id: string, group_id: string): Promise<void> {
  await db
    .updateTable('managed_identities')
    .set((eb) => ({ group_id, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

export async function deleteIdentity(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('managed_identities').where('id', '=', id).execute();
}

export async function insertAssignment(db: Queries, row: Assignment): Promise<void> {
  await db.insertInto('assignments').values(row).execute();
}

/** For one principal, or (undefined) for everybody at once. */
export async function deleteAssignment(
  db: Queries,
  workspace_id: string,
  identity_id: string,
  principal_id?: string,
): Promise<boolean> {
  let query = db
    .deleteFrom('assignments')
    .where('workspace_id', '=', workspace_id)
    .where('identity_id', '=', identity_id);
  if (principal_id !== undefined) query = query.where('principal_id', '=', principal_id);
  return (await query.executeTakeFirst()).numDeletedRows > 0n;
}

export async function insertGrant(db: Queries, row: UseGrant): Promise<void> {
  await db.insertInto('use_grants').values(row).execute();
}

function grantsOf(db: Queries, identity_id: string) {
  return db
    .selectFrom('use_grants')
    .select(['id', 'identity_id', 'principal_id', 'organization_id', 'created_at'])
    .where('identity_id', '=', identity_id);
}

export async function listGrants(db: Queries, identity_id: string, page: Page): Promise<UseGrant[]> {
  return await grantsOf(db, identity_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export async function findGrant(db: Queries, identity_id: string, principal_id: string): Promise<UseGrant | undefined> {
  return await grantsOf(db, identity_id).where('principal_id', '=', principal_id).executeTakeFirst();
}

export async function deleteGrant(db: Queries, identity_id: string, id: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('use_grants')
    .where('id', '=', id)
    .where('identity_id', '=', identity_id)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/** Does a grant let this principal, or a team of it, use the identity? `*` is everyone below its group. */
export async function isGranted(db: Queries, identity_id: string, principal_id: string): Promise<boolean> {
  const row = await db
    .selectFrom('use_grants')
    .select('id')
    .where('identity_id', '=', identity_id)
    .where('principal_id', 'in', selfAndTeams(db, principal_id).unionAll(db.selectNoFrom(sql.lit('*').as('id'))))
    .executeTakeFirst();
  return row !== undefined;
}

/** The workspace that has the identity, when exactly one has. */
export async function assignedWorkspaceOf(db: Queries, identity_id: string): Promise<Namespace | undefined> {
  const rows = await db
    .selectFrom('namespaces')
    .innerJoin('assignments as a', 'a.workspace_id', 'namespaces.id')
    .selectAll('namespaces')
    .distinct()
    .where('a.identity_id', '=', identity_id)
    .limit(2)
    .execute();
  return rows.length === 1 ? rows[0] : undefined;
}
