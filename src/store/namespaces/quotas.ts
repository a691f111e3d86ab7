import { CompiledQuery } from 'kysely';
import { loginTombstone } from '../../core/lifetimes.ts';
import { type QuotaName, quotas } from '../../core/quotas.ts';
import type { Queries } from '../../database/connections.ts';
import { effectiveDeadline } from '../jobs/jobs.ts';

export interface QuotaKey {
  name: QuotaName;
  /** The organisation whose quota value applies; null: the organisation of the holder, which is a principal. */
  organization_id: string | null;
  /** The id, or space-separated ids, that the quota is counted for. */
  holder: string;
}

export interface QuotaUse {
  used: number;
  value: number;
}

/** SQL that counts the use of each quota: rows or bytes. `asked` holds the parameters. An index serves each expression. */
const counted: Record<QuotaName, string> = {
  groups: rows(`namespaces WHERE organization_id = (SELECT holder FROM asked) AND kind = 'group'
    AND id <> (SELECT holder FROM asked)`),
  workspaces: rows(`namespaces WHERE organization_id = (SELECT holder FROM asked) AND kind = 'workspace'`),
  managed_identities: rows(of('managed_identities')),
  audiences: rows(of('audiences')),
  users: rows(`${of('users')}
    AND (deleted_at IS NULL OR deleted_at > (SELECT now FROM asked) - interval '${loginTombstone} seconds')`),
  former_logins_per_user: rows(live(of('former_logins', 'user_id'))),
  user_ties: rows(of('user_ties')),
  invitations: rows(`${of('invitations')} AND accepted_at IS NULL`),
  memberships: rows(of('memberships')),
  memberships_per_principal: rows(of('memberships', 'principal_id')),
  teams: rows(of('teams')),
  team_members: rows(of('team_members', 'team_id')),
  teams_per_user: rows(of('team_members', 'user_id')),
  service_accounts: rows(`${of('service_accounts')} AND deleted_at IS NULL`),
  secrets_per_service_account: rows(live(of('service_account_secrets', 'service_account_id'))),
  trust_rules_per_service_account: rows(of('service_account_trust_rules', 'service_account_id')),
  access_tokens: rows(
    live(`${of('oidc_artifacts', 'principal_id')} AND model IN ('AccessToken', 'ClientCredentials')`),
  ),
  sign_ins: rows(
    live(
      `${of('oidc_artifacts', 'principal_id')} AND model IN ('Session', 'Grant', 'RefreshToken') AND consumed_at IS NULL`,
    ),
  ),
  may_act: rows(of('may_act')),
  may_act_per_service_account: rows(of('may_act', 'service_account_id')),
  may_act_bytes: `(SELECT coalesce(sum(60
    + (SELECT coalesce(sum(octet_length(entry) + 4), 0) FROM unnest(users || stages) AS entry)
    + (SELECT coalesce(sum(octet_length(key) + octet_length(value) + 8), 0) FROM jsonb_each_text(labels))), 0)::bigint
    FROM may_act WHERE service_account_id = split_part((SELECT holder FROM asked), ' ', 1)
      AND namespace_id = split_part((SELECT holder FROM asked), ' ', 2))`,
  use_grants_per_identity: rows(of('use_grants', 'identity_id')),
  subject_grants_per_identity: rows(of('subject_grants', 'identity_id')),
  access_rules_per_identity: rows(of('access_rules', 'identity_id')),
  access_rule_bytes: `(SELECT coalesce(sum(octet_length(entry) + 4), 0)::bigint
    FROM access_rules, unnest(values) AS entry WHERE identity_id = (SELECT holder FROM asked))`,
  aliases_per_identity: rows(of('identity_aliases', 'identity_id')),
  masks_per_identity: rows(of('identity_masks', 'identity_id')),
  assignments: rows(of('assignments')),
  assignments_per_workspace: rows(of('assignments', 'workspace_id')),
  running_jobs: rows(running(of('jobs'))),
  running_jobs_per_launcher: rows(running(of('jobs', 'started_by'))),
  running_jobs_per_user: rows(running(of('jobs', 'started_by'))),
  array_tasks_per_job: rows(of('jobs', 'parent_id')),
  idempotency_keys: rows(of('idempotency_keys')),
};

/** Counts up to one row more than the quota, which is enough to know that it is reached. */
function rows(source: string): string {
  return `(SELECT count(*) FROM (SELECT FROM ${source} LIMIT (SELECT value + 1 FROM valid)) AS found)`;
}

function of(table: string, column = 'organization_id'): string {
  return `${table} WHERE ${column} = (SELECT holder FROM asked)`;
}

function live(source: string): string {
  return `${source} AND (expires_at IS NULL OR expires_at > (SELECT now FROM asked))`;
}

/** Excludes jobs past their effective deadline, even before the sweep has set their `ended_at`. */
function running(source: string): string {
  return `${source} AND ended_at IS NULL AND ${effectiveDeadline('jobs')} > (SELECT now FROM asked)`;
}

/** Returns how much of a quota is used, up to one more than its value. In a transaction, its own changes count. */
export async function readQuotaUse(db: Queries, key: QuotaKey, now: Date): Promise<QuotaUse> {
  const { rows } = await db.executeQuery<QuotaUse>(
    CompiledQuery.raw(
      `WITH asked AS (
        SELECT $1::text AS name, $2::text AS organization_id, $3::text AS holder, $4::bigint AS initial, $5::timestamptz AS now
      ), owning AS (
        SELECT coalesce(organization_id, (SELECT organization_id FROM users WHERE id = holder),
          (SELECT organization_id FROM service_accounts WHERE id = holder)) AS id FROM asked
      ), valid AS (
        SELECT coalesce((SELECT value FROM organization_quotas AS changed
          WHERE changed.organization_id = owning.id AND changed.name = asked.name), initial) AS value FROM asked, owning
      )
      SELECT ${counted[key.name]} AS used, (SELECT value FROM valid) AS value`,
      [key.name, key.organization_id, key.holder, quotas[key.name].default, now],
    ),
  );
  return rows[0]!;
}

/** Returns the quota values that an operator set for an organisation. */
export async function readQuotas(db: Queries, organization_id: string): Promise<Partial<Record<QuotaName, number>>> {
  const found = await db
    .selectFrom('organization_quotas')
    .select(['name', 'value'])
    .where('organization_id', '=', organization_id)
    .execute();
  return Object.fromEntries(found.map(({ name, value }) => [name, value]));
}

/** Sets quota values. Null restores the default. */
export async function saveQuotas(
  db: Queries,
  organization_id: string,
  changes: Partial<Record<QuotaName, number | null>>,
): Promise<void> {
  const entries = Object.entries(changes);
  const names = entries.map(([name]) => name);
  if (names.length === 0) return;
  await db
    .deleteFrom('organization_quotas')
    .where('organization_id', '=', organization_id)
    .where('name', 'in', names)
    .execute();
  const values = entries.flatMap(([name, value]) => (value === null ? [] : [{ organization_id, name, value }]));
  if (values.length > 0) await db.insertInto('organization_quotas').values(values).execute();
}
