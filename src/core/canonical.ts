/**
 * Serializes a value with the members of every object sorted by name (as RFC 8785 does), so that equal values give equal
 * texts.
 */
export function canonicalJson(value: unknown): string {
  return serialize(value) ?? 'null';
}

/** Strings that need no escapes in JSON. Most are such, and quoting them here is several times faster than JSON.stringify. */
const plain = /^[ !#-[\]-~]*$/;

/** Returns undefined where JSON.stringify does: an object leaves out such a member, an array writes null. */
function serialize(value: unknown): string | undefined {
  if (typeof value === 'string') return plain.test(value) ? `"${value}"` : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if ('toJSON' in value && typeof value.toJSON === 'function') return serialize(value.toJSON());
  if (Array.isArray(value)) return `[${value.map((item) => serialize(item) ?? 'null').join()}]`;
  const members: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const text = serialize((value as Record<string, unknown>)[name]);
    if (text !== undefined) members.push(`${serialize(name)}:${text}`);
  }
  return `{${members.join()}}`;
}
