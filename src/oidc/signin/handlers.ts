import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { devicePollInterval } from '../../core/lifetimes.ts';
import { codeInputScript } from '../pages/device.ts';
import { showSignedOut } from '../pages/session.ts';
import type { Turns } from '../requestcontext.ts';
import { ownEndpoints, signInEndpoints } from '../routes.ts';
import { cookiePath, pinPaths } from './cookies.ts';
import { codeText } from './device.ts';
import { isForeign } from './xsrf.ts';

type Middleware = (ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void>;

/** Stands before oidc-provider's routes: what it would do with an inline script, or for another site's form, ends here. */
export function createDoor({ issuer, turns }: { issuer: string; turns: Turns }): Middleware {
  return async (ctx, next) => {
    const turn = turns.of(ctx);
    if (ctx.path === ownEndpoints.script) {
      ctx.type = 'text/javascript; charset=utf-8';
      ctx.set('X-Content-Type-Options', 'nosniff');
      ctx.body = codeInputScript;
      return;
    }
    if (!turn.route.isPage) {
      await next();
      if (ctx.path === signInEndpoints.device_authorization && ctx.status === 200)
        ctx.body = { ...(ctx.body as object), interval: devicePollInterval };
      return;
    }
    if (ctx.method === 'POST' && isForeign(ctx, issuer)) {
      turn.thrown = new errors.InvalidRequest('this form was sent by the page of another site', 403);
      return;
    }
    if (ctx.path === signInEndpoints.authorization && (ctx.query.response_mode ?? 'query') !== 'query') {
      turn.thrown = new errors.UnsupportedResponseMode('only the response mode query is offered');
      return;
    }
    if (ctx.path === signInEndpoints.code_verification && ctx.method === 'GET') {
      // With a code in the link oidc-provider would send it on by itself; a person is to look at it first (RFC 8628 3.3.1).
      turn.user_code = codeText(ctx.query.user_code);
      ctx.querystring = '';
    }
    await next();
    endWithoutSession(ctx);
    if (ctx.oidc.route === 'end_session_confirm' && isEnded(ctx)) turn.done_by = ctx.oidc.session?.accountId;
    const cookies = ctx.response.get('set-cookie') as string | string[] | undefined;
    if (cookies !== undefined) ctx.set('set-cookie', pinPaths(cookies, cookiePath(issuer)));
  };
}

/** Not confirmed, the session goes on; what it gave the client that sent the person here ends all the same. */
function isEnded({ oidc }: KoaContextWithOIDC): boolean {
  return (oidc.session as { destroyed?: boolean } | undefined)?.destroyed === true || oidc.client !== undefined;
}

/** Somebody who is signed in no more asks to be signed out: nothing is left to confirm. */
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
