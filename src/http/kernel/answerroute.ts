import { Readable } from 'node:stream';
import { anonymous } from '../../core/principals.ts';
import type { Call } from '../../services/pipeline/action.ts';
import type { Callers } from '../../services/pipeline/callers.ts';
import type { Idempotency } from '../../services/pipeline/idempotency.ts';
import { jsonType } from '../../web/securityheaders.ts';
import { toldOnce } from '../api/answers.ts';
import { type Limits, outcomeOfApi, readBearer } from '../limits/limits.ts';
import type { Api, Route } from '../route.ts';
import { refuseUnread, refuseWithoutToken } from './authentication.ts';
import type { Cursors } from './cursors.ts';
import { addNames } from './names.ts';
import { openPage, sealPage } from './pages.ts';
import { parseRequest } from './parserequest.ts';
import type { Answer, HttpRequest } from './request.ts';

export interface RouteParts {
  api: Api;
  callers: Callers;
  cursors: Cursors;
  idempotency: Idempotency;
  limits: Limits;
}

/**
 * Answers a request by its route, within the limits of its caller. The order of the steps is decision 0021: token, body,
 * authentication, form of the request, and then the pipeline, which authorises and records.
 */
export async function answerRoute(parts: RouteParts, route: Route, request: HttpRequest): Promise<Answer> {
  request.logged.route = route.template;
  return await parts.limits.within(
    request,
    readBearer,
    () => performRoute(parts, route, request),
    (thrown) => outcomeOfApi(thrown, route.status),
  );
}

async function performRoute(parts: RouteParts, route: Route, request: HttpRequest): Promise<Answer> {
  const { api, callers, cursors, idempotency } = parts;
  const { origin, params, headers, logged } = request;
  const bearer = bearerOf(request.message.headers.authorization ?? '');
  await refuseWithoutToken(parts, route, { origin, bearer, logged });
  // The body is read to its end before authentication: the token must be live when the last byte has arrived.
  const read = await parseRequest(request, route).catch((thrown: unknown) => ({ thrown }));
  const caller = route.bearer === 'access' ? await callers.authenticate(bearer, origin, logged) : anonymous;
  if (route.bearer === 'none') logged.caller = anonymous;
  const scope = { caller, route: `${route.method} ${route.path}`, params };
  const refuse = (thrown: unknown) => refuseUnread(parts, route, { origin, bearer, caller, logged }, thrown);
  if ('thrown' in read) throw await refuse(read.thrown);
  const { body, key, if_match } = read;
  let query: unknown;
  try {
    query = openPage(read.query, scope, cursors);
  } catch (thrown) {
    throw await refuse(thrown);
  }
  const call: Call = { origin, caller, if_match };
  const handle = (within: Api) => route.handle({ api: within, call, params, bearer, query, body, logged });
  const present = async (result: unknown) =>
    presentResult(request, route, await addNames(api, call, route, result), { ...scope, query }, cursors);
  if (key === undefined) return await present(await handle(api));
  const content = { params: { ...params }, query, body };
  const { answer, isReplay } = await idempotency.once(
    { call, action: route.action, route: scope.route, key, content, secrets: toldOnce(route.response) },
    async (within) => (await handle({ ...api, pipeline: within })) as Record<string, unknown>,
  );
  if (isReplay) headers['idempotency-replayed'] = 'true';
  return await present(answer);
}

function presentResult(
  request: HttpRequest,
  { status, media_type }: Route,
  result: unknown,
  scope: Parameters<typeof sealPage>[2],
  cursors: Cursors,
): Answer {
  const { headers } = request;
  if (status === 204) return { status };
  if (media_type !== undefined) {
    headers['content-type'] = media_type;
    return { status, body: Readable.from(result as AsyncIterable<string>, { objectMode: false }) };
  }
  const version = versionOf(result);
  if (version !== undefined) headers.etag = `"${version}"`;
  headers['content-type'] = jsonType;
  return { status, body: JSON.stringify(sealPage(request, result, scope, cursors)) };
}

/** Returns the version of what was answered, which `If-Match` of its next change names. */
function versionOf(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || !('version' in result)) return undefined;
  return Number.isInteger(result.version) ? result.version : undefined;
}

/** Returns the token of an `Authorization: Bearer` (RFC 6750 2.1); undefined for other schemes. */
function bearerOf(header: string): string | undefined {
  return /^Bearer +([\w.~+/=-]+) *$/i.exec(header)?.[1];
}
