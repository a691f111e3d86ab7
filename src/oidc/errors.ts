import { errors } from 'oidc-provider';
import { outcomeOf } from '../core/audit.ts';
import { type ArsiaError, asArsiaError, type ErrorCode } from '../core/errors.ts';

/** A refusal as it leaves: RFC 6749 5.2 in the body, and what the audit and the log say of it. */
export interface Refusal {
  status: number;
  error: string;
  description: string;
  /** The same for people. */
  page_status: number;
  message: string;
  advice: string;
  /** Seconds, for `Retry-After`. */
  retry_after: number | undefined;
  code: ErrorCode;
  outcome: 'refused' | 'failed';
  /** For the log and the audit; oidc-provider tells more here than outside. */
  reason: string;
}

const defaultRetryAfter = 1;

/** OAuth's status of what ArsiaError knows; `invalid_client` never comes from there. */
const statuses = {
  invalid_request: 400,
  invalid_target: 400,
  temporarily_unavailable: 503,
  server_error: 500,
} as const;

/**
 * A form without a client is `invalid_client` (RFC 6749 5.2: "no client authentication included"); oidc-provider calls it an
 * invalid request, as it calls what is no form at all.
 */
export function asMissingClient(thrown: unknown): unknown {
  const isMissing = thrown instanceof errors.InvalidRequest && thrown.error_description === missingClient;
  return isMissing ? new errors.InvalidClientAuth(missingClient) : thrown;
}

const missingClient = 'no client authentication mechanism provided';

/** Anything that was thrown while a request was answered, outward. oidc-provider makes 500 of whatever is not its own. */
export function refusalOf(thrown: unknown): Refusal {
  return thrown instanceof errors.OIDCProviderError && thrown.expose
    ? ofProvider(thrown)
    : ofArsia(asArsiaError(thrown));
}

function ofProvider(error: errors.OIDCProviderError): Refusal {
  const description = error.error_description ?? error.message;
  const isLost = error instanceof errors.SessionNotFound || lostForm.test(description);
  const isTooLarge = error.cause instanceof Error && error.cause.message === 'request entity too large';
  return {
    status: isTooLarge ? 413 : error.statusCode,
    error: error.error,
    description: isTooLarge ? 'the body is too large: send at most 56 KiB' : description,
    page_status: isTooLarge ? 413 : error.statusCode,
    message: isLost ? 'This was not begun in this browser, is over, or has expired.' : asSentence(description),
    advice: isLost ? 'Go back to where you wanted to sign in, and start again there.' : '',
    retry_after: undefined,
    code: isTooLarge ? 'body_too_large' : error.error === 'invalid_client' ? 'unauthenticated' : 'invalid_request',
    outcome: 'refused',
    reason: error.error_detail ?? description,
  };
}

function ofArsia(error: ArsiaError): Refusal {
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
    outcome: outcomeOf(error),
    reason: error.message,
  };
}

/** What oidc-provider says of a form that another browser, or nobody, was given. */
const lostForm = /^(xsrf token invalid|could not find (device form|logout) details)$/;

function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

export function noScope(): Error {
  return new errors.CustomOIDCProviderError('invalid_scope', 'no scope is offered: leave scope out');
}

/** RFC 6749 5.2 allows %x20-21 / %x23-5B / %x5D-7E in a description; strict clients fail on anything else. */
export function descriptionText(text: string): string {
  return text
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replace(/[^\x20-\x7e]/g, '?');
}
