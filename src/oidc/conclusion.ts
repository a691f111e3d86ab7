import type { KoaContextWithOIDC } from 'oidc-provider';
import { ArsiaError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import { builtInClientIds } from './clients.ts';
import { asMissingClient, descriptionText, type Refusal, refusalOf } from './errors.ts';
import { isOutside } from './grants/tokenexchange.ts';
import { offeredMetadata } from './metadata.ts';
import { tokenExchangeGrant } from './names.ts';
import { showRefusal } from './pages/refusal.ts';
import type { EndpointEvent, Log } from './ports.ts';
import type { Turn, Turns } from './requestcontext.ts';
import { unfinished } from './signin/throttle.ts';

/** Characters. A reason may quote what was sent (an `Origin`), and the audit is kept for long. */
const maximumReason = 300;

interface ConclusionParts {
  turns: Turns;
  log: Log;
  isSignInOffered: boolean;
  record(event: EndpointEvent): Promise<void>;
}

/**
 * Stands around oidc-provider: what it did or refused is recorded before the answer leaves, and the answer is put into
 * Arsia's words. Nothing is on the wire before this returns.
 */
export function createConclusion({ turns, log, record, isSignInOffered }: ConclusionParts) {
  async function refuse(ctx: KoaContextWithOIDC, turn: Turn): Promise<void> {
    let refusal = refusalOf(isForm(ctx) ? asMissingClient(turn.thrown) : turn.thrown);
    if (unfinished.includes(refusal.error)) return answer(ctx, refusal);
    // A database that is away cannot keep a record, and nothing was decided that needs one.
    const isRecordable = turn.isRecorded !== true && refusal.code !== 'unavailable';
    const failure = isRecordable ? await tryRecord(ctx, eventOf(ctx, refusal)) : undefined;
    refusal = failure ?? refusal;
    logRefusal(turn, refusal);
    if (!turn.route.isPage) answer(ctx, refusal);
    // A client that proved to be one is told by redirect, and a device's page says it already.
    else if (failure !== undefined || !(isRedirect(ctx) || turn.isShown === true))
      showRefusal(ctx, refusal, turn.origin.request_id);
  }

  async function succeed(ctx: KoaContextWithOIDC, { denied, done_by, route }: Turn): Promise<void> {
    const target_id = done_by ?? principalOf(ctx);
    const none = { error: null, target_id };
    let failure: Refusal | undefined;
    if (denied !== undefined)
      failure = await tryRecord(ctx, { ...none, outcome: 'refused', code: 'forbidden', reason: denied });
    // Looking at a token changes nothing, and the mint records itself.
    else if (target_id !== null && (done_by !== undefined || changing.has(route.action)))
      failure = await tryRecord(ctx, { ...none, outcome: 'success', code: null, reason: null });
    if (failure === undefined) return;
    if (route.isPage) showRefusal(ctx, failure, turns.of(ctx).origin.request_id);
    else answer(ctx, failure);
  }

  function logRefusal({ origin, route, thrown }: Turn, { error, reason, outcome }: Refusal): void {
    const facts = { request_id: origin.request_id, path: route.path, error, reason };
    if (outcome === 'refused') log.info(facts, 'authorization server refused');
    // The database says once that it is away; each request that meets it needs no stack.
    else if (error === 'temporarily_unavailable') log.warn(facts, 'authorization server is unavailable');
    else log.error({ ...facts, err: thrown }, 'authorization server failed');
  }

  async function tryRecord(
    ctx: KoaContextWithOIDC,
    event: Omit<EndpointEvent, 'action' | 'client_id' | 'origin'>,
  ): Promise<Refusal | undefined> {
    const turn = turns.of(ctx);
    const { origin } = turn;
    try {
      await record({ ...event, action: actionOf(ctx, turn), client_id: namedClient(ctx), origin });
      return undefined;
    } catch (cause) {
      log.error({ request_id: origin.request_id, err: cause }, 'an audit event could not be recorded');
      return refusalOf(new ArsiaError('unavailable', 'The audit event could not be recorded.', { cause }));
    }
  }

  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const turn = turns.of(ctx);
    try {
      await next();
    } catch (thrown) {
      // oidc-provider stores a session after it has answered, outside of its own error handling. Of two errors the first one
      // is the caller's.
      if (turn.thrown !== undefined)
        log.error({ request_id: turn.origin.request_id, err: thrown }, 'authorization server failed after a refusal');
      turn.thrown ??= thrown;
      turn.isShown = false;
      ctx.remove('Location');
      ctx.status = 500;
    }
    if (turn.thrown !== undefined) await refuse(ctx, turn);
    else if (ctx.method === 'POST' || turn.done_by !== undefined) await succeed(ctx, turn);
    else if (ctx.oidc?.route === 'discovery')
      ctx.body = offeredMetadata(ctx.body as Record<string, unknown>, isSignInOffered);
    ctx.set('Cache-Control', ctx.status < 400 ? turn.route.cache : 'no-store');
  };
}

/** POST requests that change something for somebody. */
const changing: ReadonlySet<string> = new Set(['access_token.issue', 'access_token.revoke']);

function isRedirect(ctx: KoaContextWithOIDC): boolean {
  return ctx.status >= 300 && ctx.status < 400;
}

function answer(ctx: KoaContextWithOIDC, refusal: Refusal): void {
  ctx.status = refusal.status;
  ctx.body = { error: refusal.error, error_description: descriptionText(refusal.description) };
  if (refusal.retry_after !== undefined) ctx.set('Retry-After', String(refusal.retry_after));
  // The rest of a body that is too large is not waited for.
  if (refusal.status === 413) ctx.set('Connection', 'close');
}

function eventOf(
  ctx: KoaContextWithOIDC,
  { outcome, code, error, reason }: Refusal,
): Omit<EndpointEvent, 'action' | 'client_id' | 'origin'> {
  // Whose refresh token it is that was used twice: its owner must be able to find that.
  const target_id = ctx.oidc?.entities.RefreshToken?.accountId ?? null;
  return { outcome, code, error, target_id, reason: reason.slice(0, maximumReason) };
}

/** Whom the token of this request speaks for: the one that was issued, looked at or revoked. */
function principalOf(ctx: KoaContextWithOIDC): string | null {
  const { AccessToken, RefreshToken, ClientCredentials } = ctx.oidc?.entities ?? {};
  return AccessToken?.accountId ?? RefreshToken?.accountId ?? ClientCredentials?.clientId ?? null;
}

function actionOf(ctx: KoaContextWithOIDC, { route }: Turn): EndpointEvent['action'] {
  const { grant_type, subject_token_type } = ctx.oidc?.params ?? {};
  if (grant_type !== tokenExchangeGrant) return route.action;
  return isOutside(subject_token_type) ? 'outside_token.exchange' : 'token.mint';
}

/** Only what could be a client's id: the audit keeps no text that a stranger chose. */
function namedClient(ctx: KoaContextWithOIDC): string | null {
  const named = ctx.oidc?.client?.clientId ?? ctx.oidc?.params?.client_id;
  if (typeof named !== 'string') return null;
  return isId('service_account', named) || builtInClientIds.includes(named) ? named : null;
}

function isForm(ctx: KoaContextWithOIDC): boolean {
  return Boolean(ctx.is('application/x-www-form-urlencoded'));
}
