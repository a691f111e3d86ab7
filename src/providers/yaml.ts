import { isScalar, parseDocument, visit } from 'yaml';

/** Plain words that are booleans to YAML 1.1, which the clouds' tools read, and text to YAML 1.2. */
const ambiguous = /^(?:y|yes|n|no|on|off)$/i;

/**
 * Returns the value of a YAML text that is one document, or its fault. Refused are members that stand twice, aliases (a short
 * text could mean a huge value) and words that versions of YAML read differently. A fault never quotes the text.
 */
export function parseYaml(text: string): { value: unknown } | { fault: string } {
  try {
    // With logLevel silent a second document would be dropped without an error.
    const document = parseDocument(text, { uniqueKeys: true, prettyErrors: false, logLevel: 'error' });
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) return { fault: `is neither JSON nor YAML of one document (${error.code})` };
    let word: string | undefined;
    visit(document, (_key, node) => {
      if (isScalar(node) && node.type === 'PLAIN' && typeof node.value === 'string' && ambiguous.test(node.value))
        word = node.value;
    });
    if (word !== undefined) return { fault: `has a plain ${word}, which YAML 1.1 takes for true or false: quote it` };
    return { value: document.toJS({ maxAliasCount: 0 }) };
  } catch {
    return { fault: 'is neither JSON nor YAML without aliases' };
  }
}
