import { sql } from 'kysely';
import type { Reach } from '../../core/inheritance.ts';
import type { Queries } from '../../database/connections.ts';
import type { Namespace } from './namespaces.ts';

/** An assignment in a workspace at or below a namespace, with the reach of its identity. */
export interface AssignedBelow {
  assignment_id: string;
  workspace: string;
  lineage: string[];
  identity: string;
  reach: Reach;
}

export async function listAssignedBelow(db: Queries, namespace_id: string): Promise<AssignedBelow[]> {
  const { rows } = await sql<Omit<AssignedBelow, 'reach'> & Reach>`
    SELECT a.id AS assignment_id, w.path AS workspace, w.lineage, g.path || '/' || m.name AS identity,
      ARRAY(SELECT m.group_id UNION ALL SELECT group_id FROM identity_aliases WHERE identity_id = m.id) AS group_ids,
      ARRAY(SELECT namespace_id FROM identity_masks WHERE identity_id = m.id) AS masked_in
    FROM namespaces AS w
    JOIN assignments AS a ON a.workspace_id = w.id
    JOIN managed_identities AS m ON m.id = a.identity_id
    JOIN namespaces AS g ON g.id = m.group_id
    WHERE w.lineage @> ARRAY[${namespace_id}]
    ORDER BY w.path`.execute(db);
  return rows.map(({ group_ids, masked_in, ...row }) => ({ ...row, reach: { group_ids, masked_in } }));
}

export async function deleteAssignments(db: Queries, ids: string[]): Promise<void> {
  if (ids.length > 0) await db.deleteFrom('assignments').where('id', 'in', ids).execute();
}

/** Returns the number of group levels at and below a namespace: 0 for a workspace. */
export async function readHeight(db: Queries, { id, lineage }: Namespace): Promise<number> {
  const { rows } = await sql<{ deepest: number }>`
    SELECT max(cardinality(lineage) - CASE kind WHEN 'workspace' THEN 1 ELSE 0 END) AS deepest FROM namespaces WHERE lineage @> ARRAY[${id}]`.execute(
    db,
  );
  return rows[0]!.deepest - lineage.length + 1;
}

/** Moves a namespace with everything below it. Paths and lineages change; ids, and so token subjects, do not. */
export async function moveNamespace(db: Queries, moved: Namespace, parent: Namespace): Promise<void> {
  const path = `${parent.path}/${moved.name}`;
  await sql`
    UPDATE namespaces SET
      path = ${path}::text || substr(path, ${moved.path.length + 1}::int),
      lineage = ${parent.lineage}::text[] || lineage[${moved.lineage.length}::int:],
      parent_id = CASE WHEN id = ${moved.id} THEN ${parent.id} ELSE parent_id END,
      version = version + 1
    WHERE lineage @> ARRAY[${moved.id}]`.execute(db);
}

/** Renames a namespace. The paths of everything below it change; ids, and so token subjects, do not. */
export async function renameNamespace(
  db: Queries,
  { id, path }: Namespace,
  after: { path: string; name: string },
): Promise<void> {
  await sql`
    UPDATE namespaces SET
      path = ${after.path}::text || substr(path, ${path.length + 1}::int),
      name = CASE WHEN id = ${id} THEN ${after.name} ELSE name END,
      version = version + 1
    WHERE lineage @> ARRAY[${id}]`.execute(db);
}

/** An identity whose tokens show paths at or below a namespace: its own, or those of workspaces. */
export interface ShownIdentity {
  id: string;
  path: string;
  type: string;
  settings: unknown;
  /** Its group is at or below the namespace. */
  is_below: boolean;
  /** It is assigned to a workspace at or below the namespace. */
  is_used_below: boolean;
}

/** Lists by path the first identities whose tokens show paths at or below a namespace, with their number. */
export async function listShownIdentities(
  db: Queries,
  namespace_id: string,
  limit: number,
): Promise<{ identities: ShownIdentity[]; total: number }> {
  const { rows } = await sql<ShownIdentity & { total: string | number }>`
    WITH below AS (SELECT id FROM namespaces WHERE lineage @> ARRAY[${namespace_id}]),
    shown AS (
      SELECT id, bool_or(is_below) AS is_below, bool_or(NOT is_below) AS is_used_below FROM (
        SELECT m.id, true AS is_below FROM managed_identities AS m JOIN below ON below.id = m.group_id
        UNION
        SELECT a.identity_id, false FROM assignments AS a JOIN below ON below.id = a.workspace_id
      ) AS found GROUP BY id
    )
    SELECT m.id, g.path || '/' || m.name AS path, m.type, m.settings, shown.is_below, shown.is_used_below,
      count(*) OVER () AS total
    FROM shown JOIN managed_identities AS m ON m.id = shown.id JOIN namespaces AS g ON g.id = m.group_id
    ORDER BY path LIMIT ${limit}`.execute(db);
  return {
    identities: rows.map(({ total: _, ...identity }) => identity),
    total: Number(rows[0]?.total ?? 0),
  };
}

/**
 * Lists, as `identity in workspace`, the assignments elsewhere of identities at and below a namespace: workspaces that reach
 * them by an alias, and would lose them.
 */
export async function listAssignedElsewhere(db: Queries, namespace_id: string): Promise<string[]> {
  const { rows } = await sql<{ lost: string }>`
    SELECT DISTINCT g.path || '/' || m.name || ' in ' || w.path AS lost
    FROM namespaces AS g
    JOIN managed_identities AS m ON m.group_id = g.id
    JOIN assignments AS a ON a.identity_id = m.id
    JOIN namespaces AS w ON w.id = a.workspace_id
    WHERE g.lineage @> ARRAY[${namespace_id}] AND NOT w.lineage @> ARRAY[${namespace_id}]
    ORDER BY lost`.execute(db);
  return rows.map(({ lost }) => lost);
}

/**
 * Deletes everything at and below a namespace, and what its service accounts were granted elsewhere. Returns the number of
 * rows by noun.
 */
export async function deleteTree(db: Queries, id: string): Promise<Record<string, number>> {
  // Deletes by ids. With subqueries PostgreSQL may read whole tables, and concurrent changes then conflict with the read.
  const below = await idsOf(db, sql`SELECT id FROM namespaces WHERE lineage @> ARRAY[${id}]`);
  // A deleted service account outlives its group, with the jobs that it started elsewhere.
  await sql`UPDATE service_accounts SET group_id = organization_id
    WHERE group_id = ANY (${below}::text[]) AND deleted_at IS NOT NULL AND organization_id <> ALL (${below}::text[])`.execute(
    db,
  );
  const accounts = await idsOf(db, sql`SELECT id FROM service_accounts WHERE group_id = ANY (${below}::text[])`);
  const remove = async (table: string, ...wheres: ReturnType<typeof sql>[]) => {
    let count = 0;
    for (const where of wheres)
      count += Number((await sql`DELETE FROM ${sql.table(table)} WHERE ${where}`.execute(db)).numAffectedRows ?? 0);
    return count;
  };
  const isIn = (column: string, ids: string[]) => sql`${sql.ref(column)} = ANY (${ids}::text[])`;
  return {
    jobs: await remove('jobs', isIn('workspace_id', below), isIn('launcher_id', accounts)),
    given: await remove('memberships', isIn('principal_id', accounts)),
    grants: await remove('use_grants', isIn('principal_id', accounts)),
    choices: await remove('assignments', sql`${isIn('principal_id', accounts)} AND principal_id <> ''`),
    aliases: await remove('identity_aliases', isIn('group_id', below)),
    'managed identities': await remove('managed_identities', isIn('group_id', below)),
    'service accounts': await remove('service_accounts', isIn('group_id', below)),
    'groups and workspaces': await remove('namespaces', isIn('id', below)),
  };
}

async function idsOf(db: Queries, statement: ReturnType<typeof sql>): Promise<string[]> {
  const { rows } = await statement.execute(db);
  return rows.map((row) => (row as { id: string }).id);
}
