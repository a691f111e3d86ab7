import { isId } from '../../core/ids.ts';
import { leafName, parentPath } from '../../core/namespace.ts';
import { columnsOf } from '../../database/columns.ts';
import type { Queries } from '../../database/connections.ts';
import { isBelow, type Page } from '../../database/page.ts';
import type { Changed, Row } from '../../entities/entity.ts';
import { managedIdentities } from '../../entities/managedidentities.ts';

/** A managed identity with the path and lineage of its group. */
export interface ManagedIdentity extends Row<typeof managedIdentities> {
  group_path: string;
  lineage: string[];
}

function select(db: Queries) {
  return db
    .selectFrom('managed_identities as m')
    .innerJoin('namespaces as g', 'g.id', 'm.group_id')
    .select([...columnsOf(managedIdentities, 'm'), 'g.path as group_path', 'g.lineage']);
}

/** Finds an identity by id or path (group path and name). */
export async function findIdentity(db: Queries, ref: string): Promise<ManagedIdentity | undefined> {
  if (isId('managed_identity', ref)) return await select(db).where('m.id', '=', ref).executeTakeFirst();
  const group = parentPath(ref);
  if (group === undefined) return undefined;
  return await select(db).where('g.path', '=', group).where('m.name', '=', leafName(ref)).executeTakeFirst();
}

/** Lists the identities of the groups at and below any of `roots`. */
export async function listIdentities(
  db: Queries,
  filter: { organization_id: string; roots: string[]; group_ids?: string[] | undefined; type?: string | undefined },
  page: Page,
): Promise<ManagedIdentity[]> {
  let query = select(db)
    .where('m.organization_id', '=', filter.organization_id)
    .where('m.id', '>', page.after ?? '');
  // A caller who sees the whole organisation sees every identity: no lineage needs to be compared.
  if (!filter.roots.includes(filter.organization_id)) query = query.where(isBelow('g.lineage', filter.roots));
  if (filter.group_ids !== undefined) query = query.where('m.group_id', 'in', filter.group_ids);
  if (filter.type !== undefined) query = query.where('m.type', '=', filter.type);
  return await query.orderBy('m.id').limit(page.limit).execute();
}

export async function insertIdentity(
  db: Queries,
  row: Row<typeof managedIdentities> & { settings: Record<string, unknown> },
): Promise<void> {
  await db.insertInto('managed_identities').values(row).execute();
}

export async function updateIdentity(
  db: Queries,
  id: string,
  change: Changed<typeof managedIdentities> & { audience: string | null },
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
