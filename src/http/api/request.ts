import type Koa from 'koa';
import { z } from 'zod';
import { ArsiaError } from '../../core/errors.ts';
import { isReference } from '../../core/names.ts';
import type { IfMatch } from '../../services/pipeline/action.ts';
import { hasBody, readJson } from '../body.ts';
import type { RequestState } from '../parts.ts';
import { parseWith, type Route } from '../route.ts';

export type ApiContext = Koa.ParameterizedContext<RequestState> & { params: Record<string, string> };

/** A request as its route's schemas have it. */
export interface ParsedRequest {
  query: unknown;
  body: unknown;
  if_match: IfMatch | undefined;
  /** `Idempotency-Key`, where the route makes something. */
  key: string | undefined;
}

/** Throws ArsiaError that names each fault. */
export async function parseRequest(ctx: ApiContext, route: Route): Promise<ParsedRequest> {
  if (!Object.values(ctx.params).every(isReference))
    throw new ArsiaError(
      'not_found',
      'The resource does not exist: the URL contains text that is neither an id nor a path.',
    );
  const query = route.query ? parseWith(route.query, ctx.query, '') : refuseQuery(ctx.query);
  const key = isCreate(route) ? keyOf(ctx.get('idempotency-key'), ctx.req.headers['idempotency-key']) : undefined;
  const if_match = route.method === 'GET' ? undefined : ifMatchOf(ctx.get('if-match'));
  const body = route.body
    ? parseWith(route.body, await readJson(ctx.req), '/')
    : hasBody(ctx.req) && parseWith(nothing, await readJson(ctx.req), '/');
  return { query, body, if_match, key };
}

/** Makes a thing of its own, once however often it is sent with one `Idempotency-Key`. */
export function isCreate({ method, status, bearer }: Route): boolean {
  return method === 'POST' && status === 201 && bearer === 'access';
}

/** For routes that take no body: what somebody sends all the same is a mistake of theirs, and named. */
const nothing = z.strictObject({});

/** A parameter that a route does not know is a mistake of the caller: `?forse=true` must not pass for no force. */
function refuseQuery(query: object): undefined {
  const fields = Object.keys(query).map((name) => ({
    pointer: name.slice(0, 80),
    detail: 'is no parameter of this request',
  }));
  if (fields.length > 0) throw new ArsiaError('invalid_request', 'The query is not valid.', { fields });
}

function keyOf(text: string, sent: unknown): string | undefined {
  if (sent === undefined) return undefined;
  if (/^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw badHeader('Idempotency-Key', 'must be 1 to 255 printable ASCII characters without spaces, such as a UUID');
}

const entityTags = /^(?:W\/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e]*")*$/;

/** RFC 9110 13.1.1: compared strongly, so that a weak tag never matches; nor does one that is no version of ours. */
function ifMatchOf(text: string): IfMatch | undefined {
  if (text === '') return undefined;
  if (text === '*') return 'any';
  if (text.length > 1000 || !entityTags.test(text)) throw badHeader('If-Match', 'must be an entity tag, such as "3"');
  return text
    .split(/[ \t]*,[ \t]*/)
    .flatMap((tag) => (/^"(?:0|[1-9]\d{0,8})"$/.test(tag) ? [Number(tag.slice(1, -1))] : []));
}

function badHeader(name: string, detail: string): ArsiaError {
  return new ArsiaError('invalid_request', `The header ${name} is not valid.`, {
    fields: [{ pointer: name, detail }],
  });
}
