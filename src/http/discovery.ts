import { createHash } from 'node:crypto';
import type Koa from 'koa';
import { claimNames } from '../core/claims.ts';
import { jwksMaximumAge } from '../core/lifetimes.ts';
import type { AppParts, RequestState, StaticDocument } from './parts.ts';

/** OpenID Connect Discovery 1.0, section 3, as far as the clouds need it. */
export function discoveryDocument(issuer: string): StaticDocument {
  return staticDocument({
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    token_endpoint: `${issuer}/oauth2/token`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
    claims_supported: claimNames,
  });
}

export function staticDocument(value: unknown, type = 'application/json'): StaticDocument {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  return { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

const publicHeaders = {
  'access-control-allow-origin': '*',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * Discovery, JWKS and health: answered from memory, never rate-limited, never behind the database, since every cloud asks
 * here before it accepts a token.
 */
export function serveDocuments(parts: AppParts): Koa.Middleware<RequestState> {
  const documents: Record<string, () => StaticDocument> = {
    '/.well-known/openid-configuration': () => parts.discovery,
    '/.well-known/jwks.json': parts.jwks,
  };
  return async (ctx, next) => {
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
    const document = isRead && Object.hasOwn(documents, ctx.path) ? documents[ctx.path]!() : undefined;
    if (document !== undefined) {
      ctx.set(publicHeaders);
      ctx.set('cache-control', `public, max-age=${document.maximum_age ?? jwksMaximumAge}`);
      answerDocument(ctx, document);
    } else if (isRead && ctx.path === '/healthz') {
      ctx.body = { status: 'ok' };
    } else if (isRead && ctx.path === '/readyz') {
      const fault = await parts.readiness();
      ctx.status = fault === undefined ? 200 : 503;
      ctx.body = fault === undefined ? { status: 'ready' } : { status: 'not ready', reason: fault };
    } else if (Object.hasOwn(documents, ctx.path) || ctx.path === '/healthz' || ctx.path === '/readyz') {
      offerReads(ctx);
    } else await next();
  };
}

/** The document, or 304 for whoever has it. */
export function answerDocument(
  ctx: Koa.ParameterizedContext<RequestState>,
  { body, etag, type }: StaticDocument,
): void {
  ctx.set('etag', etag);
  ctx.type = type;
  if (isKnown(ctx.get('if-none-match'), etag)) ctx.status = 304;
  else ctx.body = body;
}

/** RFC 9110 13.1.2, compared weakly. Not `ctx.fresh`, which looks at `Cache-Control` too, and fetch() sends that by itself. */
function isKnown(ifNoneMatch: string, etag: string): boolean {
  const known = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''));
  return known.includes(etag) || known.includes('*');
}

/** What is only read answers every other method with 405 (RFC 9110 15.5.6). */
export function offerReads(ctx: Koa.ParameterizedContext<RequestState>): void {
  ctx.status = 405;
  ctx.set('allow', 'GET, HEAD');
}
