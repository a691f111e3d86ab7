import { sql } from 'kysely';
import type { Reach } from '../../core/inheritance.ts';
import { columnsOf } from '../../database/columns.ts';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import { managedIdentities } from '../../entities/managedidentities.ts';
import type { ManagedIdentity } from './identities.ts';

const columns = sql.raw(columnsOf(managedIdentities, 'm').join(', '));

export interface Candidate extends ManagedIdentity {
  reach: Reach;
}

/**
 * Lists by id the identities with a source or alias in one of `group_ids` (a lineage), each with its reach along that
 * lineage. `search` is part of a name.
 */
export async function listCandidates(
  db: Queries,
  filter: { group_ids: string[]; search?: string | undefined; type?: string | undefined },
  page: Page,
): Promise<Candidate[]> {
  const { group_ids, search = null, type = null } = filter;
  const pageOfGroup = sql`m.id > ${page.after ?? ''}
    AND (${search}::text IS NULL OR position(${search}::text IN m.name) > 0)
    AND (${type}::text IS NULL OR m.type = ${type}::text)
    ORDER BY m.id LIMIT ${page.limit}`;
  const { rows } = await sql<ManagedIdentity & Reach>`
    WITH place AS (SELECT id FROM unnest(${group_ids}::text[]) AS id)
    SELECT ${columns}, g.path AS group_path, g.lineage,
      ARRAY(SELECT m.group_id UNION ALL SELECT group_id FROM identity_aliases
        WHERE identity_id = m.id AND group_id = ANY (${group_ids}::text[])) AS group_ids,
      ARRAY(SELECT namespace_id FROM identity_masks
        WHERE identity_id = m.id AND namespace_id = ANY (${group_ids}::text[])) AS masked_in
    FROM (
      SELECT own.id FROM place, LATERAL (
        SELECT m.id FROM managed_identities AS m WHERE m.group_id = place.id AND ${pageOfGroup}) AS own
      UNION
      SELECT other.id FROM place, LATERAL (
        SELECT m.id FROM identity_aliases AS a JOIN managed_identities AS m ON m.id = a.identity_id
        WHERE a.group_id = place.id AND ${pageOfGroup}) AS other
      ORDER BY id LIMIT ${page.limit}
    ) AS found JOIN managed_identities AS m ON m.id = found.id JOIN namespaces AS g ON g.id = m.group_id
    ORDER BY m.id`.execute(db);
  return rows.map(({ group_ids, masked_in, ...row }) => ({ ...row, reach: { group_ids, masked_in } }));
}
