import { Readable } from 'node:stream';
import Router, { type RouterMiddleware } from '@koa/router';
import type Koa from 'koa';
import { anonymous } from '../../core/principals.ts';
import type { Call } from '../../services/pipeline/action.ts';
import type { AppParts, RequestState } from '../parts.ts';
import type { Api, Route } from '../route.ts';
import { toldOnce } from './answers.ts';
import { refuseUnread, refuseWithoutToken } from './authentication.ts';
import { openPage, sealPage } from './pages.ts';
import { parseRequest } from './request.ts';
import { routes } from './routes.ts';

export const prefix = '/api/v1';

type RouterParts = Pick<AppParts, 'api' | 'pipeline' | 'callers' | 'cursors' | 'idempotency'>;

/** `/api/v1`, made of the route table: read, authenticate, call, present. */
export function createApiRouter(parts: RouterParts): Koa.Middleware<RequestState> {
  const router = new Router<RequestState>({ prefix, sensitive: true, strict: true });
  // The router tries every pattern of the table in turn: what has no parameter, like the mint, is looked up instead.
  const plain = new Map<string, RouterMiddleware<RequestState>>();
  for (const route of routes) {
    const handler = answer(parts, route);
    router.register(route.path, [route.method], handler);
    if (!route.path.includes(':')) plain.set(`${route.method} ${prefix}${route.path}`, handler);
  }
  const match = router.routes() as unknown as Koa.Middleware<RequestState>;
  const wrongMethod = router.allowedMethods() as unknown as Koa.Middleware<RequestState>;
  return (ctx, next) => {
    const handler = plain.get(`${ctx.method} ${ctx.path}`);
    if (handler === undefined) return match(ctx, () => wrongMethod(ctx, next));
    return handler(Object.assign(ctx, { params: {} }) as unknown as Parameters<typeof handler>[0], next);
  };
}

function answer(parts: RouterParts, route: Route): RouterMiddleware<RequestState> {
  const { api, callers, cursors, idempotency } = parts;
  const name = `${route.method} ${route.path}`;
  const secrets = toldOnce(route.response);
  return async (ctx) => {
    const { params } = ctx;
    const { origin } = ctx.state;
    const bearer = bearerOf(ctx.get('authorization'));
    await refuseWithoutToken(parts, route, { origin, bearer });
    // To its end, before anybody is looked up: who waits with the last byte is asked who they are by then.
    const [read] = await Promise.allSettled([parseRequest(ctx, route)]);
    const caller = route.bearer === 'access' ? await callers.authenticate(bearer, origin) : anonymous;
    const scope = { caller, route: name, params };
    const open = async () => {
      if (read.status === 'rejected') throw read.reason;
      return { ...read.value, query: openPage(read.value.query, scope, cursors) };
    };
    const parsed = await open().catch(async (thrown: unknown) => {
      throw await refuseUnread(parts, route, { origin, bearer, caller }, thrown);
    });
    const { query, body, key, if_match } = parsed;
    const call: Call = { origin, caller, if_match };
    const handle = (within: Api) => route.handle({ api: within, call, params, bearer, query, body });
    const { answer: result, isReplay } =
      key === undefined
        ? { answer: await handle(api), isReplay: false }
        : await idempotency.once(
            { call, action: route.action, route: name, key, content: { params: { ...params }, query, body }, secrets },
            async (within) => (await handle({ ...api, pipeline: within })) as Record<string, unknown>,
          );
    ctx.status = route.status;
    if (route.status === 204) return;
    if (route.media_type !== undefined)
      return stream(ctx, route.media_type, result as unknown as AsyncIterable<string>);
    if (isReplay) ctx.set('idempotency-replayed', 'true');
    setEntityTag(ctx, result);
    // Said and made here: Koa would look up the type, and the length, of every answer.
    ctx.set('content-type', 'application/json; charset=utf-8');
    ctx.body = JSON.stringify(sealPage(ctx, result, { ...scope, query }, cursors));
  };
}

/** No faster than the reader reads, and no further once it has gone. */
function stream(ctx: Koa.ParameterizedContext<RequestState>, type: string, parts: AsyncIterable<string>): void {
  ctx.type = type;
  ctx.body = Readable.from(parts, { objectMode: false });
}

/** What has a version answers with it: `If-Match` of the next change names it. */
function setEntityTag(ctx: Koa.ParameterizedContext<RequestState>, result: unknown): void {
  const version = typeof result === 'object' && result !== null && 'version' in result ? result.version : undefined;
  if (Number.isInteger(version)) ctx.set('etag', `"${version}"`);
}

/** RFC 6750 2.1. Other schemes are no bearer token. */
export function bearerOf(header: string): string | undefined {
  return /^Bearer +([\w.~+/=-]+) *$/i.exec(header)?.[1];
}
