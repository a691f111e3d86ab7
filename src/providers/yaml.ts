import { Document, isMap, isScalar, isSeq, parseDocument, visit } from 'yaml';
import type { JsonNode } from '../iampolicy/json.ts';
import { escapeCodePoint } from './codepoint.ts';

/** Plain words that are booleans to YAML 1.1, which the clouds' tools read, and text to YAML 1.2. */
const ambiguous = /^(?:y|yes|n|no|on|off)$/i;

/**
 * Returns the value of a YAML text that is one document, or its fault. `base` is added to the offsets of its parts. Refused are members that occur twice, aliases (a short
 * text could mean a huge value) and words that versions of YAML read differently. A fault never quotes the text.
 */
export function parseYaml(
  text: string,
  base = 0,
  maximumDepth = Number.POSITIVE_INFINITY,
): { node: JsonNode } | { fault: string } {
  try {
    // With logLevel silent a second document would be dropped without an error. The library compares each member with all
    // others, so that 60 KB of members would hold the event loop for a second: findAmbiguity looks them up.
    const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) return { fault: `is neither JSON nor YAML of one document (${error.code})` };
    const fault = findAmbiguity(document);
    return fault === undefined ? { node: toNode(document.contents, base, maximumDepth) } : { fault };
  } catch (thrown) {
    if (thrown instanceof TooDeep) return { fault: `nests deeper than ${maximumDepth}` };
    return { fault: 'is neither JSON nor YAML without aliases' };
  }
}

/** A plain text that no version of YAML reads as something else, unless it is `ambiguous` or a word of JSON. */
const plain = /^[A-Za-z](?:[\w./:-]*\w)?$/;
const jsonWord = /^(?:true|false|null)$/i;

/**
 * Returns a value of JSON as YAML that readers of YAML 1.1 and of 1.2 agree about. Texts are quoted unless they are plain
 * words, and invisible characters are written as escapes.
 */
export function formatYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value !== 'string') return;
      const isPlain = plain.test(node.value) && !ambiguous.test(node.value) && !jsonWord.test(node.value);
      node.type = isPlain ? 'PLAIN' : 'QUOTE_DOUBLE';
    },
  });
  return (
    document
      .toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER })
      .trimEnd()
      // These occur only within quotes.
      .replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, escapeCodePoint)
  );
}

class TooDeep extends Error {}

/** Throws for what JSON does not have: an alias, a number that is not finite. */
function toNode(node: unknown, base: number, depth: number): JsonNode {
  const [start, end] = rangeOf(node, base);
  if (isMap(node) || isSeq(node)) {
    if (depth === 0) throw new TooDeep();
    if (isSeq(node))
      return { type: 'array', items: node.items.map((item) => toNode(item, base, depth - 1)), start, end };
    const members = node.items.map(({ key, value }) => ({
      name: String(isScalar(key) ? key.value : key),
      nameStart: rangeOf(key, base)[0],
      value: toNode(value, base, depth - 1),
    }));
    return { type: 'object', members, start, end };
  }
  const value = isScalar(node) ? node.value : node;
  if (value === null || value === undefined) return { type: 'null', value: null, start, end };
  if (typeof value === 'string') return { type: 'string', value, start, end };
  if (typeof value === 'boolean') return { type: 'boolean', value, start, end };
  if (typeof value === 'number' && Number.isFinite(value)) return { type: 'number', value, start, end };
  throw new Error('not a value of JSON');
}

function rangeOf(node: unknown, base: number): [start: number, end: number] {
  const range = (node as { range?: [number, number, number] | null } | null)?.range;
  return range ? [base + range[0], base + range[1]] : [base, base];
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
