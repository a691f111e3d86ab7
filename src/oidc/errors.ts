import { errors } from 'oidc-provider';
import { classifyOutcome } from '../core/audit.ts';
import { type ArsiaError, asArsiaError, type ErrorCode } from '../core/errors.ts';

/** A refusal: the error of RFC 6749 5.2, its form for people, and the fields of its audit event and log line. */
export interface Refusal {
  status: number;
  error: string;
  description: string;
  /** Status of the page for people; `message` and `advice` are its text. */
  page_status: number;
  message: string;
  advice: string;
  /** Seconds, for `Retry-After`. */
  retry_after: number | undefined;
  code: ErrorCode;
  outcome: 'refused' | 'failed';
  /** For the log and the audit. oidc-provider gives more detail here than in the response. */
  reason: string;
}

const defaultRetryAfter = 1;

/** HTTP status of the OAuth errors of ArsiaError. `invalid_client` is not among them. */
const statuses = {
  invalid_request: 400,
  invalid_target: 400,
  temporarily_unavailable: 503,
  server_error: 500,
} as const;

/**
 * Converts the error of a form without client authentication to `invalid_client` (RFC 6749 5.2). oidc-provider returns
 * `invalid_request` for it, as for a body that is not a form.
 */
export function convertMissingClient(thrown: unknown): unknown {
  const isMissing = thrown instanceof errors.InvalidRequest && thrown.error_description === missingClient;
  return isMissing ? new errors.InvalidClientAuth(missingClient) : thrown;
}

const missingClient = 'no client authentication mechanism provided';

/** Converts any error of a request to a refusal. */
export function toRefusal(thrown: unknown): Refusal {
  return thrown instanceof errors.OIDCProviderError && thrown.expose
    ? convertProviderError(thrown)
    : convertArsiaError(asArsiaError(thrown));
}

function convertProviderError(error: errors.OIDCProviderError): Refusal {
  const description = error.error_description ?? error.message;
  const isLost = error instanceof errors.SessionNotFound || lostForm.test(description);
  const isTooLarge = error.cause instanceof Error && error.cause.message === 'request entity too large';
  return {
    status: isTooLarge ? 413 : error.statusCode,
    error: error.error,
    description: isTooLarge ? 'the body is too large: send at most 56 KiB' : description,
    page_status: isTooLarge ? 413 : error.statusCode,
    message: isLost
      ? 'This sign-in was not started in this browser, has ended, or has expired.'
      : formatSentence(description),
    advice: isLost ? 'Go back to the application where you wanted to sign in, and start again.' : '',
    retry_after: undefined,
    code: isTooLarge ? 'body_too_large' : error.error === 'invalid_client' ? 'unauthenticated' : 'invalid_request',
    outcome: 'refused',
    reason: error.error_detail ?? description,
  };
}

function convertArsiaError(error: ArsiaError): Refusal {
  const { oauth } = error.row;
  return {
    status: statuses[oauth],
    error: oauth,
    description: `${error.message} ${error.advice}`,
    page_status: error.row.status,
    message: error.message,
    advice: error.advice,
    retry_after: oauth === 'temporarily_unavailable' ? (error.more.retry_after ?? defaultRetryAfter) : undefined,
    code: error.code,
    outcome: classifyOutcome(error),
    reason: error.message,
  };
}

/** Errors of oidc-provider for a form that was not issued to this browser. */
const lostForm = /^(xsrf token invalid|could not find (device form|logout) details)$/;

function formatSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

export function createScopeError(): Error {
  return new errors.CustomOIDCProviderError('invalid_scope', 'no scope is offered: omit `scope`');
}

/**
 * Replaces characters that RFC 6749 5.2 does not allow in a description (%x20-21 / %x23-5B / %x5D-7E); strict clients fail on
 * them.
 */
export function sanitizeDescription(text: string): string {
  return text
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replace(/[^\x20-\x7e]/g, '?');
}
