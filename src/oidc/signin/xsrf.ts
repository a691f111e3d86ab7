import type { KoaContextWithOIDC } from 'oidc-provider';

/** The secret that oidc-provider put into the browser's session and wants back with the form. */
export function xsrfOf(ctx: KoaContextWithOIDC): string {
  return String(ctx.oidc.session?.state?.secret);
}

/**
 * Does another site's page send this form? Browsers say where a form comes from; what says nothing is stopped by the
 * cookies, which are SameSite, and by the secret in the form.
 */
export function isForeign(ctx: { get(name: string): string }, issuer: string): boolean {
  const origin = ctx.get('origin');
  const site = ctx.get('sec-fetch-site');
  return (origin !== '' && origin !== new URL(issuer).origin) || site === 'cross-site' || site === 'same-site';
}
