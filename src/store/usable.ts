import { sql } from 'kysely';
import type { Reach } from '../core/inheritance.ts';
import type { Queries } from './database.ts';
import type { ManagedIdentity } from './identities.ts';
import type { Page } from './namespaces.ts';

export interface Candidate extends ManagedIdentity {
  reach: Reach;
}

/** Identities with a source or alias in one of `group_ids`, by id, each with where it reaches. `search` is part of a name. */
export async function candidates(
  db: Queries,
  filter: { group_ids: string[]; search?: string | undefined; type?: string | undefined },
  page: Page,
): Promise<Candidate[]> {
  const { rows } = await sql<ManagedIdentity & Reach>`
    SELECT m.id, m.organization_id, m.group_id, m.name, m.type, m.description, m.settings, m.subject_scope, m.delivery,
      m.token_lifetime, m.created_at, m.version, g.path AS group_path, g.lineage,
      ARRAY(SELECT m.group_id UNION ALL SELECT group_id FROM identity_aliases WHERE identity_id = m.id) AS group_ids,
      ARRAY(SELECT namespace_id FROM identity_masks WHERE identity_id = m.id) AS masked_in
    FROM managed_identities AS m JOIN namespaces AS g ON g.id = m.group_id
    WHERE m.id > ${page.after ?? ''}
      AND m.id IN (
        SELECT id FROM managed_identities WHERE group_id = ANY (${filter.group_ids}::text[])
        UNION SELECT identity_id FROM identity_aliases WHERE group_id = ANY (${filter.group_ids}::text[]))
      AND (${filter.search ?? null}::text IS NULL OR position(${filter.search ?? null}::text IN m.name) > 0)
      AND (${filter.type ?? null}::text IS NULL OR m.type = ${filter.type ?? null}::text)
    ORDER BY m.id LIMIT ${page.limit}`.execute(db);
  return rows.map(({ group_ids, masked_in, ...row }) => ({ ...row, reach: { group_ids, masked_in } }));
}
