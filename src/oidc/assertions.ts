import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Clock } from '../clock.ts';
import { hour } from '../core/lifetimes.ts';
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
    const now = clock.now() / 1000;
    const fault = [
      keyHeaders.some((name) => name in header) && 'the header must not carry a key or name its place',
      !audiences.includes(claims.aud) && `aud must be the string ${audiences.join(' or ')}`,
      Number(claims.exp) > now + maximumLifetime + clockTolerance && `exp must be at most ${maximumLifetime} s ahead`,
      claims.iat !== undefined && Number(claims.iat) > now + clockTolerance && 'iat must not be in the future',
    ].find((one) => one !== false);
    if (fault !== undefined) throw new errors.InvalidClientAuth(fault);
  };
}

function assertionOf(ctx: KoaContextWithOIDC): string {
  return String(ctx.oidc.params?.client_assertion);
}

/**
 * One text per assertion: base64url without stray bits, UTF-8, and no member twice, since parsers disagree about the
 * winner (threats.md M14, N7).
 */
export function isCanonical(jws: string): boolean {
  const parts = jws.split('.').map((part) => Buffer.from(part, 'base64url'));
  if (parts.map((bytes) => bytes.toString('base64url')).join('.') !== jws) return false;
  return parts.slice(0, 2).every(isPlainJson);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** A string of valid JSON, with the colon after it when it names a member. */
const jsonString = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

function isPlainJson(bytes: Uint8Array): boolean {
  try {
    const text = utf8.decode(bytes);
    const written = [...text.matchAll(jsonString)].filter((match) => match[1] !== undefined).length;
    return written === countMembers(JSON.parse(text));
  } catch {
    return false;
  }
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const members = Object.values(value);
  const own = Array.isArray(value) ? 0 : members.length;
  return members.reduce<number>((sum, member) => sum + countMembers(member), own);
}
