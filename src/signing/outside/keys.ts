import { createPublicKey, hash } from 'node:crypto';
import type { JWK } from 'jose';
import { isObject } from '../../core/json.ts';

/** Keys of an issuer beyond this number are ignored. AWS has the same limit. */
const maximumKeys = 100;
/** Bits. A shorter key can be broken; a longer one makes verification slow. */
const modulus = { minimum: 2048, maximum: 8192 };
const curves = ['P-256', 'P-384', 'P-521'];

/** The members of a key that verification uses. `x5c` and others are dropped: only the published key itself counts. */
const members = ['kty', 'kid', 'use', 'key_ops', 'alg', 'n', 'e', 'crv', 'x', 'y'];

/** Returns the keys of a JWK Set (RFC 7517 5) that can verify a token. Others are skipped. */
export function readUsableKeys(set: unknown): JWK[] {
  if (!isObject(set) || !Array.isArray(set.keys)) return [];
  const keys: unknown[] = set.keys.slice(0, maximumKeys);
  return keys.filter(isUsable).map((key) => {
    const entries = members.filter((name) => key[name] !== undefined).map((name) => [name, key[name]]);
    return Object.fromEntries(entries) as JWK;
  });
}

/** Returns the thumbprint of a public key (RFC 7638). */
export function computeThumbprint(key: Readonly<Record<string, unknown>>): string {
  const names = key.kty === 'RSA' ? ['e', 'kty', 'n'] : ['crv', 'kty', 'x', 'y'];
  return hash('sha256', JSON.stringify(Object.fromEntries(names.map((name) => [name, key[name]]))), 'base64url');
}

/** Returns whether a key can verify a token. Node also finds a point that is not on its curve. */
export function isUsable(key: unknown): key is Record<string, unknown> {
  if (!isObject(key) || (key.kty !== 'RSA' && key.kty !== 'EC')) return false;
  if (key.kid !== undefined && typeof key.kid !== 'string') return false;
  try {
    const { kty, n, e, crv, x, y } = key;
    const material = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y };
    const { modulusLength = 0, publicExponent } = createPublicKey({ key: material as never, format: 'jwk' })
      .asymmetricKeyDetails!;
    if (kty === 'EC') return curves.includes(crv as string);
    return modulusLength >= modulus.minimum && modulusLength <= modulus.maximum && publicExponent === 65537n;
  } catch {
    return false;
  }
}
