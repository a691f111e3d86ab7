/** Writes Bicep files with the simplest constructs. Every text becomes a literal: none can end its quotes or begin an expression. */

export type BicepValue = string | number | boolean | BicepReference | readonly BicepValue[] | BicepObject;

export interface BicepObject {
  readonly [name: string]: BicepValue;
}

/** Another resource of the file, by its symbol. */
export class BicepReference {
  readonly symbol: string;
  constructor(symbol: string) {
    this.symbol = symbol;
  }
}

export interface BicepResource {
  /** One line of comment for each line of it. */
  comment?: string;
  /** The name within the file. Other characters than those of an identifier become `_`. */
  symbol: string;
  /** With its API version, such as `Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31`. */
  type: string;
  /** True for a resource that the file does not create. */
  existing?: boolean;
  body: BicepObject;
}

const step = '  ';

export function formatBicep(resources: readonly BicepResource[]): string {
  return resources.map(formatResource).join('\n\n');
}

function formatResource({ comment, symbol, type, existing = false, body }: BicepResource): string {
  const comments = comment?.split(/\r\n?|\n/).map((line) => `// ${line}\n`) ?? [];
  const head = `resource ${toSymbol(symbol)} ${quoteBicep(type)}${existing ? ' existing' : ''}`;
  return `${comments.join('')}${head} = ${formatValue(body, '')}`;
}

function toSymbol(text: string): string {
  return text.replace(/^(?![A-Za-z_])/, '_').replace(/\W/g, '_');
}

function formatValue(value: BicepValue, indent: string): string {
  if (typeof value === 'string') return quoteBicep(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof BicepReference) return toSymbol(value.symbol);
  const inner = indent + step;
  if (isList(value)) {
    const items = value.map((item) => `${inner}${formatValue(item, inner)}\n`);
    return items.length === 0 ? '[]' : `[\n${items.join('')}${indent}]`;
  }
  const members = Object.entries(value).map(
    ([name, member]) => `${inner}${formatName(name)}: ${formatValue(member, inner)}\n`,
  );
  return members.length === 0 ? '{}' : `{\n${members.join('')}${indent}}`;
}

const isList = (value: BicepValue): value is readonly BicepValue[] => Array.isArray(value);

function formatName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : quoteBicep(name);
}

const shortEscapes: Readonly<Record<string, string>> = {
  "'": String.raw`\'`,
  '\\': String.raw`\\`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
};

/**
 * Returns a text as a literal of Bicep. Invisible characters are written as escapes, so that what a reader sees is what Azure
 * reads. Half a surrogate pair becomes U+FFFD.
 */
export function quoteBicep(text: string): string {
  const escaped = text
    .toWellFormed()
    .replace(/['\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => shortEscapes[character] ?? escapeCodePoint(character))
    .replace(/\$(?=\{)/g, String.raw`\$`);
  return `'${escaped}'`;
}

function escapeCodePoint(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
