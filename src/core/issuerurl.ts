/** An issuer as clouds compare it, byte for byte: https (http on loopback), no query, fragment, userinfo or trailing slash. */
export function isIssuer(value: string): boolean {
  return issuerFault(value) === undefined;
}

export function issuerFault(value: string): string | undefined {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return 'is not a URL';
  }
  // All of 127.0.0.0/8 (RFC 1122 3.2.1.3). A host that ends in a number is an IPv4 address to the URL parser, or no URL.
  const isLoopback = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback))
    return 'must be https (http on loopback only)';
  if (value.includes('?') || value.includes('#')) return 'must have no query and no fragment';
  if (url.username !== '' || url.password !== '') return 'must have no user name and no password';
  if (value.endsWith('/')) return 'must have no trailing slash';
  const canonical = url.pathname === '/' ? url.origin : url.origin + url.pathname;
  return canonical === value ? undefined : `must be written as ${canonical}`;
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
