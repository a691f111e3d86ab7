import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { subjectGrants } from '../../entities/subjectgrants.ts';

export interface SubjectGrantRow extends Row<typeof subjectGrants> {}

export async function insertSubjectGrant(db: Queries, row: SubjectGrantRow): Promise<void> {
  await db.insertInto('subject_grants').values(row).execute();
}

export async function listSubjectGrants(db: Queries, identity_id: string, page?: Page): Promise<SubjectGrantRow[]> {
  const query = db
    .selectFrom('subject_grants')
    .select(subjectGrants.columns)
    .where('identity_id', '=', identity_id)
    .orderBy('id');
  return await (page === undefined ? query : query.where('id', '>', page.after ?? '').limit(page.limit)).execute();
}

export async function deleteSubjectGrant(db: Queries, identity_id: string, id: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('subject_grants')
    .where('id', '=', id)
    .where('identity_id', '=', identity_id)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/**
 * A service account that could get tokens of an identity that name a user, and one of the namespaces in which its right to
 * act was granted.
 */
export interface NamingLauncher {
  id: string;
  /** Path of its group and its name. */
  path: string;
  granted_at: string;
}

/**
 * Lists the first launchers, by path, that could name a user in tokens, with their total. With `named` (the ids of a user and
 * of their teams): those that could name this user. Applies the rule of `whoCouldName` (core/subjectgrants.ts) by indexes.
 */
export async function listNamingLaunchers(
  db: Queries,
  identity: { id: string; lineage: string[] },
  named: readonly string[] | undefined,
  limit: number,
): Promise<{ launchers: NamingLauncher[]; total: number }> {
  // A right for its own account alone names no user.
  const isNaming =
    named === undefined ? sql`r.users <> ARRAY[r.service_account_id]` : sql`r.users && ${['*', ...named]}::text[]`;
  const { rows } = await sql<NamingLauncher & { total: string | number }>`
    WITH granted AS (
      SELECT s.launcher_id, s.namespace_id, n.lineage
      FROM subject_grants AS s LEFT JOIN namespaces AS n ON n.id = s.namespace_id
      WHERE s.identity_id = ${identity.id}
    ), counted AS (
      SELECT r.service_account_id, r.namespace_id FROM may_act AS r
      WHERE r.namespace_id = ANY (${identity.lineage}::text[]) AND ${isNaming}
      UNION
      SELECT r.service_account_id, r.namespace_id FROM granted AS s
      JOIN may_act AS r ON r.service_account_id = s.launcher_id
      WHERE (s.namespace_id IS NULL OR r.namespace_id = ANY (s.lineage)) AND ${isNaming}
      UNION
      SELECT r.service_account_id, r.namespace_id FROM granted AS s
      JOIN may_act AS r ON r.namespace_id = ANY (s.lineage)
      WHERE s.launcher_id IS NULL AND ${isNaming}
    )
    SELECT a.id, g.path || '/' || a.name AS path, min(n.path) AS granted_at, count(*) OVER () AS total
    FROM counted
    JOIN service_accounts AS a ON a.id = counted.service_account_id
    JOIN namespaces AS g ON g.id = a.group_id
    JOIN namespaces AS n ON n.id = counted.namespace_id
    WHERE a.is_active
    GROUP BY a.id, g.path, a.name
    ORDER BY path
    LIMIT ${limit}`.execute(db);
  return {
    launchers: rows.map(({ id, path, granted_at }) => ({ id, path, granted_at })),
    total: Number(rows[0]?.total ?? 0),
  };
}
