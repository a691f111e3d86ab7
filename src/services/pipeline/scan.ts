import type { Page } from '../../database/page.ts';

/** One page of a filtered list. It may be short or empty and still have a next page. */
export interface Scanned<Row> {
  rows: Row[];
  /** The position after which the next page begins; undefined at the end. */
  next: string | undefined;
}

/** Rows that one page reads at most: a request must not read a whole list of which the filter keeps nothing. */
const mostRead = 250;
/** Rows of one statement at most. With `mostRead`, a page reads fewer than 500. */
const mostAtOnce = 250;

/** Reads one page of a list that a rule in core filters, until the page is full or `mostRead` rows were read. */
export async function scan<Row>(
  page: Page,
  list: {
    read(page: Page): Promise<Row[]>;
    keep(rows: Row[]): Promise<Row[]> | Row[];
    positionOf(row: Row): string;
  },
): Promise<Scanned<Row>> {
  // The page asks for one row more than it shows (present.ts), to know whether there is a next page.
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
