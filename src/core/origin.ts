/** Where a request came from, as audit events record it. No member holds a secret. */
export interface Origin {
  /** As in the header `X-Request-Id` and in the log; null where no request asked: the server's timers and commands. */
  request_id: string | null;
  /** Rate-limit key of the client address: the IPv4 address, or the /64 prefix of an IPv6 address. Null where none is known. */
  client_address: string | null;
  /** As `readUserAgent` returns it. */
  user_agent: string | null;
}

/** The origin of a request over HTTP, which always has an id. */
export interface RequestOrigin extends Origin {
  request_id: string;
}

/**
 * The origin of what the server does by itself, and of commands at its terminal. Audit events have these fields in this order
 * (`eventFields`): add new ones at the end.
 */
export const serverOrigin: Origin = { request_id: null, client_address: null, user_agent: null };

/** Not what begins like a token or a key of ours or of a cloud: a request id goes to every log and audit record. */
const harmlessId = /^(?!arsia_|eyJ|AKIA|ASIA|ya29)[\w.-]{8,64}$/;

/** Returns whether a request id that a caller sent may be recorded as it is. */
export function isRequestId(given: unknown): given is string {
  return typeof given === 'string' && harmlessId.test(given);
}

/** Characters. */
const maximumUserAgent = 128;

/** Characters of the header that are read: more than the bound, since comments are left out. */
const maximumHeader = 512;

/** A product with a version (RFC 9110 10.1.5). Both parts are shorter than any token. */
const product = /(?<!\S)[A-Za-z][\w.-]{0,23}\/v?\d{1,10}(?:\.\d{1,10}){0,3}(?:[-+.][A-Za-z0-9.]{1,12})?(?!\S)/g;

/** Some clients send one plain word: `node`. */
const plainWord = /^[A-Za-z]{1,16}$/;

/**
 * Returns the products that a `User-Agent` header names, such as `curl/8.5.0`, within 128 characters; null where there are
 * none. Comments and all other words are left out: audit events keep no free text that a caller chose, since it may hold a
 * secret (threats.md N45).
 */
export function readUserAgent(header: string | undefined): string | null {
  if (header === undefined) return null;
  if (plainWord.test(header)) return header;
  let products = '';
  for (const [one] of header.slice(0, maximumHeader).matchAll(product)) {
    if (products.length + one.length >= maximumUserAgent) break;
    products += products === '' ? one : ` ${one}`;
  }
  return products === '' ? null : products;
}
