import { match } from 'path-to-regexp';
import { answerRoute, type RouteParts } from '../kernel/answerroute.ts';
import { methodNotAllowed, noSuchRoute } from '../kernel/notoffered.ts';
import type { Answer, Handler, HttpRequest } from '../kernel/request.ts';
import { readBearer } from '../limits/limits.ts';
import type { Route } from '../route.ts';
import { routes } from './routes.ts';

interface Match {
  route: Route;
  params: Record<string, string>;
}

/** Methods that a route can offer. Others are 405 on every path, known or not. */
const methods: ReadonlySet<string> = new Set(['HEAD', 'OPTIONS', 'GET', 'PUT', 'PATCH', 'POST', 'DELETE']);

/** Answers requests below `/api/v1` by the route table, and other requests as unknown paths. Both are limited. */
export function createApiHandler(parts: RouteParts): Handler {
  const findAll = createMatcher();
  // Patterns are tried one after the other; a path without parameters is looked up instead.
  const fixed: ReadonlyMap<string, Route> = new Map(
    routes.filter(({ path }) => !path.includes(':')).map((route) => [`${route.method} ${route.template}`, route]),
  );
  return async (request) => {
    const method = request.message.method!;
    const exact = fixed.get(`${method} ${request.path}`);
    if (exact !== undefined) return await answerRoute(parts, exact, request);
    const matches = findAll(request.path);
    const found = matches.find(({ route }) => methodsOf(route).includes(method));
    if (found !== undefined) return await answerRoute(parts, found.route, { ...request, params: found.params });
    const offered = [...new Set(matches.flatMap(({ route }) => methodsOf(route)))];
    return await parts.limits.within(
      request,
      readBearer,
      async () => answerUnmatched(request, offered),
      () => 'untried',
    );
  };
}

/** OPTIONS needs no authentication: the methods of a path are in the public OpenAPI document. */
function answerUnmatched(request: HttpRequest, offered: readonly string[]): Answer {
  const method = request.message.method!;
  if (offered.length === 0 && methods.has(method)) throw noSuchRoute();
  if (method !== 'OPTIONS') throw methodNotAllowed(request, offered);
  Object.assign(request.headers, { 'content-type': 'text/plain; charset=utf-8', allow: offered.join(', ') });
  return { status: 200, body: '' };
}

function methodsOf({ method }: Route): string[] {
  return method === 'GET' ? ['HEAD', 'GET'] : [method];
}

/** Returns the function that finds all routes of a path, in the order of the table. */
function createMatcher(): (path: string) => Match[] {
  const options = { sensitive: true, trailing: false, decode: decodeSegment };
  const patterns = routes.map((route) => ({
    route,
    matchPath: match<Record<string, string>>(route.template, options),
  }));
  return (path) =>
    patterns.flatMap(({ route, matchPath }) => {
      const matched = matchPath(path);
      return matched === false ? [] : [{ route, params: matched.params }];
    });
}

/** Decodes a segment. One that cannot be decoded stays unchanged: it is not a valid reference, so its route answers 404. */
function decodeSegment(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
