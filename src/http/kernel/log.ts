import type { ArsiaError } from '../../core/errors.ts';
import type { LoggedFacts } from '../../core/loggedfacts.ts';

export interface RequestLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Logs an error that is not the caller's fault. */
export function logFailure(log: RequestLog, error: ArsiaError, request_id: string): void {
  if (error.row.status >= 500) log.error({ err: error, request_id, error_code: error.code }, 'a request failed');
}

/**
 * Logs one line for a request. The URL is left out, since it may hold a secret; the template of its route has none. `started`
 * is a `performance.now()`.
 */
export function logRequest(
  log: RequestLog,
  { request_id, method, status, started }: { request_id: string; method: string; status: number; started: number },
  { route, caller, error_code }: LoggedFacts,
): void {
  log.info(
    {
      request_id,
      method,
      route,
      status,
      // Not `code`, whose value the log redacts: an authorization code has that name.
      error_code,
      actor_kind: caller?.kind,
      actor_id: caller?.id ?? undefined,
      organization_id: caller?.organization_id ?? undefined,
      duration_ms: Math.round((performance.now() - started) * 10) / 10,
    },
    'request',
  );
}
