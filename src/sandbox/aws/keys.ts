import { X509Certificate } from 'node:crypto';
import type { JWK } from 'jose';
import { IssuerUnreachable } from '../issuer.ts';
import { type CachePolicy, indexByKeyId } from '../keycache.ts';

/**
 * AWS caches keys and fetches again for an unknown `kid` (threats.md 3.2, 4.3). The cache time is not published. 24 h is a
 * cautious guess: a key that was removed from the JWKS still verifies for that long.
 */
export const awsCachePolicy: CachePolicy = {
  lifetime: 24 * 60 * 60,
  refetchesUnknownKey: true,
  select(keys) {
    for (const type of ['RSA', 'EC']) {
      if (keys.filter((key) => key.kty === type).length > maximumKeys)
        throw new IssuerUnreachable(`more than ${maximumKeys} ${type} keys`);
    }
    return indexByKeyId(keys.filter(isAccepted));
  },
};

const maximumKeys = 100;

/**
 * Returns whether AWS accepts a key. Observed (threats.md 3.2): it refuses any `key_ops`, a `use` other than `sig`, and an
 * `x5c` of another key.
 */
function isAccepted(key: JWK): boolean {
  return key.key_ops === undefined && (key.use === undefined || key.use === 'sig') && hasMatchingCertificate(key);
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
