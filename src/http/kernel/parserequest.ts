import { parse } from 'node:querystring';
import { z } from 'zod';
import { ArsiaError } from '../../core/errors.ts';
import { isReference } from '../../core/names.ts';
import type { IfMatch } from '../../services/pipeline/action.ts';
import { parseWith, type Route } from '../route.ts';
import { hasBody, readJson } from './body.ts';
import type { HttpRequest } from './request.ts';

/** A request as the schemas of its route parse it. */
export interface ParsedRequest {
  query: unknown;
  body: unknown;
  if_match: IfMatch | undefined;
  /** `Idempotency-Key`, on routes that create. */
  key: string | undefined;
}

/**
 * Parses path, query, headers and body, and reads the body to its end. Throws `not_found`, `invalid_request` with each fault,
 * `body_too_large` or `unsupported_media_type`.
 */
export async function parseRequest(
  { message, params, querystring }: HttpRequest,
  route: Route,
): Promise<ParsedRequest> {
  if (!Object.values(params).every(isReference))
    throw new ArsiaError(
      'not_found',
      'The resource does not exist: the URL contains text that is neither an id nor a path.',
    );
  const sent = querystring === '' ? {} : parse(querystring);
  const query = route.query ? parseWith(route.query, sent, '') : refuseQuery(sent);
  const key = isCreate(route) ? parseKey(message.headers['idempotency-key']) : undefined;
  const if_match = route.method === 'GET' ? undefined : parseIfMatch(message.headers['if-match']);
  const body = route.body
    ? parseWith(route.body, await readJson(message), '/')
    : hasBody(message) && parseWith(nothing, await readJson(message), '/');
  return { query, body, if_match, key };
}

/** Returns true for a create: requests that repeat an `Idempotency-Key` return the first result. */
export function isCreate({ method, status, bearer }: Route): boolean {
  return method === 'POST' && status === 201 && bearer === 'access';
}

/** For routes without a body: members that are sent all the same are refused by name. */
const nothing = z.strictObject({});

/** Throws for a parameter that the route does not have: `?forse=true` must not be taken for a request without force. */
function refuseQuery(query: object): undefined {
  const fields = Object.keys(query).map((name) => ({
    pointer: name.slice(0, 80),
    detail: 'is no parameter of this request',
  }));
  if (fields.length > 0) throw new ArsiaError('invalid_request', 'The query is not valid.', { fields });
}

function parseKey(text: string | string[] | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw badHeader('Idempotency-Key', 'must be 1 to 255 printable ASCII characters without spaces, such as a UUID');
}

const entityTags = /^(?:W\/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e]*")*$/;

/** `If-Match` is compared strongly (RFC 9110 13.1.1): a weak tag never matches, nor does a tag that is not a version. */
function parseIfMatch(text = ''): IfMatch | undefined {
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
