import type { RequestListener } from 'node:http';
import Koa from 'koa';
import { createAddressReader } from './address.ts';
import { createApiRouter } from './api/router.ts';
import { isLongUnread } from './body.ts';
import { serveDocuments } from './discovery.ts';
import { serveDocs } from './docs.ts';
import { renderErrors, securityHeaders } from './errors.ts';
import { createIssuing } from './issuing.ts';
import { createLimits, type Limits, limitCallers, limitClients } from './limits.ts';
import { serveLink } from './link.ts';
import { refuseAmbiguous } from './message.ts';
import { createOriginReader, type ReadOrigin } from './origin.ts';
import type { AppParts, AuthorizationEndpoint, RequestState } from './parts.ts';
import { limitSignInStarts } from './signinstarts.ts';

export function createApp(parts: AppParts): RequestListener {
  const limits = createLimits(parts.limits, { log: parts.log, check: parts.checkCredential });
  const originOf = createOriginReader(createAddressReader(parts.limits.trustedProxies));
  const issue = createIssuing(parts, limits, originOf);
  const handle = createStack(parts, limits, originOf).callback();
  return (request, response) => {
    if (!issue(request, response)) void handle(request, response);
  };
}

/** The whole stack, in order. What is added after `callback()` would silently be ignored: add it here. */
function createStack(parts: AppParts, limits: Limits, originOf: ReadOrigin): Koa<RequestState> {
  const app = new Koa<RequestState>();
  const prefix = new URL(parts.issuer).pathname.replace(/\/$/, '');
  app.use(nameRequests(originOf));
  app.use(renderErrors(parts.log));
  app.use(secure);
  app.use(refuseAmbiguous);
  app.use(handOver(parts.authorization, limits, limitSignInStarts(parts.limits)));
  app.use(below(prefix));
  app.use(serveDocuments(parts));
  app.use(serveLink);
  app.use(serveDocs(parts.issuer));
  app.use(limitCallers(limits));
  app.use(createApiRouter(parts));
  app.on('error', (error: unknown) => parts.log.error({ err: error }, 'an answer broke off'));
  return app;
}

function nameRequests(originOf: ReadOrigin): Koa.Middleware<RequestState> {
  return async (ctx, next) => {
    ctx.state.origin = originOf(ctx.req);
    ctx.set('x-request-id', ctx.state.origin.request_id);
    await next();
  };
}

const secure: Koa.Middleware<RequestState> = async (ctx, next) => {
  ctx.set(securityHeaders);
  await next();
};

function handOver(
  authorization: AuthorizationEndpoint,
  limits: Limits,
  limitStarts: ReturnType<typeof limitSignInStarts>,
): Koa.Middleware<RequestState> {
  return async (ctx, next) => {
    if (!authorization.owns(ctx.path)) return await next();
    // No form is that long. What is left of it unread would hold up the next request of the connection.
    if (isLongUnread(ctx.req)) ctx.set('connection', 'close');
    const answer = async () => {
      await limitStarts(ctx.req, ctx.path);
      // It sets its own caching.
      ctx.remove('cache-control');
      ctx.respond = false;
      await authorization.handle(ctx.req, ctx.res, { origin: ctx.state.origin });
    };
    if (authorization.isDocument(ctx.path)) return await answer();
    return await limitClients(limits, ctx, authorization.provedBy(ctx.path), answer);
  };
}

/** The issuer may have a path; everything stands below it, and nothing beside it. */
export function below(prefix: string): Koa.Middleware<RequestState> {
  return async (ctx, next) => {
    if (prefix === '') return await next();
    if (ctx.path !== prefix && !ctx.path.startsWith(`${prefix}/`)) return undefined;
    ctx.path = ctx.path.slice(prefix.length) || '/';
    return await next();
  };
}
