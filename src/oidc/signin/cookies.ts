import type { Configuration } from 'oidc-provider';
import { issuerPath } from '../../core/issuerurl.ts';

type Cookies = NonNullable<Configuration['cookies']>;

/**
 * HttpOnly and SameSite always, Secure on https. Where the issuer has no path the names say `__Host-`, so that no page of a
 * sibling domain can plant one (RFC 6265bis 4.1.3.2); it demands the path `/`, which all of them therefore have.
 */
export function cookiesOf(issuer: string, keys: readonly string[]): Cookies {
  const { protocol, port } = new URL(issuer);
  const path = cookiePath(issuer);
  const isSecure = protocol === 'https:';
  const prefix = !isSecure ? '' : path === '/' ? '__Host-' : '__Secure-';
  // Cookies do not know ports: two servers on one loopback host would take each other's.
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

export function cookiePath(issuer: string): string {
  return issuerPath(issuer) || '/';
}

/** oidc-provider gives one of its cookies a path of its own, which `__Host-` does not allow. */
export function pinPaths(cookies: string | readonly string[], path: string): string[] {
  return [cookies].flat().map((cookie) => cookie.replace(/; path=[^;]*/i, `; path=${path}`));
}
