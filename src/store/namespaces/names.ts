import { type RawBuilder, sql } from 'kysely';
import { type IdKind, isId } from '../../core/ids.ts';
import type { Queries } from '../../database/connections.ts';

/** A thing by its name for people. */
export interface NamedThing {
  id: string;
  /** The login of a user, the name of a team, else the path. */
  name: string;
  /** The lineage of the group or workspace where it is; null for users and teams. */
  lineage: string[] | null;
}

/** For each kind, the statement that names things by id. */
const statements: readonly (readonly [
  IdKind[],
  (ids: string[], organization_id: string | null) => RawBuilder<unknown>,
])[] = [
  [
    ['user'],
    (ids, of) => sql`SELECT id, login AS name, NULL::text[] AS lineage FROM users
        WHERE id = ANY (${ids}::text[]) AND organization_id IS NOT DISTINCT FROM ${of}`,
  ],
  [
    ['team'],
    (ids, of) => sql`SELECT id, name, NULL::text[] AS lineage FROM teams
        WHERE id = ANY (${ids}::text[]) AND organization_id = ${of}`,
  ],
  [
    ['group', 'workspace'],
    (ids, of) => sql`SELECT id, path AS name, lineage FROM namespaces
        WHERE id = ANY (${ids}::text[]) AND organization_id = ${of}`,
  ],
  [['service_account'], (ids, of) => inGroups('service_accounts', ids, of)],
  [['managed_identity'], (ids, of) => inGroups('managed_identities', ids, of)],
];

function inGroups(table: 'service_accounts' | 'managed_identities', ids: string[], of: string | null) {
  const path = sql`g.path || '/' || t.name`;
  // A service account that was deleted has the path that it had.
  const name = table === 'service_accounts' ? sql`coalesce(t.deleted_path, ${path})` : path;
  return sql`SELECT t.id, ${name} AS name, g.lineage FROM ${sql.table(table)} AS t
    JOIN namespaces AS g ON g.id = t.group_id WHERE t.id = ANY (${ids}::text[]) AND t.organization_id = ${of}`;
}

/**
 * Names the things of an organisation with these ids; null: operators of no organisation. Ids of other kinds and of other
 * organisations have no name.
 */
export async function readNames(db: Queries, organization_id: string | null, ids: string[]): Promise<NamedThing[]> {
  const parts = statements.flatMap(([kinds, statementFor]) => {
    const ofKind = ids.filter((id) => kinds.some((kind) => isId(kind, id)));
    return ofKind.length === 0 ? [] : [statementFor(ofKind, organization_id)];
  });
  if (parts.length === 0) return [];
  return (await sql<NamedThing>`${sql.join(parts, sql` UNION ALL `)}`.execute(db)).rows;
}
