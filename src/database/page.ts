import { type RawBuilder, sql } from 'kysely';

export interface Page {
  /** The id of the last item of the previous page. */
  after: string | undefined;
  limit: number;
}

/** Maximum number of roots that are looked up in the index of lineages. */
const fewRoots = 64;

/**
 * Builds the condition that a row is at or below one of `roots`. For few roots PostgreSQL uses the index of lineages. For many
 * roots most rows match: rows are read in order and looked up in a hash table, which the array overlap operator cannot use.
 */
export function isBelow(lineage: string, roots: string[]) {
  return roots.length <= fewRoots
    ? sql<boolean>`${sql.ref(lineage)} && ${roots}::text[]`
    : sql<boolean>`EXISTS (SELECT FROM unnest(${sql.ref(lineage)}) AS place (id) WHERE place.id = ANY (${roots}::text[]))`;
}

/** Returns the name of a row by which a filtered list is ordered. An index has it with this collation. */
function bytesOf(column: string): RawBuilder<string> {
  return sql<string>`${sql.ref(column)} COLLATE "C"`;
}

/** Builds the condition that `column` begins with a text. */
export function beginsWith(column: string, text: string): RawBuilder<boolean> {
  const name = bytesOf(column);
  return sql<boolean>`(${name} >= ${text} AND ${name} < ${`${text}\u{10ffff}`})`;
}

/** Builds the condition that a row follows a position (`positionByName`) in the order of names and ids. */
export function isAfterName(column: string, id: string, after = ' '): RawBuilder<boolean> {
  const at = after.indexOf(' ');
  return sql<boolean>`(${bytesOf(column)}, ${sql.ref(id)}) > (${after.slice(0, at)}, ${after.slice(at + 1)})`;
}

export function orderByName(column: string): RawBuilder<string> {
  return bytesOf(column);
}

/** Returns the position of a row in a list that is ordered by name. Names and logins contain no space. */
export function positionByName(name: string, id: string): string {
  return `${name} ${id}`;
}
