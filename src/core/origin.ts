/** The source of a request, as audit events record it. No member holds a secret. */
export interface Origin {
  /** The id in the header `X-Request-Id` and in the log; null for the server's own timers and commands. */
  request_id: string | null;
  /**
   * Rate-limit key of the client address: the IPv4 address, or the /64 prefix of an IPv6 address. Null where none is known.
   */
  client_address: string | null;
  /** The value that `readUserAgent` returns. */
  user_agent: string | null;
}

/** The origin of an HTTP request, which always has an id. */
export interface RequestOrigin extends Origin {
  request_id: string;
}

/**
 * The origin of operations of the server itself, and of commands at its terminal. Audit events have these fields in this
 * order (`eventFields`): add new ones at the end.
 */
export const serverOrigin: Origin = { request_id: null, client_address: null, user_agent: null };

/**
 * Excludes ids that begin like a token or key of Arsia or of a cloud: a request id is written to all logs and audit records.
 */
const harmlessId = /^(?!arsia_|eyJ|AKIA|ASIA|ya29)[\w.-]{8,64}$/;

/** Returns whether a request id from a caller may be recorded unchanged. */
export function isRequestId(given: unknown): given is string {
  return typeof given === 'string' && harmlessId.test(given);
}

/** Characters of a recorded user agent. */
const maximumUserAgent = 128;

/** Characters of the header that are read: more than are recorded, since comments are left out. */
const maximumHeader = 512;

/** A product with a version (RFC 9110 10.1.5). Both parts are shorter than any secret token. */
const product = /(?<!\S)[A-Za-z][\w.-]{0,23}\/v?\d{1,10}(?:\.\d{1,10}){0,3}(?:[-+.][A-Za-z0-9.]{1,12})?(?!\S)/g;

/** Some clients send a single word, such as `node`. */
const plainWord = /^[A-Za-z]{1,16}$/;

/**
 * Returns the products in a `User-Agent` header, such as `curl/8.5.0`, in at most 128 characters; null without any. Comments
 * and all other words are left out: audit events keep no free text from a caller, since it may contain a secret (threats.md
 * N45).
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
