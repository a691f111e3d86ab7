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
