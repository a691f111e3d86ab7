import type Koa from 'koa';
import { ArsiaError, asArsiaError } from '../core/errors.ts';
import { isLongUnread } from './body.ts';
import type { AppLog, RequestState } from './parts.ts';
import { problemOf } from './problem.ts';

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
    const { request_id } = ctx.state.origin;
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
