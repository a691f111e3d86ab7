import { sql } from 'kysely';

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
