import type Koa from 'koa';
import { ArsiaError, asArsiaError } from '../core/errors.ts';
import type { AppLog, RequestState } from './app.ts';
import { problemOf } from './problem.ts';

/** The outermost answer: every error as problem JSON, and what nothing answered as one too. */
export function renderErrors(log: AppLog): Koa.Middleware<RequestState> {
  return async (ctx, next) => {
    const started = performance.now();
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
      const { status, headers, body } = problemOf(error, ctx.state.request_id);
      ctx.status = status;
      ctx.set(headers);
      ctx.body = JSON.stringify(body);
      if (status >= 500)
        log.error({ err: error, request_id: ctx.state.request_id, code: error.code }, 'a request failed');
    } finally {
      const duration_ms = Math.round((performance.now() - started) * 10) / 10;
      log.info({ request_id: ctx.state.request_id, method: ctx.method, status: ctx.status, duration_ms }, 'request');
    }
  };
}
