import { ArsiaError } from '../../core/errors.ts';
import type { CursorScope, Cursors } from './cursors.ts';
import type { HttpRequest } from './request.ts';

type Scope = Omit<CursorScope, 'query'>;

/** Returns the query with the position that its cursor holds. Throws `invalid_request` for a cursor of another list. */
export function openPage(query: unknown, scope: Scope, cursors: Cursors): unknown {
  if (typeof query !== 'object' || query === null || !('cursor' in query) || typeof query.cursor !== 'string')
    return query;
  const cursor = cursors.open(query.cursor, { ...scope, query });
  if (cursor !== undefined) return { ...query, cursor };
  throw new ArsiaError('invalid_request', 'The query is not valid.', {
    fields: [{ pointer: 'cursor', detail: 'must be `next_cursor` of the page before, unchanged' }],
  });
}

/** Returns a page with its cursor sealed, and sets a link to the next one (RFC 8288). Returns other results unchanged. */
export function sealPage(
  { headers, querystring }: Pick<HttpRequest, 'headers' | 'querystring'>,
  result: unknown,
  scope: CursorScope,
  cursors: Cursors,
): unknown {
  if (typeof result !== 'object' || result === null || !('next_cursor' in result)) return result;
  if (typeof result.next_cursor !== 'string') return result;
  const next_cursor = cursors.seal(result.next_cursor, scope);
  const parameters = new URLSearchParams(querystring);
  parameters.set('cursor', next_cursor);
  headers.link = `<?${parameters}>; rel="next"`;
  return { ...result, next_cursor };
}
