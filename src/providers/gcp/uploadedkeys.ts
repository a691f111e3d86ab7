import { isObject, type JsonObject } from '../../core/json.ts';

/** The members that a key of an uploaded JWKS may have (cloud-facts.md 3.2). */
const members = ['kty', 'alg', 'use', 'kid', 'n', 'e', 'x', 'y', 'crv'];

/** The keys in the text of `oidc.jwksJson`; undefined for a text by which Google can verify nothing. */
export function parseUploadedKeys(text: string): JsonObject[] | undefined {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(set) || !Array.isArray(set.keys) || set.keys.length === 0) return undefined;
  const keys: unknown[] = set.keys;
  // Google finds a key by the `kid` of the token's header, which must have one.
  return keys.every(isUploadable) && keys.some(({ kid }) => typeof kid === 'string') ? keys : undefined;
}

function isUploadable(key: unknown): key is JsonObject {
  if (!isObject(key) || !Object.keys(key).every((member) => members.includes(member))) return false;
  const { use, kty } = key;
  return (use === undefined || use === 'sig') && (kty === 'RSA' || kty === 'EC');
}
