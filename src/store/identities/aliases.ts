import { leafName, parentPath } from '../../core/namespace.ts';
import { columnsOf } from '../../database/columns.ts';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import { aliases } from '../../entities/aliases.ts';
import type { Row } from '../../entities/entity.ts';

export interface Alias extends Row<typeof aliases> {
  group_path: string;
  lineage: string[];
}

export function select(db: Queries) {
  return db
    .selectFrom('identity_aliases as a')
    .innerJoin('namespaces as g', 'g.id', 'a.group_id')
    .select([...columnsOf(aliases, 'a'), 'g.path as group_path', 'g.lineage']);
}

export async function findAlias(db: Queries, id: string): Promise<Alias | undefined> {
  return await select(db).where('a.id', '=', id).executeTakeFirst();
}

/** Finds an alias by its path: the path of its group, and its name. */
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

export async function insertAlias(db: Queries, row: Row<typeof aliases>): Promise<void> {
  await db.insertInto('identity_aliases').values(row).execute();
}

export async function deleteAlias(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('identity_aliases').where('id', '=', id).execute();
}
