import type { JWK } from 'jose';
import { isObject } from '../../core/json.ts';
import { parseObject } from '../form.ts';
import { IssuerUnreachable } from '../issuer.ts';
import { type DecodedToken, decodeToken, isSignedBy, isWholeSeconds } from '../jwt.ts';
import { byKeyId, type CachePolicy, type KeyCache } from '../keycache.ts';
import { oauthRefusal } from './errors.ts';
import type { PoolProvider } from './resources.ts';

/** Google keeps keys for an hour (threats.md 4.3); that a new `kid` makes it fetch sooner is documented nowhere. */
export const googleCachePolicy: CachePolicy = { lifetime: 60 * 60, refetchesUnknownKey: false, select: byKeyId };

const algorithms = ['RS256', 'ES256'];
/** Seconds between `iat` and `exp` (threats.md 3.2). */
const maximumLifetime = 24 * 60 * 60;
/** All that an uploaded key may have (cloud-facts.md 3.2). */
const uploadedMembers = ['kty', 'alg', 'use', 'kid', 'n', 'e', 'x', 'y', 'crv'];

/** The claims of a token that this provider believes. `now` in milliseconds. Texts that no source has are the sandbox's own. */
export async function verifyIdToken(
  token: string,
  provider: PoolProvider,
  keys: KeyCache,
  now: number,
): Promise<Record<string, unknown>> {
  const decoded = decodeToken(token);
  if (!decoded) throw grant('Unable to parse the ID Token.');
  const { header, claims } = decoded;
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg))
    throw grant(`The algorithm of the ID Token is none of ${algorithms.join(', ')}.`);
  if (typeof header.kid !== 'string') throw grant('The header of the ID Token has no kid.');
  if (claims.iss !== provider.issuer)
    throw grant(`The issuer in ID Token ${String(claims.iss)} does not match the expected ones: ${provider.issuer}`);
  await checkSignature(token, header.kid, provider, keys);
  checkTimes(decoded, Math.floor(now / 1000));
  // Whether Google takes an array is unverified, so none passes here.
  if (typeof claims.aud !== 'string' || !provider.allowed_audiences.includes(claims.aud))
    throw grant(`The audience in ID Token [${String(claims.aud)}] does not match the expected audience.`);
  return claims;
}

async function checkSignature(token: string, kid: string, provider: PoolProvider, keys: KeyCache): Promise<void> {
  try {
    const key = provider.jwks_json === undefined ? await keys.find(provider.issuer, kid) : uploadedKey(provider, kid);
    if (!key || !(await isSignedBy(token, key, algorithms))) throw grant('The signature of the ID Token is not valid.');
  } catch (error) {
    if (error instanceof IssuerUnreachable) throw grant("Error connecting to the given credential's issuer.");
    throw error;
  }
}

/** Throws IssuerUnreachable, since bad content of an upload shows as that. */
function uploadedKey({ jwks_json }: PoolProvider, kid: string): JWK | undefined {
  const { keys } = parseObject(jwks_json ?? '') ?? {};
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => isObject(key) && isUploadable(key)))
    throw new IssuerUnreachable('the uploaded JWKS is not usable');
  return byKeyId(keys as JWK[]).get(kid);
}

function isUploadable(key: Record<string, unknown>): boolean {
  const isPlain = Object.keys(key).every((member) => uploadedMembers.includes(member));
  return isPlain && (key.use === undefined || key.use === 'sig') && (key.kty === 'RSA' || key.kty === 'EC');
}

/** `now` in seconds. Google publishes no tolerance; with none here, what passes in the sandbox needs none of it. */
function checkTimes({ claims }: DecodedToken, now: number): void {
  const { iat, exp, nbf = 0 } = claims;
  if (!isWholeSeconds(iat) || !isWholeSeconds(exp) || !isWholeSeconds(nbf))
    throw grant('The ID Token must have iat and exp in whole seconds.');
  if (iat > now || nbf > now) throw grant(`ID Token issued at ${iat} is not valid yet.`);
  if (exp - iat > maximumLifetime) throw grant(`The ID Token lives longer than ${maximumLifetime} seconds.`);
  if (exp <= now) throw grant(`ID Token issued at ${iat} is stale to sign-in.`);
}

function grant(message: string) {
  return oauthRefusal('invalid_grant', message);
}
