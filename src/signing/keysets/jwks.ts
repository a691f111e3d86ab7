import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isObject } from '../../core/json.ts';
import { maximumPublishedKeys } from '../../core/keystates.ts';
import type { SigningAlgorithm } from '../signers/signer.ts';

/** The published half of a signing key (RFC 7517), with exactly these members in this order. */
export type PublicJwk = {
  kty: string;
  use: string;
  alg: string;
  kid: string;
  n?: string;
  e?: string;
  crv?: string;
  x?: string;
  y?: string;
  x5c?: string[];
};

const maximumJwksBytes = 8192;
const minimumModulusBits = 2048;
const publicExponent = 65537n;

/** The members of a key of each algorithm. Slurm skips a key without `alg` (cloud-facts.md 10). */
const keyMembers: Readonly<Record<SigningAlgorithm, { kty: string; material: readonly (keyof PublicJwk)[] }>> = {
  RS256: { kty: 'RSA', material: ['n', 'e'] },
  ES256: { kty: 'EC', material: ['crv', 'x', 'y'] },
};

export function publicJwkOf(key: KeyObject, alg: SigningAlgorithm, kid: string, certificate: Buffer): PublicJwk {
  const { kty, ...material } = key.export({ format: 'jwk' });
  return { kty: String(kty), use: 'sig', alg, kid, ...material, x5c: [certificate.toString('base64')] };
}

/** Returns a JWK with its members in the order of publication, which `jsonb` does not preserve. */
export function orderJwk(stored: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const order = ['kty', 'use', 'alg', 'kid', 'n', 'e', 'crv', 'x', 'y', 'x5c'];
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  const entries = Object.entries(stored).sort(([left], [right]) => rank(left) - rank(right) || (left < right ? -1 : 1));
  return Object.fromEntries(entries);
}

/** The JWK Set as served, and its strong entity tag (RFC 9110 8.8.3). Replicas with the same keys serve the same bytes. */
export interface PublishedJwks {
  text: string;
  etag: string;
}

/**
 * Serializes `jwks`, sorted with the signer first. Throws an Error that lists every fault of a set that must not be served.
 */
export function publishJwks(jwks: readonly Readonly<Record<string, unknown>>[]): PublishedJwks {
  const text = JSON.stringify({ keys: jwks.map(orderJwk) });
  const faults = lintJwks(text);
  if (faults.length > 0) throw new Error(`The JWK Set is not fit to serve: ${faults.join('; ')}.`);
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` };
}

/** Returns the JWKS for an upload to Google (`--jwk-json-path`), which refuses certificates (cloud-facts.md 3.1). */
export function exportForGoogle(text: string): string {
  const { keys } = JSON.parse(text) as { keys: PublicJwk[] };
  return JSON.stringify({ keys: keys.map(({ x5c: _, ...key }) => key) }, undefined, 2);
}

/** Returns the faults of a JWK Set: what a cloud would refuse, skip or misread, and secrets. Empty for a valid set. */
export function lintJwks(text: string): string[] {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return ['it is not JSON'];
  }
  if (!isObject(set) || !Array.isArray(set.keys)) return ['it has no array of keys'];
  const keys: unknown[] = set.keys;
  const faults: string[] = [];
  if (Object.keys(set).length !== 1) faults.push('it has members other than keys');
  if (Buffer.byteLength(text) >= maximumJwksBytes) faults.push(`it has ${maximumJwksBytes} bytes or more`);
  if (keys.length < 1 || keys.length > maximumPublishedKeys)
    faults.push(`it has ${keys.length} keys, not 1 to ${maximumPublishedKeys}`);
  const kids = keys.map((key) => (isObject(key) ? key.kid : undefined));
  if (new Set(kids).size !== kids.length) faults.push('two keys have the same kid');
  keys.forEach((key, index) => {
    for (const fault of isObject(key) ? keyFaults(key) : ['is not an object']) faults.push(`key ${index + 1} ${fault}`);
  });
  return faults;
}

function keyFaults(key: Readonly<Record<string, unknown>>): string[] {
  const { alg, kty, use, kid } = key;
  if (alg !== 'RS256' && alg !== 'ES256') return ['has no alg of RS256 or ES256'];
  const { kty: wanted, material } = keyMembers[alg];
  const faults: string[] = [];
  const allowed = ['kty', 'use', 'alg', 'kid', 'x5c', ...material];
  // The name only: the value may be the private half.
  for (const name of Object.keys(key)) if (!allowed.includes(name)) faults.push(`has the member ${name}`);
  if (kty !== wanted) faults.push(`has not kty ${wanted}`);
  if (use !== 'sig') faults.push('has not use sig');
  if (typeof kid !== 'string' || !/^[A-Za-z0-9_-]{1,128}$/.test(kid)) faults.push('has no kid');
  if (faults.length > 0) return faults;
  return materialFaults(key, material);
}

function materialFaults(jwk: Readonly<Record<string, unknown>>, material: readonly string[]): string[] {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: { ...jwk, x5c: undefined }, format: 'jwk' });
  } catch {
    return ['is not a key'];
  }
  const faults: string[] = [];
  const plain = key.export({ format: 'jwk' });
  // Another encoding of the same number would have another thumbprint, and strict parsers refuse it.
  for (const name of material)
    if (jwk[name] !== plain[name]) faults.push(`has ${name} in another than its shortest form`);
  const { modulusLength, publicExponent: exponent } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < minimumModulusBits)
    faults.push(`has a modulus of ${modulusLength} bits, less than ${minimumModulusBits}`);
  if (exponent !== undefined && exponent !== publicExponent) faults.push(`has an e other than ${publicExponent}`);
  if (jwk.crv !== undefined && jwk.crv !== 'P-256') faults.push('is not on P-256');
  return [...faults, ...certificateFaults(jwk.x5c, key)];
}

/** Ceph RGW reads only the certificate: a certificate of another key would allow that key to sign (N58). */
function certificateFaults(chain: unknown, key: KeyObject): string[] {
  if (chain === undefined) return [];
  if (!Array.isArray(chain) || chain.length !== 1 || typeof chain[0] !== 'string')
    return ['has an x5c that is not one certificate'];
  try {
    const der = Buffer.from(chain[0], 'base64');
    const certificate = new X509Certificate(der);
    if (der.toString('base64') !== chain[0]) return ['has an x5c that is not plain base64'];
    return certificate.publicKey.equals(key) ? [] : ['has an x5c of another key'];
  } catch {
    return ['has an x5c that is not a certificate'];
  }
}
