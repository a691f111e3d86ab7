import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { devicePollInterval } from '../../core/lifetimes.ts';
import { codeInputScript } from '../pages/device.ts';
import { showSignedOut } from '../pages/session.ts';
import type { RequestContexts } from '../requestcontext.ts';
import { ownEndpoints, signInEndpoints } from '../routes.ts';
import { getCookiePath, pinCookiePaths } from './cookies.ts';
import { normalizeUserCode } from './device.ts';
import { isCrossSite } from './xsrf.ts';

type Middleware = (ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void>;

/**
 * Creates the middleware before the routes of oidc-provider. It serves the script of the device page, refuses forms of other
 * sites and response modes other than `query`, stops a user code in a link from being submitted, and sets cookie paths.
 */
export function createPageHandlers({
  issuer,
  requestContexts,
}: {
  issuer: string;
  requestContexts: RequestContexts;
}): Middleware {
  return async (ctx, next) => {
    const requestContext = requestContexts.get(ctx);
    if (ctx.path === ownEndpoints.script) {
      ctx.type = 'text/javascript; charset=utf-8';
      ctx.set('X-Content-Type-Options', 'nosniff');
      ctx.body = codeInputScript;
      return;
    }
    if (!requestContext.route.isPage) {
      await next();
      if (ctx.path === signInEndpoints.device_authorization && ctx.status === 200)
        ctx.body = { ...(ctx.body as object), interval: devicePollInterval };
      return;
    }
    if (ctx.method === 'POST' && isCrossSite(ctx, issuer)) {
      requestContext.thrown = new errors.InvalidRequest('this form was sent by a page of another site', 403);
      return;
    }
    if (ctx.path === signInEndpoints.authorization && (ctx.query.response_mode ?? 'query') !== 'query') {
      requestContext.thrown = new errors.UnsupportedResponseMode('only the response mode query is offered');
      return;
    }
    if (ctx.path === signInEndpoints.code_verification && ctx.method === 'GET') {
      // oidc-provider would submit a code in the link by itself; a person must compare it first (RFC 8628 3.3.1).
      requestContext.user_code = normalizeUserCode(ctx.query.user_code);
      ctx.querystring = '';
    }
    await next();
    endWithoutSession(ctx);
    if (ctx.oidc.route === 'end_session_confirm' && isEnded(ctx)) requestContext.done_by = ctx.oidc.session?.accountId;
    const cookies = ctx.response.get('set-cookie') as string | string[] | undefined;
    if (cookies !== undefined) ctx.set('set-cookie', pinCookiePaths(cookies, getCookiePath(issuer)));
  };
}

/** Returns whether something ended: the session, or without confirmation only the tokens of the client that requested it. */
function isEnded({ oidc }: KoaContextWithOIDC): boolean {
  return (oidc.session as { destroyed?: boolean } | undefined)?.destroyed === true || oidc.client !== undefined;
}

/** Completes a sign-out of a browser that is not signed in: there is nothing to confirm. */
function endWithoutSession(ctx: KoaContextWithOIDC): void {
  const { route, session } = ctx.oidc;
  if (route !== 'end_session' || session === undefined || session.accountId !== undefined || ctx.status >= 400) return;
  const { postLogoutRedirectUri, state } = session.state ?? {};
  if (typeof postLogoutRedirectUri === 'string') {
    const destination = new URL(postLogoutRedirectUri);
    if (typeof state === 'string') destination.searchParams.set('state', state);
    ctx.redirect(destination.href);
    ctx.status = 303;
  } else showSignedOut(ctx);
}
