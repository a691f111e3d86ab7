import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';
import type { ServiceAccount } from './serviceaccounts.ts';

/** Something that ends with a service account: a place of a role, a right or a running job, or an identity of a grant. */
export interface Holding {
  kind: HoldingKind;
  path: string;
  lineage: string[];
}

export type HoldingKind = 'role' | 'right_to_act' | 'assignment' | 'running_job' | 'use_grant' | 'subject_grant';

/** Lists what a service account was given, by kind and path. */
export async function listHoldings(db: Queries, id: string, now: Date): Promise<Holding[]> {
  const { rows } = await sql<Holding>`
    SELECT DISTINCT held.kind, n.path, n.lineage FROM (
      SELECT 'role' AS kind, namespace_id FROM memberships WHERE principal_id = ${id}
      UNION SELECT 'right_to_act', namespace_id FROM may_act WHERE service_account_id = ${id}
      UNION SELECT 'assignment', workspace_id FROM assignments WHERE principal_id = ${id} AND principal_id <> ''
      UNION SELECT 'running_job', workspace_id FROM jobs WHERE started_by = ${id} AND ended_at IS NULL AND deadline > ${now}
    ) AS held JOIN namespaces AS n ON n.id = held.namespace_id
    UNION ALL
    SELECT DISTINCT held.kind, g.path || '/' || m.name, g.lineage FROM (
      SELECT 'use_grant' AS kind, identity_id FROM use_grants WHERE principal_id = ${id}
      UNION SELECT 'subject_grant', identity_id FROM subject_grants WHERE launcher_id = ${id}
    ) AS held JOIN managed_identities AS m ON m.id = held.identity_id JOIN namespaces AS g ON g.id = m.group_id
    ORDER BY kind, path`.execute(db);
  return rows;
}

/** Deletes what a service account has and was given. Keeps the account as a tombstone, for its jobs and the audit. */
export async function buryServiceAccount(db: Queries, { id }: ServiceAccount, path: string, at: Date): Promise<void> {
  for (const table of ['memberships', 'use_grants', 'assignments'] as const)
    await db.deleteFrom(table).where('principal_id', '=', id).where('principal_id', '<>', '').execute();
  for (const table of ['may_act', 'service_account_trust_rules', 'service_account_secrets'] as const)
    await db.deleteFrom(table).where('service_account_id', '=', id).execute();
  await db.deleteFrom('subject_grants').where('launcher_id', '=', id).execute();
  await db
    .updateTable('service_accounts')
    .set((eb) => ({
      // Not a name (`namePattern`): another account could have it already.
      name: `deleted:${id}`,
      is_active: false,
      jwks: null,
      deleted_at: at,
      deleted_path: path,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', id)
    .execute();
}
