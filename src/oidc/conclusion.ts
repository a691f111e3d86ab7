import type { KoaContextWithOIDC } from 'oidc-provider';
import { ArsiaError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import { builtInClients } from './clients.ts';
import { descriptionText, type Refusal, refusalOf } from './errors.ts';
import { offeredMetadata } from './metadata.ts';
import { tokenExchangeGrant } from './names.ts';
import type { EndpointEvent, Log } from './ports.ts';
import { endpoints } from './routes.ts';
import type { Turn, Turns } from './turn.ts';

/** Characters. A reason may quote what was sent (an `Origin`), and the audit is kept for long. */
const maximumReason = 300;

interface ConclusionParts {
  turns: Turns;
  log: Log;
  record(event: EndpointEvent): Promise<void>;
}

/**
 * Stands around oidc-provider: what it did or refused is recorded before the answer leaves, and the answer is put into
 * Arsia's words. Nothing is on the wire before this returns.
 */
export function createConclusion({ turns, log, record }: ConclusionParts) {
  async function refuse(ctx: KoaContextWithOIDC, turn: Turn): Promise<void> {
    let refusal = refusalOf(turn.thrown);
    // A database that is away cannot keep a record, and nothing was decided that needs one.
    if (turn.isRecorded !== true && refusal.error !== 'temporarily_unavailable') {
      const { code, error, outcome } = refusal;
      const reason = refusal.reason.slice(0, maximumReason);
      refusal = (await tryRecord(ctx, { outcome, code, error, target_id: null, reason })) ?? refusal;
    }
    logRefusal(turn, refusal);
    answer(ctx, refusal);
  }

  async function succeed(ctx: KoaContextWithOIDC, { denied }: Turn): Promise<void> {
    const target_id = principalOf(ctx);
    const none = { error: null, target_id };
    let failure: Refusal | undefined;
    if (denied !== undefined)
      failure = await tryRecord(ctx, { ...none, outcome: 'refused', code: 'forbidden', reason: denied });
    // Looking at a token changes nothing, and the mint records itself.
    else if (target_id !== null && ctx.oidc.route !== 'introspection')
      failure = await tryRecord(ctx, { ...none, outcome: 'success', code: null, reason: null });
    if (failure !== undefined) answer(ctx, failure);
  }

  function logRefusal({ request_id, route, thrown }: Turn, { error, reason, outcome }: Refusal): void {
    const facts = { request_id, path: route.path, error, reason };
    if (outcome === 'refused') log.info(facts, 'authorization server refused');
    // The database says once that it is away; each request that meets it needs no stack.
    else if (error === 'temporarily_unavailable') log.warn(facts, 'authorization server is unavailable');
    else log.error({ ...facts, err: thrown }, 'authorization server failed');
  }

  async function tryRecord(
    ctx: KoaContextWithOIDC,
    event: Omit<EndpointEvent, 'action' | 'client_id' | 'request_id'>,
  ): Promise<Refusal | undefined> {
    const { request_id } = turns.of(ctx);
    try {
      await record({ ...event, action: actionOf(ctx), client_id: namedClient(ctx), request_id });
      return undefined;
    } catch (cause) {
      log.error({ request_id, err: cause }, 'an audit event could not be recorded');
      return refusalOf(new ArsiaError('unavailable', 'The audit event could not be recorded.', { cause }));
    }
  }

  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    await next();
    const turn = turns.of(ctx);
    if (turn.thrown !== undefined) await refuse(ctx, turn);
    else if (ctx.method === 'POST') await succeed(ctx, turn);
    else if (ctx.oidc.route === 'discovery') ctx.body = offeredMetadata(ctx.body as Record<string, unknown>);
    ctx.set('Cache-Control', ctx.status < 400 ? turn.route.cache : 'no-store');
  };
}

function answer(ctx: KoaContextWithOIDC, refusal: Refusal): void {
  ctx.status = refusal.status;
  ctx.body = { error: refusal.error, error_description: descriptionText(refusal.description) };
  if (refusal.retry_after !== undefined) ctx.set('Retry-After', String(refusal.retry_after));
  // The rest of a body that is too large is not waited for.
  if (refusal.status === 413) ctx.set('Connection', 'close');
}

/** Whom the token of this request speaks for: the one that was issued, looked at or revoked. */
function principalOf(ctx: KoaContextWithOIDC): string | null {
  const { AccessToken, ClientCredentials } = ctx.oidc.entities;
  return AccessToken?.accountId ?? ClientCredentials?.clientId ?? null;
}

const actions: Readonly<Record<string, EndpointEvent['action']>> = {
  [endpoints.introspection]: 'access_token.introspect',
  [endpoints.revocation]: 'access_token.revoke',
};

function actionOf(ctx: KoaContextWithOIDC): EndpointEvent['action'] {
  const isExchange = ctx.oidc.params?.grant_type === tokenExchangeGrant;
  return actions[ctx.path] ?? (isExchange ? 'token.mint' : 'access_token.issue');
}

/** Only what could be a client's id: the audit keeps no text that a stranger chose. */
function namedClient(ctx: KoaContextWithOIDC): string | null {
  const named = ctx.oidc.client?.clientId ?? ctx.oidc.params?.client_id;
  if (typeof named !== 'string') return null;
  const isKnown = isId('service_account', named) || builtInClients.some((client) => client.client_id === named);
  return isKnown ? named : null;
}
