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

/** The keys of a set that may be registered for a purpose. */
export interface KeyRules {
  /** Algorithms of RSA keys. */
  rsa: readonly string[];
  /** The algorithm of each curve. */
  curves: Readonly<Record<string, { alg: string; bytes: number }>>;
  /** Issuers exist that list several keys under one `kid` (RFC 7517 4.5). */
  mayRepeatKid: boolean;
}

const clientKeys: KeyRules = {
  rsa: ['RS256', 'PS256'],
  curves: { 'P-256': { alg: 'ES256', bytes: 32 } },
  mayRepeatKid: false,
};

/** The keys of an outside issuer, which signs as it likes. */
export const outsideKeys: KeyRules = {
  rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  curves: {
    'P-256': { alg: 'ES256', bytes: 32 },
    'P-384': { alg: 'ES384', bytes: 48 },
    'P-521': { alg: 'ES512', bytes: 66 },
  },
  mayRepeatKid: true,
};

const maximumKeys = 10;
/** Bits. A smaller modulus can be factored; a larger one makes one verification as expensive as a hundred. */
const modulus = { minimum: 2048, maximum: 8192 };
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * Returns the keys of a JWK Set that the rules allow, and the faults of the others with pointers relative to the set. Weak
 * keys are refused: an attacker who factors one acts as its holder, and e = 1 needs no factoring (threats.md N8).
 */
export function parsePublicKeys(jwks: unknown, rules: KeyRules): { keys: ClientKey[]; faults: FieldFault[] } {
  if (!isObject(jwks) || !Array.isArray(jwks.keys))
    return { keys: [], faults: [{ pointer: '', detail: 'must be a JWK Set: {"keys": [...]}' }] };
  const entries: unknown[] = jwks.keys;
  if (entries.length < 1 || entries.length > maximumKeys)
    return { keys: [], faults: [{ pointer: '/keys', detail: `must hold 1 to ${maximumKeys} keys` }] };
  const keys: ClientKey[] = [];
  const faults: FieldFault[] = [];
  const kids = new Set<unknown>();
  entries.forEach((entry, index) => {
    const fault = isObject(entry) ? findKeyFault(entry, kids, rules) : 'must be an object';
    if (fault === undefined) keys.push(pickPublicMembers(entry as Record<string, string>));
    else faults.push({ pointer: `/keys/${index}`, detail: fault });
  });
  return { keys, faults };
}

/** Returns the keys of a JWK Set that may authenticate a client, and the faults of the others. */
export function parseClientKeys(jwks: unknown): ReturnType<typeof parsePublicKeys> {
  return parsePublicKeys(jwks, clientKeys);
}

type Key = Readonly<Record<string, unknown>>;

function findKeyFault(key: Key, kids: Set<unknown>, rules: KeyRules): string | undefined {
  const { kty, use, alg, kid } = key;
  if (privateMembers.some((member) => key[member] !== undefined))
    return 'holds a private key: register the public half, and replace this key, since it was sent here';
  if (kty !== 'RSA' && kty !== 'EC') return 'must have kty RSA or EC';
  if (use !== undefined && use !== 'sig') return 'must have use sig, or none';
  const algorithms = kty === 'RSA' ? rules.rsa : listCurveAlgorithms(key, rules);
  if (alg !== undefined && !algorithms.includes(String(alg)))
    return `must have alg ${algorithms.join(' or ')}, or none`;
  if (kid !== undefined && (typeof kid !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(kid)))
    return 'must have a kid of 1 to 255 printable characters, or none';
  if (kid !== undefined && kids.has(kid) && !rules.mayRepeatKid)
    return 'must have a kid that no other key of the set has';
  kids.add(kid);
  return kty === 'RSA' ? findRsaFault(key) : findEcFault(key, rules);
}

/** Returns the algorithm of the key's curve; for a curve that is refused, those of all. */
function listCurveAlgorithms({ crv }: Key, { curves }: KeyRules): string[] {
  return Object.entries(curves).flatMap(([name, { alg }]) =>
    name === crv || !Object.hasOwn(curves, String(crv)) ? [alg] : [],
  );
}

function findRsaFault({ n, e }: Key): string | undefined {
  if (e !== 'AQAB') return 'must have the public exponent 65537 ("e": "AQAB")';
  const bits = countBits(n);
  if (bits === undefined) return 'must have n, base64url without padding';
  if (bits < modulus.minimum || bits > modulus.maximum)
    return `must have a modulus of ${modulus.minimum} to ${modulus.maximum} bits; it has ${bits}`;
  return undefined;
}

function findEcFault({ crv, x, y }: Key, { curves }: KeyRules): string | undefined {
  if (typeof crv !== 'string' || !Object.hasOwn(curves, crv))
    return `must have crv ${Object.keys(curves).join(' or ')}`;
  const { bytes } = curves[crv]!;
  if (decodeBase64url(x)?.length !== bytes || decodeBase64url(y)?.length !== bytes)
    return `must have x and y of ${bytes} bytes each, base64url`;
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
