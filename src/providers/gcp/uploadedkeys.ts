import { isObject, type JsonObject } from '../../core/json.ts';

/** Allowed members of a key in an uploaded JWKS (cloud-facts.md 3.2). */
const members = ['kty', 'alg', 'use', 'kid', 'n', 'e', 'x', 'y', 'crv'];

/** Returns the keys in the text of `oidc.jwksJson`; undefined for a text with which Google can verify no token. */
export function parseUploadedKeys(text: string): JsonObject[] | undefined {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(set) || !Array.isArray(set.keys) || set.keys.length === 0) return undefined;
  const keys: unknown[] = set.keys;
  // Google finds a key by the `kid` in the header of the token, so a key needs one.
  return keys.every(isUploadable) && keys.some(({ kid }) => typeof kid === 'string') ? keys : undefined;
}

function isUploadable(key: unknown): key is JsonObject {
  if (!isObject(key) || !Object.keys(key).every((member) => members.includes(member))) return false;
  const { use, kty } = key;
  return (use === undefined || use === 'sig') && (kty === 'RSA' || kty === 'EC');
}
