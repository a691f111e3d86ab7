import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import type { Page } from './namespaces.ts';
import type { Tables } from './tables.ts';

export type AccessRuleRow = Selectable<Tables['access_rules']>;
export type OrganizationSettings = Selectable<Tables['organization_settings']>;

const columns = ['id', 'identity_id', 'organization_id', 'kind', 'values', 'created_at', 'version'] as const;

export async function insertAccessRule(db: Queries, row: AccessRuleRow): Promise<void> {
  await db.insertInto('access_rules').values(row).execute();
}

export async function listAccessRules(db: Queries, identity_id: string, page: Page): Promise<AccessRuleRow[]> {
  return await db
    .selectFrom('access_rules')
    .select(columns)
    .where('identity_id', '=', identity_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export async function findAccessRule(db: Queries, identity_id: string, id: string): Promise<AccessRuleRow | undefined> {
  return await db
    .selectFrom('access_rules')
    .select(columns)
    .where('identity_id', '=', identity_id)
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function updateAccessRule(db: Queries, id: string, values: string[]): Promise<AccessRuleRow> {
  return await db
    .updateTable('access_rules')
    .set((eb) => ({ values, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirstOrThrow();
}

export async function deleteAccessRule(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('access_rules').where('id', '=', id).execute();
}

/** An organisation that chose nothing has the defaults. */
export async function settingsOf(db: Queries, organization_id: string): Promise<OrganizationSettings> {
  const row = await db
    .selectFrom('organization_settings')
    .select(['organization_id', 'identities_without_rules', 'allowed_issuers', 'version'])
    .where('organization_id', '=', organization_id)
    .executeTakeFirst();
  return row ?? { organization_id, identities_without_rules: 'open', allowed_issuers: null, version: 0 };
}

export async function saveSettings(
  db: Queries,
  organization_id: string,
  change: Partial<Pick<OrganizationSettings, 'identities_without_rules' | 'allowed_issuers'>>,
): Promise<OrganizationSettings> {
  const { version, ...before } = await settingsOf(db, organization_id);
  const after = { ...before, ...change, version: version + 1 };
  await db
    .insertInto('organization_settings')
    .values(after)
    .onConflict((conflict) => conflict.column('organization_id').doUpdateSet(after))
    .execute();
  return after;
}
