import type { IncomingMessage } from 'node:http';
import { ArsiaError } from '../../core/errors.ts';
import type { HttpRequest } from './request.ts';

/** Headers that must be sent once. Node keeps the first of several without a warning; a proxy may have judged the last. */
const singleHeaders: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type']);

/** Characters of a path (RFC 3986 3.3). A percent-encoded letter, digit, `-`, `.`, `_` or `~` is a second spelling of it. */
const pathCharacters =
  /^(?:[\w\-.~!$&'()*+,;=:@/]|%(?!2[DEde]|3\d|[46][1-9A-Fa-f]|[57][\dAa]|5[Ff]|7[Ee])[\dA-Fa-f]{2})*$/;

/** A segment that is empty (a double or a trailing slash), `.` or `..`. */
const resolvedSegment = /\/\.{0,2}(?=\/|$)/;

/** Throws `invalid_request` for a message that two programs may read in two ways: a header that must be sent once was repeated. */
export function refuseRepeatedHeader({ message, headers }: HttpRequest): void {
  const repeated = repeatedHeader(message);
  if (repeated === undefined) return;
  // The next request on this connection could be read in two ways as well.
  headers.connection = 'close';
  throw new ArsiaError('invalid_request', `The header ${repeated} was sent more than once.`, {
    fields: [{ pointer: repeated, detail: 'must be sent once' }],
  });
}

/** Returns the name of a header that must be sent once (RFC 9110 5.3, RFC 9112 3.2) and was sent more often. */
function repeatedHeader({ rawHeaders }: IncomingMessage): string | undefined {
  let seen: Set<string> | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!singleHeaders.has(name)) continue;
    seen ??= new Set();
    if (seen.has(name)) return rawHeaders[at];
    seen.add(name);
  }
  return undefined;
}

/**
 * Returns false for a request target whose path has another spelling than the offered one. The host of an absolute target
 * (RFC 9112 3.2.2) is ignored.
 */
export function isCanonical(target: string): boolean {
  if (target.includes('#')) return false;
  const path = target.replace(/^https?:\/\/[^/?]+/i, '').replace(/\?.*$/s, '');
  return path === '/' || (pathCharacters.test(path) && !resolvedSegment.test(path));
}
