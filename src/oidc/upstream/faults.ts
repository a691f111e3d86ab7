import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';
import { ArsiaError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { explainFault, explainOAuthError } from './explanations.ts';

/** Codes of openid-client for a provider that is unreachable or faulty. All other codes mean that verification failed. */
const brokenAnswers = new Set<unknown>([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
  'OAUTH_MISSING_SERVER_METADATA',
  'OAUTH_INVALID_SERVER_METADATA',
  'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
]);

/** Converts an error of openid-client to an ArsiaError. Drops its causes, because they contain claims and parameters. */
export function toArsiaError(thrown: unknown): ArsiaError {
  if (thrown instanceof ArsiaError) return thrown;
  if (thrown instanceof AuthorizationResponseError) return createRefusedError(thrown.error);
  if (thrown instanceof ResponseBodyError && thrown.error === 'invalid_grant')
    return createUnverifiedError('invalid_grant');
  const { code } = thrown as { code?: unknown };
  if (thrown instanceof ClientError && code !== undefined && !brokenAnswers.has(code))
    return createUnverifiedError(findWrongClaim(thrown) ?? String(code));
  return createUnavailableError(thrown, 'tokens');
}

/**
 * Creates the error of a provider that is unreachable, faulty, or refuses this installation as a client. Its detail names
 * the setting to check, since the audit and the page of the person have no more.
 */
export function createUnavailableError(thrown: unknown, part: 'metadata' | 'tokens'): ArsiaError {
  const explanation = thrown instanceof ArsiaError ? undefined : explainFault(thrown, part);
  const detail = `The identity provider did not respond correctly${explanation === undefined ? '' : `: ${explanation}`}.`;
  return new ArsiaError('sign_in_unavailable', thrown instanceof ArsiaError ? `${detail} ${thrown.message}` : detail, {
    advice:
      explanation === undefined
        ? 'Try again. If it fails again, give the operator the request id.'
        : 'Give the operator this message and the request id.',
    cause: new Error(formatCauses(thrown)),
  });
}

/** Creates the error of a sign-in that the provider refused with an OAuth error: by the person, or for a setting. */
function createRefusedError(error: string): ArsiaError {
  const explanation = explainOAuthError(error);
  const detail = `The identity provider refused the sign-in with ${sanitizeErrorCode(error)}.`;
  return explanation === undefined
    ? new ArsiaError('sign_in_refused', detail, {
        advice: 'Sign in again, and confirm what the identity provider asks for.',
      })
    : new ArsiaError('sign_in_refused', `${detail.slice(0, -1)}: ${explanation}.`, {
        advice: 'Give the operator this message and the request id.',
      });
}

export function createUnverifiedError(what: string): ArsiaError {
  return new ArsiaError('sign_in_refused', `The response of the identity provider could not be verified: ${what}.`, {
    advice: 'Sign in again. If it fails again, give the operator the request id.',
  });
}

/** Returns the claim that failed verification. */
function findWrongClaim(error: ClientError): string | undefined {
  const { cause } = error.cause instanceof Error ? error.cause : { cause: undefined };
  const claim = isObject(cause) ? cause.claim : undefined;
  return typeof claim === 'string' ? `the claim ${claim} is wrong` : undefined;
}

/** Formats the messages of an error and its causes for the log. */
function formatCauses(thrown: unknown): string {
  const parts: string[] = [];
  for (let error = thrown; error instanceof Error && parts.length < 4; error = error.cause) {
    const named = error instanceof ResponseBodyError ? ` ${sanitizeErrorCode(error.error)}` : '';
    parts.push(`${error.message}${named}`);
  }
  return parts.join(': ');
}

/** Returns the error code of a response only if it is a plain word: the sender of the link can choose this text. */
function sanitizeErrorCode(error: string): string {
  return /^[a-z_]{1,40}$/.test(error) ? error : 'an error';
}
