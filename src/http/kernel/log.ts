import type { ArsiaError } from '../../core/errors.ts';

export interface RequestLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Logs an error that is not the caller's fault. */
export function logFailure(log: RequestLog, error: ArsiaError, request_id: string): void {
  if (error.row.status >= 500) log.error({ err: error, request_id, error_code: error.code }, 'a request failed');
}

/** Logs one line for a request. The URL is left out, since it may hold a secret. `started` is a `performance.now()`. */
export function logRequest(
  log: RequestLog,
  { started, ...request }: { request_id: string; method: string; status: number; started: number },
): void {
  log.info({ ...request, duration_ms: Math.round((performance.now() - started) * 10) / 10 }, 'request');
}
