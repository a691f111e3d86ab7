import { createPublicKey } from 'node:crypto';
import type { JWK } from 'jose';
import { isObject } from '../../core/json.ts';

/** As many keys of an issuer are looked at; AWS takes no more either. */
const maximumKeys = 100;
/** Bits. A weaker key can be broken, a stronger one makes a verification slow. */
const modulus = { minimum: 2048, maximum: 8192 };
const curves = ['P-256', 'P-384', 'P-521'];

/** What a key is verified by. `x5c` and the like are left behind: the key is what the issuer publishes. */
const members = ['kty', 'kid', 'use', 'key_ops', 'alg', 'n', 'e', 'crv', 'x', 'y'];

/** The keys of a JWK Set (RFC 7517 5) that are fit to verify a token; the others are passed over. */
export function usableKeys(set: unknown): JWK[] {
  if (!isObject(set) || !Array.isArray(set.keys)) return [];
  const keys: unknown[] = set.keys.slice(0, maximumKeys);
  return keys.filter(isUsable).map((key) => {
    const entries = members.filter((name) => key[name] !== undefined).map((name) => [name, key[name]]);
    return Object.fromEntries(entries) as JWK;
  });
}

function isUsable(key: unknown): key is Record<string, unknown> {
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
