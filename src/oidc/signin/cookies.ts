import type { Configuration } from 'oidc-provider';

type Cookies = NonNullable<Configuration['cookies']>;

/**
 * Creates the cookie settings: HttpOnly and SameSite, and Secure with https. When the issuer has no path, the names begin with
 * `__Host-`, so that a sibling domain cannot set them (RFC 6265bis 4.1.3.2). That prefix requires the path `/`.
 */
export function createCookieSettings(issuer: string, keys: readonly string[]): Cookies {
  const { protocol, port } = new URL(issuer);
  const path = getCookiePath(issuer);
  const isSecure = protocol === 'https:';
  const prefix = !isSecure ? '' : path === '/' ? '__Host-' : '__Secure-';
  // Cookies are shared by all ports of a host: two servers on one loopback host would read each other's.
  const suffix = isSecure ? '' : `_${port}`;
  const nameOf = (purpose: string) => `${prefix}arsia_${purpose}${suffix}`;
  const options = { httpOnly: true, sameSite: 'lax', secure: isSecure, path, signed: true } as const;
  return {
    names: { session: nameOf('session'), interaction: nameOf('interaction'), resume: nameOf('resume') },
    long: options,
    short: options,
    keys: [...keys],
  };
}

export function getCookiePath(issuer: string): string {
  return new URL(issuer).pathname;
}

/** Sets the path of all cookies. oidc-provider sets another path on one of them, which `__Host-` does not allow. */
export function pinCookiePaths(cookies: string | readonly string[], path: string): string[] {
  return [cookies].flat().map((cookie) => cookie.replace(/; path=[^;]*/i, `; path=${path}`));
}
