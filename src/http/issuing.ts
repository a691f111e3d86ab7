import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { asArsiaError } from '../core/errors.ts';
import type { RequestOrigin } from '../core/origin.ts';
import { anonymous } from '../core/principals.ts';
import { refuseUnread, refuseWithoutToken } from './api/authentication.ts';
import { issuingRoutes } from './api/issuing/issuing.ts';
import { bearerOf, prefix } from './api/router.ts';
import { isLongUnread, readJson } from './body.ts';
import { failed, securityHeaders, told } from './errors.ts';
import { type Limits, outcomeOfApi, readBearer } from './limits.ts';
import { repeatedHeader } from './message.ts';
import type { ReadOrigin } from './origin.ts';
import type { AppParts } from './parts.ts';
import { problemOf } from './problem.ts';
import { parseWith, type Route } from './route.ts';

/**
 * The routes by which jobs get tokens and credentials, on node:http itself: the way through Koa, its context and a dozen
 * middlewares, costs a quarter of what the event loop does for a token (docs/decisions/0010). What is answered, and with
 * which headers, is the same; what is unusual about a request goes the long way. False for what is none of these.
 */
export function createIssuing(
  parts: AppParts,
  limits: Limits,
  originOf: ReadOrigin,
): (...args: Parameters<RequestListener>) => boolean {
  const path = `${new URL(parts.issuer).pathname.replace(/\/$/, '')}${prefix}`;
  const routes = new Map(issuingRoutes.map((route) => [`${route.method} ${path}${route.path}`, route]));
  return (request, response) => {
    const route = routes.get(`${request.method} ${request.url}`);
    if (route === undefined || isUnusual(request)) return false;
    void answer(parts, limits, route, originOf(request), request, response);
    return true;
  };
}

/** Only the router reads preconditions and refuses repeated headers. */
function isUnusual(request: IncomingMessage): boolean {
  return request.headers['if-match'] !== undefined || repeatedHeader(request) !== undefined;
}

async function answer(
  parts: AppParts,
  limits: Limits,
  route: Route,
  origin: RequestOrigin,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const started = performance.now();
  const { request_id } = origin;
  const headers: Record<string, string> = { 'x-request-id': request_id, ...securityHeaders };
  const set = (name: string, value: string) => {
    headers[name] = value;
  };
  let { status } = route;
  let text = '';
  try {
    const work = async () => {
      text = JSON.stringify(await resultOf(parts, route, request, origin));
    };
    await limits.within({ req: request, set }, readBearer, work, (thrown) => outcomeOfApi(thrown, status));
    headers['content-type'] = 'application/json; charset=utf-8';
  } catch (thrown) {
    const error = asArsiaError(thrown);
    const problem = problemOf(error, request_id, request.headers.authorization);
    status = problem.status as Route['status'];
    Object.assign(headers, problem.headers);
    if (isLongUnread(request)) headers.connection = 'close';
    text = JSON.stringify(problem.body);
    failed(parts.log, error, request_id);
  }
  headers['content-length'] = String(Buffer.byteLength(text));
  response.writeHead(status, headers).end(text);
  told(parts.log, { request_id, method: request.method!, status, started });
}

async function resultOf(
  parts: AppParts,
  route: Route,
  request: IncomingMessage,
  origin: RequestOrigin,
): Promise<unknown> {
  const bearer = bearerOf(request.headers.authorization ?? '');
  await refuseWithoutToken(parts, route, { origin, bearer });
  let body: unknown;
  try {
    body = parseWith(route.body!, await readJson(request), '/');
  } catch (thrown) {
    throw await refuseUnread(parts, route, { origin, bearer, caller: anonymous }, thrown);
  }
  const call = { origin, caller: anonymous };
  return await route.handle({ api: parts.api, call, params: {}, bearer, query: undefined, body });
}
