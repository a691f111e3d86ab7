import type { ArsiaError } from '../../core/errors.ts';

/** Seconds of `Retry-After` where the error has none. */
const retryAfter = 2;

export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

/** Renders an error as RFC 9457 problem JSON. OAuth endpoints render theirs in `src/oidc/errors.ts`. */
export function problemOf(error: ArsiaError, request_id: string, authorization: string | undefined): Problem {
  const { row, more, code } = error;
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  const isTemporary = row.status === 503 || code === 'too_many_requests' || code === 'request_in_progress';
  if (isTemporary) headers['retry-after'] = String(more.retry_after ?? retryAfter);
  // RFC 6750 3: a request without a token gets no error code.
  if (row.status === 401)
    headers['www-authenticate'] = `Bearer realm="arsia"${authorization === undefined ? '' : ', error="invalid_token"'}`;
  return {
    status: row.status,
    headers,
    body: {
      type: 'about:blank',
      title: row.title,
      status: row.status,
      code,
      detail: error.message,
      advice: error.advice,
      request_id,
      ...(more.fields && { errors: more.fields }),
      ...(more.condition !== undefined && {
        condition: more.condition,
        expected: more.expected,
        actual: more.actual,
      }),
      ...(more.cloud && { cloud: more.cloud }),
    },
  };
}
