/**
 * Returns whether a compact JWS is the only text of its token: base64url without stray bits, UTF-8, and no duplicate members,
 * of which parsers choose different ones (RFC 7515 2, RFC 8259 4; threats.md M14, N7).
 */
export function isCanonical(jws: string): boolean {
  const parts = jws.split('.').map((part) => Buffer.from(part, 'base64url'));
  if (parts.map((bytes) => bytes.toString('base64url')).join('.') !== jws) return false;
  return parts.slice(0, 2).every(isPlainJson);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** A string in valid JSON, with the colon that follows it when it is the name of a member. */
const jsonString = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

function isPlainJson(bytes: Uint8Array): boolean {
  try {
    const text = utf8.decode(bytes);
    // Parses first: the pattern needs quadratic time on text that is not JSON, such as an unterminated string.
    const members = countMembers(JSON.parse(text));
    return [...text.matchAll(jsonString)].filter((match) => match[1] !== undefined).length === members;
  } catch {
    return false;
  }
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const members = Object.values(value);
  const own = Array.isArray(value) ? 0 : members.length;
  return members.reduce<number>((sum, member) => sum + countMembers(member), own);
}
