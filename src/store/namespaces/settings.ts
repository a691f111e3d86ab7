import type { Queries } from '../../database/connections.ts';
import type { Changed, Row } from '../../entities/entity.ts';
import { organizationSettings } from '../../entities/organizationsettings.ts';

export interface OrganizationSettings extends Row<typeof organizationSettings> {}

/** Returns the settings of an organisation; the defaults where none were saved. */
export async function readOrganizationSettings(db: Queries, organization_id: string): Promise<OrganizationSettings> {
  const row = await db
    .selectFrom('organization_settings')
    .select(organizationSettings.columns)
    .where('organization_id', '=', organization_id)
    .executeTakeFirst();
  return row ?? { organization_id, identities_without_rules: 'open', allowed_issuers: null, version: 0 };
}

export async function saveSettings(
  db: Queries,
  organization_id: string,
  change: Changed<typeof organizationSettings>,
): Promise<OrganizationSettings> {
  const { version, ...before } = await readOrganizationSettings(db, organization_id);
  const after = { ...before, ...change, version: version + 1 };
  await db
    .insertInto('organization_settings')
    .values(after)
    .onConflict((conflict) => conflict.column('organization_id').doUpdateSet(after))
    .execute();
  return after;
}
