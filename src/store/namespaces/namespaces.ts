import { type SelectQueryBuilder, sql } from 'kysely';
import { idPrefixes, isId } from '../../core/ids.ts';
import type { Queries } from '../../database/connections.ts';
import { beginsWith, isAfterName, isBelow, orderByName, type Page } from '../../database/page.ts';
import type { Tables } from '../../database/tables.ts';
import type { Changed, Row } from '../../entities/entity.ts';
import { groups } from '../../entities/namespaces.ts';
import { effectiveDeadline } from '../jobs/jobs.ts';

export interface Namespace extends Row<typeof groups> {}

/** Finds a namespace of the kind by id or path. */
export async function findNamespace(
  db: Queries,
  kind: Namespace['kind'] | 'any',
  ref: string,
): Promise<Namespace | undefined> {
  const by = isId('group', ref) || isId('workspace', ref) ? 'id' : 'path';
  const row = await db.selectFrom('namespaces').select(groups.columns).where(by, '=', ref).executeTakeFirst();
  return row !== undefined && (kind === 'any' || row.kind === kind) ? row : undefined;
}

export async function insertNamespace(db: Queries, row: Namespace): Promise<void> {
  await db.insertInto('namespaces').values(row).execute();
}

export async function updateNamespace(db: Queries, id: string, change: Changed<typeof groups>): Promise<Namespace> {
  return await db
    .updateTable('namespaces')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(groups.columns)
    .executeTakeFirstOrThrow();
}

/** Counts by noun what prevents the deletion of a namespace; empty where nothing does. Ended jobs do not. */
export async function countContents(db: Queries, { id, kind }: Namespace, now: Date): Promise<Record<string, number>> {
  const counts =
    kind === 'workspace'
      ? {
          'running jobs': await countRows(
            db
              .selectFrom('jobs')
              .where('workspace_id', '=', id)
              .where('ended_at', 'is', null)
              .where(sql<boolean>`${sql.raw(effectiveDeadline('jobs'))} > ${now}`),
          ),
        }
      : {
          'groups and workspaces': await countRows(db.selectFrom('namespaces').where('parent_id', '=', id)),
          'managed identities': await countRows(db.selectFrom('managed_identities').where('group_id', '=', id)),
          'service accounts': await countRows(
            db.selectFrom('service_accounts').where('group_id', '=', id).where('deleted_at', 'is', null),
          ),
          users: await countRows(db.selectFrom('users').where('organization_id', '=', id)),
        };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

async function countRows<Table extends keyof Tables>(
  query: SelectQueryBuilder<Tables, Table, object>,
): Promise<number> {
  const row = await query.select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow();
  return Number((row as { count: unknown }).count);
}

/** Filters of a list of groups or workspaces. */
export interface NamespaceFilter {
  /** The beginning of the name. The list is then ordered by it. */
  q?: string | undefined;
  /** The type of an identity: groups that have one, workspaces that one is assigned to. */
  type?: string | undefined;
}

/** Lists the namespaces of a kind at and below any of `roots`: by id, or with `q` by name. */
export async function listNamespaces(
  db: Queries,
  filter: { kind: Namespace['kind']; organization_id: string; roots: string[] } & NamespaceFilter,
  page: Page,
): Promise<Namespace[]> {
  const { kind, organization_id, q, type } = filter;
  const query = db
    .selectFrom('namespaces')
    .select(groups.columns)
    .where('organization_id', '=', organization_id)
    .where('kind', '=', kind)
    .$if(type !== undefined, (list) => list.where('id', 'in', selectByType(db, kind, organization_id, type!)))
    .$if(!filter.roots.includes(filter.organization_id), (query) => query.where(isBelow('lineage', filter.roots)))
    .limit(page.limit);
  return await (q === undefined
    ? // Ids begin with their kind: the first page of workspaces skips the groups.
      query.where('id', '>', page.after ?? idPrefixes[kind]).orderBy('id')
    : query
        .where(beginsWith('name', q))
        .where(isAfterName('name', 'id', page.after))
        .orderBy(orderByName('name'))
        .orderBy('id')
  ).execute();
}

/** Returns the query for the groups that have an identity of a type, or the workspaces that one is assigned to. */
function selectByType(db: Queries, kind: Namespace['kind'], organization_id: string, type: string) {
  return kind === 'group'
    ? db
        .selectFrom('managed_identities')
        .select('group_id as id')
        .where('organization_id', '=', organization_id)
        .where('type', '=', type)
    : db
        .selectFrom('assignments')
        .select('workspace_id as id')
        .where('organization_id', '=', organization_id)
        .where('type', '=', type);
}

/** Returns the id of the organisation where there is exactly one. */
export async function findOnlyOrganization(db: Queries): Promise<string | undefined> {
  const rows = await db.selectFrom('namespaces').select('id').where('parent_id', 'is', null).limit(2).execute();
  return rows.length === 1 ? rows[0]!.id : undefined;
}

export async function countOrganizations(db: Queries): Promise<number> {
  return await countRows(db.selectFrom('namespaces').where('parent_id', 'is', null));
}
