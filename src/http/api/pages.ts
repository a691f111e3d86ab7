import type Koa from 'koa';
import { ArsiaError } from '../../core/errors.ts';
import type { RequestState } from '../parts.ts';
import type { CursorScope, Cursors } from './cursors.ts';

type Scope = Omit<CursorScope, 'query'>;

/** The query with the id that its cursor holds: rows after it are asked for. */
export function openPage(query: unknown, scope: Scope, cursors: Cursors): unknown {
  if (typeof query !== 'object' || query === null || !('cursor' in query) || typeof query.cursor !== 'string')
    return query;
  const cursor = cursors.open(query.cursor, { ...scope, query });
  if (cursor !== undefined) return { ...query, cursor };
  throw new ArsiaError('invalid_request', 'The query is not valid.', {
    fields: [{ pointer: 'cursor', detail: 'must be `next_cursor` of the page before, unchanged' }],
  });
}

/** A page as it leaves: the id that it ends with sealed, and a link to the next one (RFC 8288). Other answers stay. */
export function sealPage(
  ctx: Koa.ParameterizedContext<RequestState>,
  result: unknown,
  scope: CursorScope,
  cursors: Cursors,
): unknown {
  if (typeof result !== 'object' || result === null || !('next_cursor' in result)) return result;
  if (typeof result.next_cursor !== 'string') return result;
  const next_cursor = cursors.seal(result.next_cursor, scope);
  const parameters = new URLSearchParams(ctx.querystring);
  parameters.set('cursor', next_cursor);
  ctx.set('link', `<?${parameters}>; rel="next"`);
  return { ...result, next_cursor };
}
