import { sql } from 'kysely';
import { quotas } from '../../core/quotas.ts';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { trustRules } from '../../entities/trustrules.ts';

export interface TrustRuleRow extends Row<typeof trustRules> {}

export async function insertTrustRule(db: Queries, row: TrustRuleRow): Promise<void> {
  await db.insertInto('service_account_trust_rules').values(row).execute();
}

/**
 * Lists the trust rules of an account, oldest first. Without `page` lists all: a token of an outside issuer may match any.
 */
export async function listTrustRules(
  db: Queries,
  service_account_id: string,
  page: Page = { after: undefined, limit: quotas.trust_rules_per_service_account.maximum },
): Promise<TrustRuleRow[]> {
  return await db
    .selectFrom('service_account_trust_rules')
    .select(trustRules.columns)
    .where('service_account_id', '=', service_account_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export async function findTrustRule(
  db: Queries,
  service_account_id: string,
  id: string,
): Promise<TrustRuleRow | undefined> {
  return await db
    .selectFrom('service_account_trust_rules')
    .select(trustRules.columns)
    .where('service_account_id', '=', service_account_id)
    .where('id', '=', id)
    .executeTakeFirst();
}

/** Deletes a trust rule with the access tokens that were issued by it. Returns false where the account has no such rule. */
export async function deleteTrustRule(db: Queries, service_account_id: string, id: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('service_account_trust_rules')
    .where('id', '=', id)
    .where('service_account_id', '=', service_account_id)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/** Returns whether the rule exists, its service account is active and the organisation allows its issuer. */
export async function isAdmitting(db: Queries, id: string): Promise<boolean> {
  const { rows } = await sql`SELECT FROM service_account_trust_rules AS rule
    JOIN service_accounts AS account ON account.id = rule.service_account_id AND account.is_active
    LEFT JOIN organization_settings AS settings ON settings.organization_id = rule.organization_id
    WHERE rule.id = ${id} AND (settings.allowed_issuers IS NULL OR rule.issuer = ANY (settings.allowed_issuers))
  `.execute(db);
  return rows.length === 1;
}

/** Deletes the access tokens that accounts of the organisation got by tokens of issuers other than these. */
export async function endTokensOfOtherIssuers(db: Queries, organization_id: string, issuers: string[]): Promise<void> {
  let rules = db.selectFrom('service_account_trust_rules').select('id').where('organization_id', '=', organization_id);
  if (issuers.length > 0) rules = rules.where('issuer', 'not in', issuers);
  await db.deleteFrom('oidc_artifacts').where('trust_rule_id', 'in', rules).execute();
}
