import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';
import { ArsiaError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';

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
  if (thrown instanceof AuthorizationResponseError)
    return new ArsiaError(
      'sign_in_refused',
      `The identity provider refused the sign-in with ${sanitizeErrorCode(thrown.error)}.`,
      {
        advice: 'Sign in again, and confirm what the identity provider asks for.',
      },
    );
  if (thrown instanceof ResponseBodyError && thrown.error === 'invalid_grant')
    return createUnverifiedError('invalid_grant');
  const { code } = thrown as { code?: unknown };
  if (thrown instanceof ClientError && code !== undefined && !brokenAnswers.has(code))
    return createUnverifiedError(findWrongClaim(thrown) ?? String(code));
  return createUnavailableError(thrown);
}

/** Creates the error of a provider that is unreachable, faulty, or refuses this installation as a client. */
export function createUnavailableError(thrown: unknown): ArsiaError {
  return new ArsiaError('sign_in_unavailable', 'The identity provider did not respond correctly.', {
    cause: new Error(formatCauses(thrown)),
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
