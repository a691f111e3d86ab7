import { isLoopbackHost } from './loopback.ts';

/**
 * Returns whether a URL can be an issuer. Clouds compare issuers byte for byte, so only one spelling passes: https (http on
 * loopback), without query, fragment, userinfo and trailing slash.
 */
export function isIssuer(value: string): boolean {
  return findIssuerFault(value) === undefined;
}

export function findIssuerFault(value: string): string | undefined {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return 'is not a URL';
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname)))
    return 'must be https (http on loopback only)';
  if (value.includes('?') || value.includes('#')) return 'must have no query and no fragment';
  if (url.username !== '' || url.password !== '') return 'must have no user name and no password';
  if (value.endsWith('/')) return 'must have no trailing slash';
  const canonical = url.pathname === '/' ? url.origin : url.origin + url.pathname;
  return canonical === value ? undefined : `must be written as ${canonical}`;
}

/**
 * Returns why a URL cannot be the issuer of another system. That one may spell it otherwise than the URL parser would: with an
 * upper-case host, `:443`, a trailing slash or a space in its path. Issuers are compared byte for byte as their system spells
 * them, and normalised only to fetch.
 */
export function findForeignIssuerFault(value: string): string | undefined {
  const url = URL.parse(value);
  const [, authority, path] = /^https?:\/\/([^/?#]+)([^?#]*)/i.exec(value) ?? [];
  if (url === null || authority === undefined) return 'is not a URL';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname)))
    return 'must be https (http on loopback only)';
  if (/[?#]/.test(value)) return 'must have no query and no fragment';
  if (authority.includes('@')) return 'must have no user name and no password';
  if (/[%\\\s]/.test(authority) || /[\\\p{C}\p{Zl}\p{Zp}]|\s$/u.test(value))
    return 'must have no backslash or control character';
  if (/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path!)) return 'must have no . or .. in its path';
  return value.endsWith('//') ? 'must have no empty segment at its end' : undefined;
}

/**
 * Returns an issuer as the URL parser spells it, without a trailing slash, to recognise it in any spelling. Never compare the
 * `iss` of a token with it.
 */
export function normalizeIssuer(issuer: string): string {
  return URL.parse(issuer)?.href.replace(/\/$/, '') ?? issuer;
}

/**
 * Returns a URL for a message, in quotes: without its user name and password, query and fragment, which may hold a secret. A
 * text that is no URL is cut in the same way.
 */
export function quoteUrl(value: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z\d+.-]*:\/\/)?(.*)$/is.exec(value)!;
  return JSON.stringify(scheme + rest.replace(/^.*@/s, '...@').replace(/[?#].*$/s, (cut) => `${cut[0]}...`));
}

/** Returns the path of an issuer, under which all of its URLs are: empty, or `/x` without a trailing slash. */
export function issuerPath(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '');
}

/** Well-known paths that relying parties read under an issuer: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3, and our keys. */
export const wellKnown = {
  openid: '/.well-known/openid-configuration',
  oauth: '/.well-known/oauth-authorization-server',
  jwks: '/.well-known/jwks.json',
} as const;
