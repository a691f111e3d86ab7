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

/** Where relying parties look under an issuer: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3, and our keys. */
export const wellKnown = {
  openid: '/.well-known/openid-configuration',
  oauth: '/.well-known/oauth-authorization-server',
  jwks: '/.well-known/jwks.json',
} as const;
