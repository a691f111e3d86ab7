import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Clock } from '../core/clock.ts';
import { hour } from '../core/lifetimes.ts';
import { findTimeFault } from '../core/numericdates.ts';
import { isCanonical } from '../signing/compact.ts';
import { clockTolerance } from './names.ts';
import { endpoints } from './routes.ts';

/** Seconds. The mark of a used assertion is kept until it expires, so that an expiry far ahead would be kept for as long. */
const maximumLifetime = hour;

/** A client's keys are those registered; a key that comes with the assertion proves nothing (RFC 8725 3.10, threats.md N5, N6). */
const keyHeaders = ['jku', 'jwk', 'x5u', 'x5c'];

type AssertionCheck = NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']>;

/** RFC 7523 3 beyond what oidc-provider checks. Runs after the signature was verified and before the `jti` is used up. */
export function createAssertionCheck(issuer: string, clock: Clock): AssertionCheck {
  const audiences: unknown[] = [issuer, `${issuer}${endpoints.token}`];
  return (ctx, claims, header) => {
    if (!isCanonical(assertionOf(ctx)))
      throw new errors.InvalidRequest('client_assertion must be a JWS in its one canonical form');
    const now = Math.floor(clock.now() / 1000);
    const time = findTimeFault(claims, { now, tolerance: clockTolerance, lifetime: maximumLifetime + clockTolerance });
    const fault = [
      keyHeaders.some((name) => name in header) && 'the header must not carry a key or name its place',
      !audiences.includes(claims.aud) && `aud must be the string ${audiences.join(' or ')}`,
      time !== undefined && `${time.claim} is ${time.actual}; it must be ${time.expected}`,
    ].find((one) => one !== false);
    if (fault !== undefined) throw new errors.InvalidClientAuth(fault);
  };
}

function assertionOf(ctx: KoaContextWithOIDC): string {
  return String(ctx.oidc.params?.client_assertion);
}
