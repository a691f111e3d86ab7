import type { RequestListener } from 'node:http';
import { issuerPath } from '../core/issuerurl.ts';
import type { CheckCredential } from '../services/machines/livecredentials.ts';
import { createKoaAdapter } from './adapters/koa.ts';
import { createNodeAdapter } from './adapters/node.ts';
import { createApiHandler } from './api/api.ts';
import { issuingRoutes } from './api/issuing/issuing.ts';
import { type AuthorizationEndpoint, createAuthorizationHandler } from './authorization.ts';
import { crossOriginPaths, type DiscoveryParts, discoveryPages, healthPages } from './documents/discovery.ts';
import { docsPages } from './documents/docs.ts';
import { answerRead, crossOriginMethods, type Readables, readMethods } from './documents/document.ts';
import { linkPages } from './documents/link.ts';
import { isCanonical } from './kernel/ambiguity.ts';
import { answerRoute, type RouteParts } from './kernel/answerroute.ts';
import type { RequestLog } from './kernel/log.ts';
import { noSuchRoute } from './kernel/notoffered.ts';
import { createOriginReader } from './kernel/origin.ts';
import type { Handler } from './kernel/request.ts';
import { createAddressReader, warnOfProxy } from './limits/address.ts';
import { createLimits, type LimitSettings } from './limits/limits.ts';

export interface AppParts extends Omit<RouteParts, 'limits'>, DiscoveryParts {
  issuer: string;
  log: RequestLog;
  authorization: AuthorizationEndpoint;
  limits: LimitSettings;
  /** Returns whether a credential exists, for the limits. */
  checkCredential: CheckCredential;
}

/** Returns the listener of the server: the routes of jobs by the node adapter, everything else by Koa. */
export function createApp(parts: AppParts): RequestListener {
  const limits = createLimits(parts.limits, parts.checkCredential);
  const routeParts: RouteParts = { ...parts, limits };
  const kernelParts = {
    log: parts.log,
    readOrigin: createOriginReader(createAddressReader(parts.limits.trustedProxies, warnOfProxy(parts.log))),
  };
  const answerIssuing = createNodeAdapter(kernelParts, issuingHandlers(routeParts, issuerPath(parts.issuer)));
  const answerOther = createKoaAdapter(kernelParts, createHandler(parts, routeParts));
  return (request, response) => {
    if (!answerIssuing(request, response)) answerOther(request, response);
  };
}

/** The routes by which jobs get tokens and credentials, by method and request target. */
function issuingHandlers(parts: RouteParts, base: string): Map<string, Handler> {
  return new Map(
    issuingRoutes.map((route) => [
      `${route.method} ${base}${route.template}`,
      (request) => answerRoute(parts, route, request),
    ]),
  );
}

/**
 * Answers by path. All paths are below the path of the issuer, except those of the authorization server, and the probes, which
 * are at the root too: an image and its orchestrator do not know the issuer.
 */
function createHandler(parts: AppParts, routeParts: RouteParts): Handler {
  const base = issuerPath(parts.issuer);
  const { authorization } = parts;
  const authorize = createAuthorizationHandler(authorization, routeParts.limits, parts.limits);
  const readables: Readables = { ...discoveryPages(parts), ...linkPages, ...docsPages(parts.issuer) };
  const probes = healthPages(parts.readiness);
  const callApi = createApiHandler(routeParts);
  return async (request) => {
    if (!isCanonical(request.message.url ?? '')) throw noSuchRoute();
    if (authorization.owns(request.path)) return await authorize(request);
    const path = pathBelow(base, request.path);
    if (path === undefined) {
      if (!Object.hasOwn(probes, request.path)) throw noSuchRoute();
      request.logged.route = request.path;
      return await answerRead(request, probes[request.path]!);
    }
    const below = { ...request, path };
    if (!Object.hasOwn(readables, path)) return await callApi(below);
    below.logged.route = path;
    return await answerRead(
      below,
      readables[path]!,
      crossOriginPaths.includes(path) ? crossOriginMethods : readMethods,
    );
  };
}

/** Returns the path below the path of the issuer; undefined for a path beside it. */
function pathBelow(base: string, path: string): string | undefined {
  if (base === '') return path;
  if (path === base) return '/';
  return path.startsWith(`${base}/`) ? path.slice(base.length) : undefined;
}
