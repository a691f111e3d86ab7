import type { Page } from '../../database/page.ts';
import { identityPath } from '../../services/identities/lookup.ts';
import type { WithSettings } from '../../services/identities/storedsettings.ts';
import type { Scanned } from '../../services/pipeline/scan.ts';
import type { AssignedIdentity } from '../../store/identities/assignments.ts';
import type { ManagedIdentity, UseGrant } from '../../store/identities/identities.ts';
import type { SubjectGrantRow } from '../../store/identities/subjectgrants.ts';
import type { Job } from '../../store/jobs/jobs.ts';
import type { MayActRow } from '../../store/machines/mayact.ts';
import type { ServiceAccount } from '../../store/machines/serviceaccounts.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import type { MembershipRow } from '../../store/people/memberships.ts';
import type { User } from '../../store/people/users.ts';

/** How rows look on the wire: snake_case, RFC 3339 in UTC, and no column that is only ours. */
export function presentGroup({ lineage: _lineage, kind: _kind, created_at, ...row }: Namespace) {
  return { ...row, created_at: iso(created_at) };
}

export function presentWorkspace({ lineage: _lineage, kind: _kind, parent_id, created_at, ...row }: Namespace) {
  return { ...row, group_id: parent_id!, created_at: iso(created_at) };
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

export function presentSubjectGrant({ created_at, ...row }: SubjectGrantRow) {
  return { ...row, created_at: iso(created_at) };
}

/** Member by member: rows come with more where they were looked up for more. */
export function presentIdentity(row: WithSettings<ManagedIdentity>) {
  const { id, organization_id, group_id, group_path, name, type, description, settings, created_at, version } = row;
  const { subject_scope, delivery, token_lifetime } = row;
  return {
    id,
    organization_id,
    group_id,
    group: group_path,
    name,
    path: identityPath(row),
    type,
    description,
    settings,
    subject_scope,
    delivery,
    token_lifetime,
    created_at: iso(created_at),
    version,
  };
}

export function presentAssigned(row: WithSettings<AssignedIdentity>) {
  const { profile, principal_id, assigned_at } = row;
  return { ...presentIdentity(row), profile, principal_id, assigned_at: iso(assigned_at) };
}

export function presentJob({ created_at, deadline, ended_at, heartbeat_at, over_at: _, ...row }: Job) {
  return {
    ...row,
    state: ended_at === null ? ('running' as const) : ('ended' as const),
    deadline: iso(deadline),
    ended_at: ended_at && iso(ended_at),
    created_at: iso(created_at),
    heartbeat_at: heartbeat_at && iso(heartbeat_at),
  };
}

export function iso(date: Date): string {
  return date.toISOString();
}

/** One more than asked is read, to know whether another page follows. The router has opened the cursor. */
export function readPage(query: { limit: number; cursor?: string | undefined }): Page {
  return { after: query.cursor, limit: query.limit + 1 };
}

/** `positionOf` is what the next page begins after: the id, unless rows of one page may share theirs. */
export function presentPage<Row extends { id: string }, Item>(
  rows: Row[],
  limit: number,
  present: (row: Row) => Item,
  positionOf: (row: Row) => string = (row) => row.id,
): { items: Item[]; next_cursor: string | null } {
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  // As it is: the router seals it.
  return { items: items.map(present), next_cursor: last === undefined ? null : positionOf(last) };
}

/** A page of a filtered list: it may be short, and have a next one all the same. */
export function presentScanned<Row, Item>({ rows, next }: Scanned<Row>, present: (row: Row) => Item) {
  return { items: rows.map(present), next_cursor: next ?? null };
}
