import { type Document, isScalar, parseDocument, visit } from 'yaml';

/** Plain words that are booleans to YAML 1.1, which the clouds' tools read, and text to YAML 1.2. */
const ambiguous = /^(?:y|yes|n|no|on|off)$/i;

/**
 * Returns the value of a YAML text that is one document, or its fault. Refused are members that occur twice, aliases (a short
 * text could mean a huge value) and words that versions of YAML read differently. A fault never quotes the text.
 */
export function parseYaml(text: string): { value: unknown } | { fault: string } {
  try {
    // With logLevel silent a second document would be dropped without an error. The library compares each member with all
    // others, so that 60 KB of members would hold the event loop for a second: findAmbiguity looks them up.
    const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) return { fault: `is neither JSON nor YAML of one document (${error.code})` };
    const fault = findAmbiguity(document);
    return fault === undefined ? { value: document.toJS({ maxAliasCount: 0 }) } : { fault };
  } catch {
    return { fault: 'is neither JSON nor YAML without aliases' };
  }
}

/** Returns why readers of the document could disagree about it; undefined when they cannot. */
function findAmbiguity(document: Document): string | undefined {
  let fault: string | undefined;
  visit(document, {
    Map(_key, { items }) {
      // Members of a JSON object have texts as names: `1` and `"1"` are the same member.
      const names = items.map(({ key }) => (isScalar(key) ? String(key.value) : undefined));
      if (names.includes(undefined)) fault = 'has a member whose name is not a text';
      else if (new Set(names).size < names.length) fault = 'has a member twice in one object';
      return fault === undefined ? undefined : visit.BREAK;
    },
    Scalar(_key, { type, value }) {
      if (type !== 'PLAIN' || typeof value !== 'string' || !ambiguous.test(value)) return undefined;
      fault = `has a plain ${value}, which YAML 1.1 takes for true or false: quote it`;
      return visit.BREAK;
    },
  });
  return fault;
}
