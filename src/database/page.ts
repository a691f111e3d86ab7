import { sql } from 'kysely';

export interface Page {
  /** The id of the last item of the page before. */
  after: string | undefined;
  limit: number;
}

/** So many roots at most are looked up in the index of lineages. */
const fewRoots = 64;

/**
 * Is the row at or below one of `roots`? What lies below a few, the index finds. What lies below many is no small part of
 * all: rows are read in their order and each is held against a hash table, which an overlap of arrays is not.
 */
export function isBelow(lineage: string, roots: string[]) {
  return roots.length <= fewRoots
    ? sql<boolean>`${sql.ref(lineage)} && ${roots}::text[]`
    : sql<boolean>`EXISTS (SELECT FROM unnest(${sql.ref(lineage)}) AS place (id) WHERE place.id = ANY (${roots}::text[]))`;
}
