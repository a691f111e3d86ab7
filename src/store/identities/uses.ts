import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';
import { isBelow, type Page } from '../../database/page.ts';
import type { Assignment } from './assignments.ts';

/** An assignment of an identity, with the lineage of its workspace. */
export type IdentityUse = Pick<Assignment, 'id' | 'workspace_id' | 'profile' | 'principal_id' | 'created_at'> & {
  lineage: string[];
};

/** Lists the assignments of an identity to workspaces at and below any of `roots`, by id. */
export async function listIdentityUses(
  db: Queries,
  identity: { id: string; organization_id: string },
  roots: string[],
  page: Page,
): Promise<IdentityUse[]> {
  return await db
    .selectFrom('assignments as a')
    .innerJoin('namespaces as w', 'w.id', 'a.workspace_id')
    .select(['a.id', 'a.workspace_id', 'a.profile', 'a.principal_id', 'a.created_at', 'w.lineage'])
    .where('a.identity_id', '=', identity.id)
    .$if(!roots.includes(identity.organization_id), (query) => query.where(isBelow('w.lineage', roots)))
    .where('a.id', '>', page.after ?? '')
    .orderBy('a.id')
    .limit(page.limit)
    .execute();
}

/** An alias of an identity in a group of a lineage. */
export interface AliasAlong {
  id: string;
  group_id: string;
  path: string;
}

/** Lists the aliases of an identity in any of these groups. */
export async function listAliasesIn(db: Queries, identity_id: string, group_ids: string[]): Promise<AliasAlong[]> {
  const { rows } = await sql<AliasAlong>`
    SELECT a.id, a.group_id, g.path || '/' || a.name AS path FROM identity_aliases AS a
    JOIN namespaces AS g ON g.id = a.group_id
    WHERE a.identity_id = ${identity_id} AND a.group_id = ANY (${group_ids}::text[]) ORDER BY path`.execute(db);
  return rows;
}
