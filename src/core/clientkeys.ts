import type { FieldFault } from './errors.ts';
import { isObject } from './json.ts';

/** A public key of a client that authenticates by `private_key_jwt` (RFC 7517). Other members are dropped. */
export interface ClientKey {
  kty: 'RSA' | 'EC';
  kid?: string;
  alg?: string;
  n?: string;
  e?: string;
  crv?: string;
  x?: string;
  y?: string;
}

/** Allowed signature algorithms of client assertions (RFC 7518 3.1). */
export const clientAssertionAlgorithms = ['RS256', 'PS256', 'ES256'] as const;

/** Authentication methods of clients that have a credential. */
export const confidentialMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

/** Authentication methods of all clients at the token endpoint. */
export const clientAuthMethods = [...confidentialMethods, 'none'] as const;

const maximumKeys = 10;
/** Bits. A smaller modulus can be factored; a larger one makes one verification as expensive as a hundred. */
const modulus = { minimum: 2048, maximum: 8192 };
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const algorithmsOf = { RSA: ['RS256', 'PS256'], EC: ['ES256'] } as const;

/**
 * Returns the keys of a JWK Set that may authenticate a client, and the faults of the others with pointers relative to the
 * set. Weak keys are refused: an attacker who factors one acts as the client, and e = 1 needs no factoring (threats.md N8).
 */
export function parseClientKeys(jwks: unknown): { keys: ClientKey[]; faults: FieldFault[] } {
  if (!isObject(jwks) || !Array.isArray(jwks.keys))
    return { keys: [], faults: [{ pointer: '', detail: 'must be a JWK Set: {"keys": [...]}' }] };
  const entries: unknown[] = jwks.keys;
  if (entries.length < 1 || entries.length > maximumKeys)
    return { keys: [], faults: [{ pointer: '/keys', detail: `must hold 1 to ${maximumKeys} keys` }] };
  const keys: ClientKey[] = [];
  const faults: FieldFault[] = [];
  const kids = new Set<unknown>();
  entries.forEach((entry, index) => {
    const fault = isObject(entry) ? findKeyFault(entry, kids) : 'must be an object';
    if (fault === undefined) keys.push(pickPublicMembers(entry as Record<string, string>));
    else faults.push({ pointer: `/keys/${index}`, detail: fault });
  });
  return { keys, faults };
}

function findKeyFault(key: Readonly<Record<string, unknown>>, kids: Set<unknown>): string | undefined {
  const { kty, use, alg, kid } = key;
  if (privateMembers.some((member) => key[member] !== undefined))
    return 'holds a private key: register the public half, and replace this key, since it was sent here';
  if (kty !== 'RSA' && kty !== 'EC') return 'must have kty RSA or EC';
  if (use !== undefined && use !== 'sig') return 'must have use sig, or none';
  if (alg !== undefined && !(algorithmsOf[kty] as readonly unknown[]).includes(alg))
    return `must have alg ${algorithmsOf[kty].join(' or ')}, or none`;
  if (kid !== undefined && (typeof kid !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(kid)))
    return 'must have a kid of 1 to 255 printable characters, or none';
  if (kid !== undefined && kids.has(kid)) return 'must have a kid that no other key of the set has';
  kids.add(kid);
  return kty === 'RSA' ? findRsaFault(key) : findEcFault(key);
}

function findRsaFault({ n, e }: Readonly<Record<string, unknown>>): string | undefined {
  if (e !== 'AQAB') return 'must have the public exponent 65537 ("e": "AQAB")';
  const bits = countBits(n);
  if (bits === undefined) return 'must have n, base64url without padding';
  if (bits < modulus.minimum || bits > modulus.maximum)
    return `must have a modulus of ${modulus.minimum} to ${modulus.maximum} bits; it has ${bits}`;
  return undefined;
}

function findEcFault({ crv, x, y }: Readonly<Record<string, unknown>>): string | undefined {
  if (crv !== 'P-256') return 'must have crv P-256';
  if (decodeBase64url(x)?.length !== 32 || decodeBase64url(y)?.length !== 32)
    return 'must have x and y of 32 bytes each, base64url';
  return undefined;
}

function pickPublicMembers(key: Readonly<Record<string, string>>): ClientKey {
  const members = ['kty', 'kid', 'alg', 'n', 'e', 'crv', 'x', 'y'];
  return Object.fromEntries(
    members.filter((member) => key[member] !== undefined).map((member) => [member, key[member]]),
  ) as unknown as ClientKey;
}

function countBits(text: unknown): number | undefined {
  const bytes = decodeBase64url(text);
  const first = bytes?.findIndex((byte) => byte !== 0) ?? -1;
  if (bytes === undefined || first === -1) return undefined;
  return (bytes.length - first - 1) * 8 + (32 - Math.clz32(bytes[first]!));
}

function decodeBase64url(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^[\w-]+$/.test(text) || text.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
}
