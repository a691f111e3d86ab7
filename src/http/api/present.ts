import { identityPath } from '../../services/identities.ts';
import type { Assignment, ManagedIdentity, UseGrant } from '../../store/identities.ts';
import type { Job } from '../../store/jobs.ts';
import type { MembershipRow } from '../../store/memberships.ts';
import type { Namespace, Page } from '../../store/namespaces.ts';
import type { MayActRow, ServiceAccount, User } from '../../store/principals.ts';
import { encodeCursor } from './cursors.ts';

/** How rows look on the wire: snake_case, RFC 3339 in UTC, and no column that is only ours. */
export function presentNamespace(row: Namespace) {
  const { lineage: _lineage, kind, parent_id, ...rest } = row;
  return {
    ...rest,
    ...(kind === 'workspace' ? { group_id: parent_id } : { parent_id }),
    created_at: iso(row.created_at),
  };
}

export function presentUser({ is_active, created_at, ...row }: User) {
  return { ...row, is_active, created_at: iso(created_at) };
}

export function presentServiceAccount({ created_at, ...row }: ServiceAccount) {
  return { ...row, client_id: row.id, created_at: iso(created_at) };
}

export function presentMembership({ created_at, ...row }: MembershipRow) {
  return { ...row, created_at: iso(created_at) };
}

export function presentMayAct({ created_at, ...row }: MayActRow) {
  return { ...row, created_at: iso(created_at) };
}

export function presentGrant({ created_at, ...row }: UseGrant) {
  return { ...row, created_at: iso(created_at) };
}

export function presentIdentity(row: ManagedIdentity & Partial<Pick<Assignment, 'profile'>>) {
  const { group_path, lineage: _lineage, created_at, ...rest } = row;
  return { ...rest, path: identityPath(row), group: group_path, created_at: iso(created_at) };
}

export function presentJob({ created_at, deadline, ended_at, ...row }: Job) {
  return {
    ...row,
    state: ended_at === null ? 'running' : 'ended',
    deadline: iso(deadline),
    ended_at: ended_at && iso(ended_at),
    created_at: iso(created_at),
  };
}

export function iso(date: Date): string {
  return date.toISOString();
}

/** One more than asked is read, to know whether another page follows. The cursor was decoded when it was validated. */
export function readPage(query: { limit: number; cursor?: string | undefined }): Page {
  return { after: query.cursor, limit: query.limit + 1 };
}

export function presentPage<Row extends { id: string }, Item>(
  rows: Row[],
  limit: number,
  present: (row: Row) => Item,
): { items: Item[]; next_cursor: string | null } {
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  return { items: items.map(present), next_cursor: last === undefined ? null : encodeCursor(last.id) };
}

/** A page of rows that are read at once, since they are few: in the order of their ids. */
export function pageOfAll<Row extends { id: string }, Item>(
  rows: Row[],
  query: { limit: number; cursor?: string | undefined },
  present: (row: Row) => Item,
) {
  return presentPage(
    rows.filter((row) => query.cursor === undefined || row.id > query.cursor),
    query.limit,
    present,
  );
}
