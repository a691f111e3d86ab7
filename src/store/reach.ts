import type { Selectable } from 'kysely';
import type { Reach } from '../core/inheritance.ts';
import { leafName, parentPath } from '../core/namespace.ts';
import type { Queries } from './database.ts';
import type { Page } from './namespaces.ts';
import type { Tables } from './tables.ts';

export type Alias = Selectable<Tables['identity_aliases']> & { group_path: string; lineage: string[] };
export type Mask = Selectable<Tables['identity_masks']>;

function select(db: Queries) {
  return db
    .selectFrom('identity_aliases as a')
    .innerJoin('namespaces as g', 'g.id', 'a.group_id')
    .select([
      'a.id',
      'a.identity_id',
      'a.group_id',
      'a.organization_id',
      'a.name',
      'a.created_at',
      'g.path as group_path',
      'g.lineage',
    ]);
}

export async function findAlias(db: Queries, id: string): Promise<Alias | undefined> {
  return await select(db).where('a.id', '=', id).executeTakeFirst();
}

/** By the path of its group and its name. */
export async function findAliasAt(db: Queries, path: string): Promise<Alias | undefined> {
  const group = parentPath(path);
  if (group === undefined) return undefined;
  return await select(db).where('g.path', '=', group).where('a.name', '=', leafName(path)).executeTakeFirst();
}

export async function listAliases(db: Queries, identity_id: string, page: Page): Promise<Alias[]> {
  return await select(db)
    .where('a.identity_id', '=', identity_id)
    .where('a.id', '>', page.after ?? '')
    .orderBy('a.id')
    .limit(page.limit)
    .execute();
}

export async function findAliasIn(db: Queries, group_id: string, identity_id: string): Promise<Alias | undefined> {
  return await select(db)
    .where('a.group_id', '=', group_id)
    .where('a.identity_id', '=', identity_id)
    .executeTakeFirst();
}

export async function insertAlias(db: Queries, row: Selectable<Tables['identity_aliases']>): Promise<void> {
  await db.insertInto('identity_aliases').values(row).execute();
}

export async function deleteAlias(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('identity_aliases').where('id', '=', id).execute();
}

export async function insertMask(db: Queries, row: Mask): Promise<void> {
  await db
    .insertInto('identity_masks')
    .values(row)
    .onConflict((conflict) => conflict.columns(['identity_id', 'namespace_id']).doNothing())
    .execute();
}

export async function deleteMask(db: Queries, namespace_id: string, identity_id: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('identity_masks')
    .where('namespace_id', '=', namespace_id)
    .where('identity_id', '=', identity_id)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/** Lists the masks of an identity by the ids of the masking namespaces; `after` is one of these. */
export async function listMasks(db: Queries, identity_id: string, page: Page): Promise<Mask[]> {
  return await db
    .selectFrom('identity_masks')
    .select(['namespace_id', 'identity_id', 'organization_id', 'created_at'])
    .where('identity_id', '=', identity_id)
    .where('namespace_id', '>', page.after ?? '')
    .orderBy('namespace_id')
    .limit(page.limit)
    .execute();
}

/** Returns where an identity reaches, for `usability`: along one lineage, or everywhere. */
export async function reachOf(
  db: Queries,
  identity: { id: string; group_id: string },
  lineage?: readonly string[],
): Promise<Reach> {
  let ofAliases = db.selectFrom('identity_aliases').select('group_id').where('identity_id', '=', identity.id);
  let ofMasks = db.selectFrom('identity_masks').select('namespace_id').where('identity_id', '=', identity.id);
  if (lineage !== undefined) {
    ofAliases = ofAliases.where('group_id', 'in', lineage);
    ofMasks = ofMasks.where('namespace_id', 'in', lineage);
  }
  const [aliases, masks] = [await ofAliases.execute(), await ofMasks.execute()];
  return {
    group_ids: [identity.group_id, ...aliases.map((alias) => alias.group_id)],
    masked_in: masks.map((mask) => mask.namespace_id),
  };
}

/** The workspaces that have the identity assigned, with their lineages: what a change of its reach may cut off. */
export async function assignedLineages(
  db: Queries,
  identity_id: string,
): Promise<{ id: string; path: string; lineage: string[] }[]> {
  return await db
    .selectFrom('assignments as a')
    .innerJoin('namespaces as w', 'w.id', 'a.workspace_id')
    .select(['w.id', 'w.path', 'w.lineage'])
    .distinct()
    .where('a.identity_id', '=', identity_id)
    .orderBy('w.path')
    .execute();
}

/** Takes the identity from these workspaces. */
export async function deleteAssignmentsIn(db: Queries, identity_id: string, workspace_ids: string[]): Promise<void> {
  if (workspace_ids.length === 0) return;
  await db
    .deleteFrom('assignments')
    .where('identity_id', '=', identity_id)
    .where('workspace_id', 'in', workspace_ids)
    .execute();
}
