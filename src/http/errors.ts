import { randomUUID } from 'node:crypto';
import type Koa from 'koa';
import { ArsiaError, asArsiaError } from '../core/errors.ts';
import { isLongUnread } from './body.ts';
import type { AppLog, RequestState } from './parts.ts';
import { problemOf } from './problem.ts';

/** Not what begins like a token or a key of ours or of a cloud: a request id goes to every log and audit record. */
const harmlessId = /^(?!arsia_|eyJ|AKIA|ASIA|ya29)[\w.-]{8,64}$/;

/** The caller's own id where it is harmless, else one of ours; every answer, log line and audit record carries it. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && harmlessId.test(given) ? given : randomUUID();
}

/** On every answer; what is public sets its own caching. */
export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000',
  'cache-control': 'no-store',
} as const;

/** The outermost answer: every error as problem JSON, and what nothing answered as one too. */
export function renderErrors(log: AppLog): Koa.Middleware<RequestState> {
  return async (ctx, next) => {
    const started = performance.now();
    const { request_id } = ctx.state;
    try {
      await next();
      if (ctx.respond === false) return;
      // 501 is the router's word for methods that HTTP knows and nobody here offers.
      if (ctx.status === 405 || ctx.status === 501)
        throw new ArsiaError('method_not_allowed', `${ctx.method} is not offered here.`);
      if (ctx.status === 404 && ctx.body === undefined)
        throw new ArsiaError('not_found', 'There is no such route.', { advice: 'Check the path and the method.' });
    } catch (thrown) {
      const error = asArsiaError(thrown);
      const { status, headers, body } = problemOf(error, request_id, ctx.req.headers.authorization);
      ctx.status = status;
      ctx.set(headers);
      if (isLongUnread(ctx.req)) ctx.set('connection', 'close');
      ctx.body = JSON.stringify(body);
      failed(log, error, request_id);
    } finally {
      told(log, { request_id, method: ctx.method, status: ctx.status, started });
    }
  };
}

export function failed(log: AppLog, error: ArsiaError, request_id: string): void {
  if (error.row.status >= 500) log.error({ err: error, request_id, error_code: error.code }, 'a request failed');
}

/** `started` as `performance.now()` has it. Never the URL: it may hold what is somebody's secret. */
export function told(
  log: AppLog,
  { started, ...request }: { request_id: string; method: string; status: number; started: number },
): void {
  log.info({ ...request, duration_ms: Math.round((performance.now() - started) * 10) / 10 }, 'request');
}
