import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';
import { ArsiaError } from '../../core/errors.ts';

/** Codes of openid-client for a provider that is away or broken; everything else is an answer that proves nothing. */
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

/** What openid-client threw, as Arsia says it. Its causes hold claims and parameters, and are left behind. */
export function faultOf(thrown: unknown): ArsiaError {
  if (thrown instanceof ArsiaError) return thrown;
  if (thrown instanceof AuthorizationResponseError)
    return new ArsiaError('sign_in_refused', `The identity provider answered ${errorName(thrown.error)}.`, {
      advice: 'Sign in again, and confirm what the identity provider asks.',
    });
  if (thrown instanceof ResponseBodyError && thrown.error === 'invalid_grant') return unproven('invalid_grant');
  const { code } = thrown as { code?: unknown };
  if (thrown instanceof ClientError && code !== undefined && !brokenAnswers.has(code))
    return unproven(claimOf(thrown) ?? String(code));
  return unavailable(thrown);
}

/** The provider is away, broken, or refuses this installation as a client: nothing that the person can mend. */
export function unavailable(thrown: unknown): ArsiaError {
  return new ArsiaError('sign_in_unavailable', 'The identity provider did not respond correctly.', {
    cause: new Error(reasonOf(thrown)),
  });
}

export function unproven(what: string): ArsiaError {
  return new ArsiaError('sign_in_refused', `The answer of the identity provider could not be verified: ${what}.`, {
    advice: 'Sign in again. If it goes on, tell the operator the request id.',
  });
}

/** The claim that is not what it should be. */
function claimOf(error: ClientError): string | undefined {
  const { cause } = error.cause instanceof Error ? error.cause : { cause: undefined };
  const claim = typeof cause === 'object' && cause !== null && 'claim' in cause ? cause.claim : undefined;
  return typeof claim === 'string' ? `the claim ${claim} is wrong` : undefined;
}

/** For the log: codes and messages of each error in the chain. */
function reasonOf(thrown: unknown): string {
  const parts: string[] = [];
  for (let error = thrown; error instanceof Error && parts.length < 4; error = error.cause) {
    const named = error instanceof ResponseBodyError ? ` ${errorName(error.error)}` : '';
    parts.push(`${error.message}${named}`);
  }
  return parts.join(': ');
}

/** The provider's text, or that of whoever made the link: shown only where it is a plain error code. */
function errorName(error: string): string {
  return /^[a-z_]{1,40}$/.test(error) ? error : 'an error';
}
