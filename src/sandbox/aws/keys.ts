import { X509Certificate } from 'node:crypto';
import type { JWK } from 'jose';
import { type CachePolicy, indexByKeyId } from '../keycache.ts';

/**
 * AWS caches keys and fetches again for an unknown `kid` (threats.md 3.2, 4.3). The cache time is not published. 24 h is a
 * cautious guess: a key that was removed from the JWKS still verifies for that long.
 */
export const awsCachePolicy: CachePolicy = {
  lifetime: 24 * 60 * 60,
  refetchesUnknownKey: true,
  select(keys) {
    // Too many keys of one type block tokens of this type only (cases/aws-facts.md 21).
    const isCounted = ({ kty }: JWK) => keys.filter((key) => key.kty === kty).length <= maximumKeys;
    const byId = indexByKeyId(keys.filter(isAccepted).filter(isCounted));
    const [first] = byId.values();
    return byId.size === 1 ? new Map([...byId, [soleKey, first!]]) : byId;
  },
};

/** The name under which the only published key is found for a token without `kid` (cases/aws-facts.md 16). No `kid` is like it. */
export const soleKey = '\u0000';

const maximumKeys = 100;

/**
 * Returns whether AWS finds a key: not one with a `use` other than `sig`, or an `x5c` of another key. One with `key_ops` is found, and
 * verifies nothing (cases/aws-facts.md 18, 20).
 */
function isAccepted(key: JWK): boolean {
  return (key.use === undefined || key.use === 'sig') && hasMatchingCertificate(key);
}

function hasMatchingCertificate(key: JWK): boolean {
  const [first] = key.x5c ?? [];
  if (first === undefined) return true;
  try {
    const certified = new X509Certificate(Buffer.from(first, 'base64')).publicKey.export({ format: 'jwk' });
    return (['kty', 'n', 'e', 'crv', 'x', 'y'] as const).every((member) => certified[member] === key[member]);
  } catch {
    return false;
  }
}
