import { type Page, positionByName } from '../../database/page.ts';
import { assignments } from '../../entities/assignments.ts';
import { managedIdentities } from '../../entities/managedidentities.ts';
import { identityPath, type NamedAlias } from '../../services/identities/lookup.ts';
import type { WithSettings } from '../../services/identities/storedsettings.ts';
import type { Scanned } from '../../services/pipeline/scan.ts';
import type { AssignedIdentity } from '../../store/identities/assignments.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';

interface ByAlias {
  /** Set where the request names an alias. */
  alias?: NamedAlias | undefined;
}

export function presentIdentity(row: WithSettings<ManagedIdentity> & ByAlias) {
  return managedIdentities.present({ ...row, alias: row.alias, group: row.group_path, path: identityPath(row) });
}

export function presentAssigned(row: WithSettings<AssignedIdentity> & ByAlias) {
  return { ...presentIdentity(row), ...assignments.present({ ...row, assigned_at: iso(row.assigned_at) }) };
}

export function iso(date: Date): string {
  return date.toISOString();
}

/** Returns the range to read: one more than requested, to know whether another page follows. The router has opened the cursor. */
export function readPage(query: { limit: number; cursor?: string | undefined }): Page {
  return { after: query.cursor, limit: query.limit + 1 };
}

/** Returns a page. `positionOf` returns the position after which the next page starts: the id, unless rows can share an id. */
export function presentPage<Row extends { id: string }, Item>(
  rows: Row[],
  limit: number,
  present: (row: Row) => Item,
  positionOf: (row: Row) => string = (row) => row.id,
): { items: Item[]; next_cursor: string | null } {
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  // Unsealed; the router seals the cursor.
  return { items: items.map(present), next_cursor: last === undefined ? null : positionOf(last) };
}

/** Returns the position of a row in a list: its id, or with `q` its name and id. */
export function positionIn<Row extends { id: string }>(
  { q }: { q?: string | undefined },
  nameOf: (row: Row) => string,
) {
  return (row: Row) => (q === undefined ? row.id : positionByName(nameOf(row), row.id));
}

/** Returns a page of a filtered list. It may be shorter than the limit although another page follows. */
export function presentScanned<Row, Item>({ rows, next }: Scanned<Row>, present: (row: Row) => Item) {
  return { items: rows.map(present), next_cursor: next ?? null };
}
