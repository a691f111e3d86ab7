import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Clock } from '../core/clock.ts';
import { hour } from '../core/lifetimes.ts';
import { findTimeFault } from '../core/numericdates.ts';
import { isCanonical } from '../signing/compact.ts';
import { clockTolerance } from './names.ts';
import { endpoints } from './routes.ts';

/** Seconds. The `jti` of a used assertion is stored until the assertion expires, so that the lifetime must be bounded. */
const maximumLifetime = hour;

/** Headers that carry a key. Only registered keys authenticate a client (RFC 8725 3.10, threats.md N5, N6). */
const keyHeaders = ['jku', 'jwk', 'x5u', 'x5c'];

type AssertionCheck = NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']>;

/**
 * Creates the checks of RFC 7523 3 that oidc-provider does not make. They run after the signature was verified and before the
 * `jti` is stored as used. Throws InvalidRequest and InvalidClientAuth.
 */
export function createAssertionCheck(issuer: string, clock: Clock): AssertionCheck {
  const audiences: unknown[] = [issuer, `${issuer}${endpoints.token}`];
  return (ctx, claims, header) => {
    if (!isCanonical(readAssertion(ctx)))
      throw new errors.InvalidRequest(
        'client_assertion must be a JWS in canonical form: base64url without stray bits, no member twice',
      );
    const now = Math.floor(clock.now() / 1000);
    const time = findTimeFault(claims, { now, tolerance: clockTolerance, lifetime: maximumLifetime + clockTolerance });
    const fault = [
      keyHeaders.some((name) => name in header) &&
        'the header must not contain a key or the URL of one (jku, jwk, x5u, x5c)',
      !audiences.includes(claims.aud) && `aud must be the string ${audiences.join(' or ')}`,
      time !== undefined && `${time.claim} is ${time.actual}; it must be ${time.expected}`,
    ].find((one) => one !== false);
    if (fault !== undefined) throw new errors.InvalidClientAuth(fault);
  };
}

function readAssertion(ctx: KoaContextWithOIDC): string {
  return String(ctx.oidc.params?.client_assertion);
}
