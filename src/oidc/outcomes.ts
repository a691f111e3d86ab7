import type { KoaContextWithOIDC } from 'oidc-provider';
import { ArsiaError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import type { EndpointEvent } from '../services/issuing/endpointevent.ts';
import { builtInClientIds } from './clients.ts';
import { convertClientError, isStructuredTokenError, type Refusal, sanitizeDescription, toRefusal } from './errors.ts';
import { isOutsideTokenType } from './grants/tokenexchange.ts';
import { selectMetadata } from './metadata.ts';
import { tokenExchangeGrant } from './names.ts';
import { showRefusal } from './pages/refusal.ts';
import type { Log } from './ports.ts';
import type { RequestContext, RequestContexts } from './requestcontext.ts';
import { pendingErrors } from './signin/throttle.ts';

/** Characters. A reason can quote the request (an `Origin` header), and audit events are kept for a long time. */
const maximumReason = 300;

interface OutcomeParts {
  requestContexts: RequestContexts;
  log: Log;
  isSignInOffered: boolean;
  record(event: EndpointEvent): Promise<void>;
}

/**
 * Creates the middleware around oidc-provider that records the outcome of a request before the response is sent, and renders
 * refusals as Arsia does. Nothing is sent before it returns.
 */
export function createOutcomeHandler({ requestContexts, log, record, isSignInOffered }: OutcomeParts) {
  async function refuse(ctx: KoaContextWithOIDC, requestContext: RequestContext): Promise<void> {
    const { thrown } = requestContext;
    let refusal = toRefusal(isForm(ctx) ? convertClientError(thrown, ctx.oidc?.params?.grant_type) : thrown);
    requestContext.logged.error_code = refusal.code;
    if (pendingErrors.includes(refusal.error)) return answer(ctx, refusal);
    // Without a database no event can be recorded, and nothing was decided.
    const isRecordable = requestContext.isRecorded !== true && refusal.code !== 'unavailable';
    const failure = isRecordable ? await tryRecord(ctx, createEvent(ctx, refusal)) : undefined;
    refusal = failure ?? refusal;
    logRefusal(requestContext, refusal);
    if (!requestContext.route.isPage) answer(ctx, refusal);
    // A known client gets the error by redirect, and the page of a device shows it already.
    else if (failure !== undefined || !(isRedirect(ctx) || requestContext.isShown === true))
      showRefusal(ctx, refusal, requestContext.origin.request_id);
  }

  async function succeed(ctx: KoaContextWithOIDC, requestContext: RequestContext): Promise<void> {
    const { denied, done_by, route } = requestContext;
    const target_id = done_by ?? findPrincipal(ctx);
    const none = { error: null, target_id };
    let failure: Refusal | undefined;
    if (denied !== undefined)
      failure = await tryRecord(ctx, { ...none, outcome: 'refused', code: 'forbidden', reason: denied });
    // Introspection changes nothing, and a mint records its own event.
    else if (target_id !== null && (done_by !== undefined || recordedActions.has(route.action))) {
      logPrincipal(requestContext, target_id);
      failure = await tryRecord(ctx, { ...none, outcome: 'success', code: null, reason: null });
    }
    if (failure !== undefined && route.isPage) showRefusal(ctx, failure, requestContext.origin.request_id);
    else if (failure !== undefined) answer(ctx, failure);
  }

  function logRefusal({ origin, route, thrown }: RequestContext, { error, reason, outcome }: Refusal): void {
    const facts = { request_id: origin.request_id, path: route.template, error, reason };
    if (outcome === 'refused') log.info(facts, 'authorization server refused');
    // The database logs its own fault once; the requests need no stack.
    else if (error === 'temporarily_unavailable') log.warn(facts, 'authorization server is unavailable');
    else log.error({ ...facts, err: thrown }, 'authorization server failed');
  }

  async function tryRecord(
    ctx: KoaContextWithOIDC,
    event: Omit<EndpointEvent, 'action' | 'client_id' | 'origin'>,
  ): Promise<Refusal | undefined> {
    const requestContext = requestContexts.get(ctx);
    const { origin } = requestContext;
    try {
      await record({ ...event, action: findAction(ctx, requestContext), client_id: findNamedClient(ctx), origin });
      return undefined;
    } catch (cause) {
      log.error({ request_id: origin.request_id, err: cause }, 'an audit event could not be recorded');
      const failure = toRefusal(new ArsiaError('unavailable', 'The audit event could not be recorded.', { cause }));
      requestContext.logged.error_code = failure.code;
      return failure;
    }
  }

  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const requestContext = requestContexts.get(ctx);
    try {
      await next();
    } catch (thrown) {
      // oidc-provider stores a session after it has set the response, outside its own error handling. The first of two errors
      // is the one that concerns the caller.
      if (requestContext.thrown !== undefined)
        log.error(
          { request_id: requestContext.origin.request_id, err: thrown },
          'authorization server failed after a refusal',
        );
      requestContext.thrown ??= thrown;
      requestContext.isShown = false;
      ctx.remove('Location');
      ctx.status = 500;
    }
    answerInactive(ctx, requestContext);
    if (requestContext.thrown !== undefined) await refuse(ctx, requestContext);
    else if (ctx.method === 'POST' || requestContext.done_by !== undefined) await succeed(ctx, requestContext);
    else if (ctx.oidc?.route === 'discovery')
      ctx.body = selectMetadata(ctx.body as Record<string, unknown>, isSignInOffered);
    ctx.set('Cache-Control', ctx.status < 400 ? requestContext.route.cache : 'no-store');
  };
}

/** A JWT is no access token of this server, hence inactive (RFC 7662 2.2). */
function answerInactive(ctx: KoaContextWithOIDC, requestContext: RequestContext): void {
  if (requestContext.route.action !== 'access_token.introspect' || !isStructuredTokenError(requestContext.thrown))
    return;
  requestContext.thrown = undefined;
  ctx.status = 200;
  ctx.body = { active: false };
}

function logPrincipal({ logged }: RequestContext, id: string): void {
  logged.caller ??= { kind: isId('service_account', id) ? 'service_account' : 'user', id };
}

/** Actions of POST requests that issue or revoke a token. */
const recordedActions: ReadonlySet<string> = new Set(['access_token.issue', 'access_token.revoke']);

function isRedirect(ctx: KoaContextWithOIDC): boolean {
  return ctx.status >= 300 && ctx.status < 400;
}

function answer(ctx: KoaContextWithOIDC, refusal: Refusal): void {
  ctx.status = refusal.status;
  ctx.body = { error: refusal.error, error_description: sanitizeDescription(refusal.description) };
  if (refusal.retry_after !== undefined) ctx.set('Retry-After', String(refusal.retry_after));
  // The rest of a too large body is not read.
  if (refusal.status === 413) ctx.set('Connection', 'close');
}

function createEvent(
  ctx: KoaContextWithOIDC,
  { outcome, code, error, reason }: Refusal,
): Omit<EndpointEvent, 'action' | 'client_id' | 'origin'> {
  // The owner of a refresh token must find the event of its second use.
  const target_id = ctx.oidc?.entities.RefreshToken?.accountId ?? null;
  return { outcome, code, error, target_id, reason: reason.slice(0, maximumReason) };
}

/** Returns the principal of the token that was issued, introspected or revoked. */
function findPrincipal(ctx: KoaContextWithOIDC): string | null {
  const { AccessToken, RefreshToken, ClientCredentials } = ctx.oidc?.entities ?? {};
  return AccessToken?.accountId ?? RefreshToken?.accountId ?? ClientCredentials?.clientId ?? null;
}

function findAction(ctx: KoaContextWithOIDC, { route }: RequestContext): EndpointEvent['action'] {
  const { grant_type, subject_token_type } = ctx.oidc?.params ?? {};
  if (grant_type !== tokenExchangeGrant) return route.action;
  return isOutsideTokenType(subject_token_type) ? 'outside_token.exchange' : 'token.mint';
}

/** Returns the named client if it can be a client id: the audit must not store text that an unauthenticated caller chose. */
function findNamedClient(ctx: KoaContextWithOIDC): string | null {
  const named = ctx.oidc?.client?.clientId ?? ctx.oidc?.params?.client_id;
  if (typeof named !== 'string') return null;
  return isId('service_account', named) || builtInClientIds.includes(named) ? named : null;
}

function isForm(ctx: KoaContextWithOIDC): boolean {
  return Boolean(ctx.is('application/x-www-form-urlencoded'));
}
