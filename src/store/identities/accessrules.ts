import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import { accessRules } from '../../entities/accessrules.ts';
import type { Row } from '../../entities/entity.ts';

export interface AccessRuleRow extends Row<typeof accessRules> {}

export async function insertAccessRule(db: Queries, row: AccessRuleRow): Promise<void> {
  await db.insertInto('access_rules').values(row).execute();
}

export async function listAccessRules(db: Queries, identity_id: string, page: Page): Promise<AccessRuleRow[]> {
  return await db
    .selectFrom('access_rules')
    .select(accessRules.columns)
    .where('identity_id', '=', identity_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

/** Lists all access rules of these identities. */
export async function listAccessRulesOf(db: Queries, identity_ids: string[]): Promise<AccessRuleRow[]> {
  if (identity_ids.length === 0) return [];
  return await db
    .selectFrom('access_rules')
    .select(accessRules.columns)
    .where('identity_id', 'in', identity_ids)
    .orderBy('id')
    .execute();
}

export async function findAccessRule(db: Queries, identity_id: string, id: string): Promise<AccessRuleRow | undefined> {
  return await db
    .selectFrom('access_rules')
    .select(accessRules.columns)
    .where('identity_id', '=', identity_id)
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function updateAccessRule(db: Queries, id: string, values: string[]): Promise<AccessRuleRow> {
  return await db
    .updateTable('access_rules')
    .set((eb) => ({ values, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(accessRules.columns)
    .executeTakeFirstOrThrow();
}

export async function deleteAccessRule(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('access_rules').where('id', '=', id).execute();
}
