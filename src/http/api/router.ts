import Router, { type RouterMiddleware } from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import { isReference } from '../../core/names.ts';
import { anonymous } from '../../core/principals.ts';
import type { Call } from '../../services/action.ts';
import type { AppParts, RequestState } from '../app.ts';
import { hasBody, readJson } from '../body.ts';
import { parseWith, type Route } from '../route.ts';
import { routes } from './routes.ts';

/** `/api/v1`, made of the route table: authenticate, parse, call, present. */
export function createApiRouter(parts: Pick<AppParts, 'api' | 'pipeline' | 'callers'>): Koa.Middleware<RequestState> {
  const router = new Router<RequestState>({ prefix: '/api/v1' });
  for (const route of routes) router.register(route.path, [route.method], answer(parts, route));
  const match = router.routes() as unknown as Koa.Middleware<RequestState>;
  const wrongMethod = router.allowedMethods() as unknown as Koa.Middleware<RequestState>;
  return (ctx, next) => match(ctx, () => wrongMethod(ctx, next));
}

function answer(parts: Pick<AppParts, 'api' | 'pipeline' | 'callers'>, route: Route): RouterMiddleware<RequestState> {
  const { api, pipeline, callers } = parts;
  return async (ctx) => {
    const { request_id } = ctx.state;
    const bearer = bearerOf(ctx.get('authorization'));
    const call: Call = {
      request_id,
      caller: route.bearer === 'access' ? await callers.authenticate(bearer, request_id) : anonymous,
    };
    const parsed = await parse(ctx, route).catch(async (thrown: unknown) => {
      const error = asArsiaError(thrown);
      await pipeline.refuse(route.action, call, error);
      throw error;
    });
    const result = await route.handle({ api, call, params: ctx.params, bearer, ...parsed });
    ctx.status = route.status;
    if (route.status !== 204) ctx.body = result;
  };
}

async function parse(ctx: Koa.ParameterizedContext<RequestState> & { params: Record<string, string> }, route: Route) {
  if (!Object.values(ctx.params).every(isReference))
    throw new ArsiaError('not_found', 'There is no such thing: the URL holds what is no id and no path.');
  const query = route.query ? parseWith(route.query, ctx.query, '') : refuseQuery(ctx.query);
  const body = route.body
    ? parseWith(route.body, await readJson(ctx.req), '/')
    : hasBody(ctx.req) && parseWith(nothing, await readJson(ctx.req), '/');
  return { query, body };
}

/** For routes that take no body: what somebody sends all the same is a mistake of theirs, and named. */
const nothing = z.strictObject({});

/** A parameter that a route does not know is a mistake of the caller: `?forse=true` must not pass for no force. */
function refuseQuery(query: object): undefined {
  const fields = Object.keys(query).map((name) => ({
    pointer: name.slice(0, 80),
    detail: 'is no parameter of this request',
  }));
  if (fields.length > 0) throw new ArsiaError('invalid_request', 'The query is not valid.', { fields });
}

/** RFC 6750 2.1. Other schemes are no bearer token. */
function bearerOf(header: string): string | undefined {
  return /^Bearer +([\w.~+/=-]+) *$/i.exec(header)?.[1];
}
