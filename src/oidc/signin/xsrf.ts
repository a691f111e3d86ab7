import type { KoaContextWithOIDC } from 'oidc-provider';

/** Returns the secret of the browser's session that oidc-provider requires in its forms. */
export function getXsrfToken(ctx: KoaContextWithOIDC): string {
  return String(ctx.oidc.session?.state?.secret);
}

/**
 * Returns whether a page of another site sent this form, by its `Origin` and `Sec-Fetch-Site`. A request without these headers
 * is stopped by the SameSite cookies and by the secret in the form.
 */
export function isCrossSite(ctx: { get(name: string): string }, issuer: string): boolean {
  const origin = ctx.get('origin');
  const site = ctx.get('sec-fetch-site');
  return (origin !== '' && origin !== new URL(issuer).origin) || site === 'cross-site' || site === 'same-site';
}
