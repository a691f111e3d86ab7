import type { JWK } from 'jose';
import { isObject } from '../../core/json.ts';
import { parseObject } from '../form.ts';
import { IssuerUnreachable } from '../issuer.ts';
import { type DecodedToken, decodeToken, isSignedBy, isWholeSeconds } from '../jwt.ts';
import { type CachePolicy, indexByKeyId, type KeyCache } from '../keycache.ts';
import { createOauthRefusal } from './errors.ts';
import type { PoolProvider } from './resources.ts';

/** Google caches keys for an hour (threats.md 4.3). It is not documented that an unknown `kid` makes it fetch again. */
export const googleCachePolicy: CachePolicy = { lifetime: 60 * 60, refetchesUnknownKey: false, select: indexByKeyId };

const algorithms = ['RS256', 'ES256'];
/** Seconds between `iat` and `exp` (threats.md 3.2). */
const maximumLifetime = 24 * 60 * 60;
/** The members that an uploaded key may have (cloud-facts.md 3.2). */
const uploadedMembers = ['kty', 'alg', 'use', 'kid', 'n', 'e', 'x', 'y', 'crv'];

/**
 * Verifies a token and returns its claims. `now` is in milliseconds. Throws Refusal; messages without a source are the
 * sandbox's own.
 */
export async function verifyIdToken(
  token: string,
  provider: PoolProvider,
  keys: KeyCache,
  now: number,
): Promise<Record<string, unknown>> {
  const decoded = decodeToken(token);
  if (!decoded) throw refuseGrant('Unable to parse the ID Token.');
  const { header, claims } = decoded;
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg))
    throw refuseGrant(`The algorithm of the ID Token is none of ${algorithms.join(', ')}.`);
  if (typeof header.kid !== 'string') throw refuseGrant('The header of the ID Token has no kid.');
  if (claims.iss !== provider.issuer)
    throw refuseGrant(
      `The issuer in ID Token ${String(claims.iss)} does not match the expected ones: ${provider.issuer}`,
    );
  await checkSignature(token, header.kid, provider, keys);
  checkTimes(decoded, Math.floor(now / 1000));
  // It is not verified that Google accepts an array, so that the sandbox refuses it.
  if (typeof claims.aud !== 'string' || !provider.allowed_audiences.includes(claims.aud))
    throw refuseGrant(`The audience in ID Token [${String(claims.aud)}] does not match the expected audience.`);
  return claims;
}

async function checkSignature(token: string, kid: string, provider: PoolProvider, keys: KeyCache): Promise<void> {
  try {
    const key =
      provider.jwks_json === undefined ? await keys.find(provider.issuer, kid) : findUploadedKey(provider, kid);
    if (!key || !(await isSignedBy(token, key, algorithms)))
      throw refuseGrant('The signature of the ID Token is not valid.');
  } catch (error) {
    if (error instanceof IssuerUnreachable) throw refuseGrant("Error connecting to the given credential's issuer.");
    throw error;
  }
}

/** Finds a key of the uploaded JWKS. Throws IssuerUnreachable for bad content, which Google reports in the same way. */
function findUploadedKey({ jwks_json }: PoolProvider, kid: string): JWK | undefined {
  const { keys } = parseObject(jwks_json ?? '') ?? {};
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => isObject(key) && isUploadable(key)))
    throw new IssuerUnreachable('the uploaded JWKS is not usable');
  return indexByKeyId(keys as JWK[]).get(kid);
}

function isUploadable(key: Record<string, unknown>): boolean {
  const isPlain = Object.keys(key).every((member) => uploadedMembers.includes(member));
  return isPlain && (key.use === undefined || key.use === 'sig') && (key.kty === 'RSA' || key.kty === 'EC');
}

/**
 * Checks the times without tolerance; `now` is in seconds. Google publishes no tolerance, and a token that passes here needs
 * none.
 */
function checkTimes({ claims }: DecodedToken, now: number): void {
  const { iat, exp, nbf = 0 } = claims;
  if (!isWholeSeconds(iat) || !isWholeSeconds(exp) || !isWholeSeconds(nbf))
    throw refuseGrant('The ID Token must have iat and exp in whole seconds.');
  if (iat > now || nbf > now) throw refuseGrant(`ID Token issued at ${iat} is not valid yet.`);
  if (exp - iat > maximumLifetime) throw refuseGrant(`The ID Token lives longer than ${maximumLifetime} seconds.`);
  if (exp <= now) throw refuseGrant(`ID Token issued at ${iat} is stale to sign-in.`);
}

function refuseGrant(message: string) {
  return createOauthRefusal('invalid_grant', message);
}
