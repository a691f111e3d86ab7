import { sql } from 'kysely';
import type { Choice, Reach } from '../../core/inheritance.ts';
import { columnsOf } from '../../database/columns.ts';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import { assignments } from '../../entities/assignments.ts';
import type { Row } from '../../entities/entity.ts';
import { managedIdentities } from '../../entities/managedidentities.ts';
import type { Namespace } from '../namespaces/namespaces.ts';
import type { ManagedIdentity } from './identities.ts';

/** An identity assigned to a workspace, with its profile (empty: unnamed) and principal (empty: everyone). */
export type AssignedIdentity = ManagedIdentity &
  Pick<Assignment, 'profile' | 'principal_id'> & { assignment_id: string; assigned_at: Date };

/** An assigned identity, with its reach along the lineage of the workspace. */
export interface ReachingIdentity extends AssignedIdentity {
  reach: Reach;
}

type Key = 'workspace_id' | 'principal_id' | 'type' | 'profile' | 'identity_id';

/**
 * Finds the assignment with these values. The condition names the columns of one of the two unique constraints, so that
 * PostgreSQL reads the index that the insert checks: it then reports a concurrent insert as a serialization conflict, which
 * is retried, and not as a unique violation.
 */
export async function findAssignment(
  db: Queries,
  key: Pick<Assignment, Exclude<Key, 'identity_id'>> | Pick<Assignment, Exclude<Key, 'type' | 'profile'>>,
): Promise<Assignment | undefined> {
  let query = db.selectFrom('assignments').select(assignments.columns);
  for (const [column, value] of Object.entries(key)) query = query.where(column as Key, '=', value);
  return await query.executeTakeFirst();
}

/**
 * Returns the cursor of a row in a list of assigned identities: identity and principal identify an assignment of a workspace.
 */
export function assignedCursor({ id, principal_id }: Pick<AssignedIdentity, 'id' | 'principal_id'>): string {
  return `${id} ${principal_id}`;
}

function beginOf({ after = ' ' }: Page): [identity_id: string, principal_id: string] {
  const at = after.indexOf(' ');
  return [after.slice(0, at), after.slice(at + 1)];
}

const columns = sql`${sql.raw(columnsOf(managedIdentities, 'm').join(', '))}, g.path AS group_path, g.lineage, a.id AS assignment_id,
  a.profile, a.principal_id, a.created_at AS assigned_at`;

const ofIdentity = sql`JOIN managed_identities AS m ON m.id = a.identity_id JOIN namespaces AS g ON g.id = m.group_id`;

/** Lists the identities assigned to a workspace, for everyone and for single principals. */
export async function listAssignedIdentities(
  db: Queries,
  workspace_id: string,
  page: Page,
): Promise<AssignedIdentity[]> {
  const [identity_id, principal_id] = beginOf(page);
  const { rows } = await sql<AssignedIdentity>`
    SELECT ${columns} FROM (
      SELECT id, identity_id, profile, principal_id, created_at FROM assignments
      WHERE workspace_id = ${workspace_id} AND (identity_id, principal_id) > (${identity_id}, ${principal_id})
      ORDER BY identity_id, principal_id LIMIT ${page.limit}
    ) AS a ${ofIdentity} ORDER BY a.identity_id, a.principal_id`.execute(db);
  return rows;
}

/**
 * Lists the identities that are assigned to `principals`, each with its reach. Reads a page for each principal, so that the
 * cost of a page does not depend on the number of other assignments in the workspace.
 */
export async function listAssignedTo(
  db: Queries,
  workspace: { id: string; lineage: string[] },
  principals: string[],
  page: Page,
): Promise<ReachingIdentity[]> {
  const [identity_id, principal_id] = beginOf(page);
  const { rows } = await sql<AssignedIdentity & Reach>`
    SELECT ${columns},
      ARRAY(SELECT m.group_id UNION ALL SELECT group_id FROM identity_aliases
        WHERE identity_id = m.id AND group_id = ANY (${workspace.lineage}::text[])) AS group_ids,
      ARRAY(SELECT namespace_id FROM identity_masks
        WHERE identity_id = m.id AND namespace_id = ANY (${workspace.lineage}::text[])) AS masked_in
    FROM (
      SELECT own.* FROM unnest(${principals}::text[]) AS runner (id), LATERAL (
        SELECT id, identity_id, profile, principal_id, created_at FROM assignments
        WHERE workspace_id = ${workspace.id} AND principal_id = runner.id AND identity_id >= ${identity_id}
          AND (identity_id, principal_id) > (${identity_id}, ${principal_id})
        ORDER BY identity_id LIMIT ${page.limit}
      ) AS own
      ORDER BY identity_id, principal_id LIMIT ${page.limit}
    ) AS a ${ofIdentity} ORDER BY a.identity_id, a.principal_id`.execute(db);
  return rows.map(({ group_ids, masked_in, ...row }) => ({ ...row, reach: { group_ids, masked_in } }));
}

/** Lists the assignments of `principals` in the types and profiles of these rows. */
export async function listChoicesBeside(
  db: Queries,
  workspace_id: string,
  principals: string[],
  rows: readonly Pick<AssignedIdentity, 'type' | 'profile'>[],
): Promise<Choice[]> {
  const result = await sql<Omit<Choice, 'assigned_at'> & { created_at: Date }>`
    SELECT choice.identity_id, choice.type, choice.profile, choice.principal_id, choice.created_at
    FROM (SELECT DISTINCT * FROM unnest(${rows.map(({ type }) => type)}::text[], ${rows.map(({ profile }) => profile)}::text[])
      AS pair (type, profile)) AS asked
    JOIN assignments AS choice ON choice.workspace_id = ${workspace_id} AND choice.type = asked.type
      AND choice.profile = asked.profile AND choice.principal_id = ANY (${principals}::text[])`.execute(db);
  return result.rows.map(({ created_at, ...choice }) => ({ ...choice, assigned_at: created_at.getTime() }));
}

/** Lists the workspaces that have the identity assigned, with their lineages: a change of its reach may exclude them. */
export async function listAssignedLineages(
  db: Queries,
  identity_id: string,
): Promise<{ id: string; path: string; lineage: string[] }[]> {
  return await db
    .selectFrom('assignments as a')
    .innerJoin('namespaces as w', 'w.id', 'a.workspace_id')
    .select(['w.id', 'w.path', 'w.lineage'])
    .distinct()
    .where('a.identity_id', '=', identity_id)
    .orderBy('w.path')
    .execute();
}

/** Unassigns the identity from these workspaces. */
export async function deleteAssignmentsIn(db: Queries, identity_id: string, workspace_ids: string[]): Promise<void> {
  if (workspace_ids.length === 0) return;
  await db
    .deleteFrom('assignments')
    .where('identity_id', '=', identity_id)
    .where('workspace_id', 'in', workspace_ids)
    .execute();
}

export interface Assignment extends Row<typeof assignments> {}

export async function insertAssignment(db: Queries, row: Assignment): Promise<void> {
  await db.insertInto('assignments').values(row).execute();
}

export async function findAssignmentById(
  db: Queries,
  workspace_id: string,
  id: string,
): Promise<Assignment | undefined> {
  return await db
    .selectFrom('assignments')
    .select(assignments.columns)
    .where('id', '=', id)
    .where('workspace_id', '=', workspace_id)
    .executeTakeFirst();
}

/** Lists the assignments of an identity to a workspace: first the one for everyone, then those for one principal each. */
export async function listAssignmentsOf(db: Queries, workspace_id: string, identity_id: string): Promise<Assignment[]> {
  return await db
    .selectFrom('assignments')
    .select(assignments.columns)
    .where('workspace_id', '=', workspace_id)
    .where('identity_id', '=', identity_id)
    .orderBy('principal_id')
    .execute();
}

export async function deleteAssignments(db: Queries, ids: string[]): Promise<void> {
  await db.deleteFrom('assignments').where('id', 'in', ids).execute();
}

/** Returns the workspace that has the identity, where exactly one has. */
export async function findOnlyAssignedWorkspace(db: Queries, identity_id: string): Promise<Namespace | undefined> {
  const rows = await db
    .selectFrom('namespaces')
    .innerJoin('assignments as a', 'a.workspace_id', 'namespaces.id')
    .selectAll('namespaces')
    .distinct()
    .where('a.identity_id', '=', identity_id)
    .limit(2)
    .execute();
  return rows.length === 1 ? rows[0] : undefined;
}
