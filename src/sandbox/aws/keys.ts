import { X509Certificate } from 'node:crypto';
import type { JWK } from 'jose';
import { IssuerUnreachable } from '../issuer.ts';
import { byKeyId, type CachePolicy } from '../keycache.ts';

/**
 * AWS keeps keys and fetches again for a `kid` that it does not know (threats.md 3.2, 4.3). For how long it keeps them is
 * published nowhere; 24 h is the cautious guess, since a key that has left the JWKS goes on verifying that long.
 */
export const awsCachePolicy: CachePolicy = {
  lifetime: 24 * 60 * 60,
  refetchesUnknownKey: true,
  select(keys) {
    for (const type of ['RSA', 'EC']) {
      if (keys.filter((key) => key.kty === type).length > maximumKeys)
        throw new IssuerUnreachable(`more than ${maximumKeys} ${type} keys`);
    }
    return byKeyId(keys.filter(isTaken));
  },
};

const maximumKeys = 100;

/** Observed at AWS (threats.md 3.2): `key_ops` of any content, another use than `sig` and an `x5c` of another key are refused. */
function isTaken(key: JWK): boolean {
  return key.key_ops === undefined && (key.use === undefined || key.use === 'sig') && agreesWithCertificate(key);
}

function agreesWithCertificate(key: JWK): boolean {
  const [first] = key.x5c ?? [];
  if (first === undefined) return true;
  try {
    const certified = new X509Certificate(Buffer.from(first, 'base64')).publicKey.export({ format: 'jwk' });
    return (['kty', 'n', 'e', 'crv', 'x', 'y'] as const).every((member) => certified[member] === key[member]);
  } catch {
    return false;
  }
}
