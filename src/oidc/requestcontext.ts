import type { IncomingMessage } from 'node:http';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { LoggedFacts } from '../core/loggedfacts.ts';
import type { RequestOrigin } from '../core/origin.ts';
import type { Route } from './routes.ts';

/** The state of one request to the authorization server. Hooks of oidc-provider set its optional members. */
export interface RequestContext {
  origin: RequestOrigin;
  logged: LoggedFacts;
  route: Route;
  /** The error that oidc-provider reported by an event. */
  thrown?: unknown;
  /** True when `thrown` has its audit event already. */
  isRecorded?: boolean;
  /** True when the page that is set shows the error and must not be replaced. */
  isShown?: boolean;
  /** The reason why a policy refused. The response is the same as for an unknown token. */
  denied?: string;
  /** The user who approved a device or ended a session. */
  done_by?: string;
  /** The user code in the link to the device page. */
  user_code?: string;
}

export interface RequestContexts {
  set(request: IncomingMessage, requestContext: RequestContext): void;
  get(ctx: Pick<KoaContextWithOIDC, 'req'>): RequestContext;
}

export function createRequestContexts(): RequestContexts {
  const requestContexts = new WeakMap<IncomingMessage, RequestContext>();
  return {
    set: (request, requestContext) => void requestContexts.set(request, requestContext),
    get: (ctx) => requestContexts.get(ctx.req)!,
  };
}
