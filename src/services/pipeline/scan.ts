import type { Page } from '../../database/page.ts';

/** One page of a filtered list. It may be short, or empty, and have a next one. */
export interface Scanned<Row> {
  rows: Row[];
  /** The position that the next page begins after; undefined at the end. */
  next: string | undefined;
}

/**
 * A page stops reading after so many rows: a list that filters everything out must not be read to its end for one request.
 */
const mostRead = 250;
/** Rows of one statement, so that a page reads fewer than 500. */
const mostAtOnce = 250;

/** Reads one page of a list that a rule in core filters: until the page is full, or `mostRead` rows were read. */
export async function scan<Row>(
  page: Page,
  list: {
    read(page: Page): Promise<Row[]>;
    keep(rows: Row[]): Promise<Row[]> | Row[];
    positionOf(row: Row): string;
  },
): Promise<Scanned<Row>> {
  // A page asks for one row more than it shows (present.ts), to know whether another follows.
  const wanted = page.limit - 1;
  const found: Row[] = [];
  let { after, limit } = page;
  for (let read = 0; read < mostRead; ) {
    const rows = await list.read({ after, limit });
    found.push(...(await list.keep(rows)));
    if (found.length > wanted) return { rows: found.slice(0, wanted), next: list.positionOf(found[wanted - 1]!) };
    if (rows.length < limit) return { rows: found, next: undefined };
    after = list.positionOf(rows.at(-1)!);
    read += rows.length;
    limit = Math.min(2 * limit, mostAtOnce);
  }
  return { rows: found, next: after };
}
