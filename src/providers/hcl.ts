import { escapeCodePoint } from './codepoint.ts';

/** Writes Terraform configurations (HCL). Every text becomes a literal: none can end its quotes or begin a template. */

export type HclValue = string | number | boolean | HclJson | readonly HclValue[] | HclObject;

export interface HclObject {
  readonly [name: string]: HclValue;
}

/** A value that Terraform converts to a JSON text, by its function `jsonencode`. */
export class HclJson {
  readonly value: HclValue;
  constructor(value: HclValue) {
    this.value = value;
  }
}

export interface HclBlock {
  /** One line of comment for each line of it. */
  comment?: string;
  type: string;
  /** Terraform accepts only names here: other characters become `_`. */
  labels?: readonly string[];
  /** Their names are HCL identifiers. */
  attributes: HclObject;
  blocks?: readonly HclBlock[];
}

const step = '  ';
const maximumListLength = 100;

/** Returns the blocks as a configuration in the form of `terraform fmt`. */
export function formatHcl(blocks: readonly HclBlock[]): string {
  return blocks.map((block) => formatBlock(block, '')).join('\n\n');
}

function formatBlock({ comment, type, labels = [], attributes, blocks = [] }: HclBlock, indent: string): string {
  const comments = comment?.split(/\r\n?|\n/).map((line) => `${indent}# ${line}\n`) ?? [];
  const head = [type, ...labels.map((label) => quoteHcl(toHclName(label)))].join(' ');
  const members = formatMembers(attributes, indent + step);
  const body = [...(members === '' ? [] : [members]), ...blocks.map((block) => formatBlock(block, indent + step))];
  return `${comments.join('')}${indent}${head} {\n${body.map((part) => `${part}\n`).join('\n')}${indent}}`;
}

/** Returns a text as a name of HCL. */
export function toHclName(text: string): string {
  return text.replace(/^(?![A-Za-z_])/, '_').replace(/[^\w-]/g, '_');
}

/** Aligns the values of consecutive members of one line, as `terraform fmt` does. */
function formatMembers(members: HclObject, indent: string): string {
  const lines = Object.entries(members).map(([name, value]) => ({
    name: formatName(name),
    value: formatValue(value, indent),
  }));
  const isLong = (index: number) => lines[index]?.value.includes('\n') !== false;
  return lines
    .map(({ name, value }, index) => {
      if (isLong(index)) return `${indent}${name} = ${value}`;
      let [first, last] = [index, index];
      while (!isLong(first - 1)) first--;
      while (!isLong(last + 1)) last++;
      const width = Math.max(...lines.slice(first, last + 1).map((line) => line.name.length));
      return `${indent}${name.padEnd(width)} = ${value}`;
    })
    .join('\n');
}

/** `for` begins an expression, and the others are values. */
const isKeyword = /^(?:for|true|false|null)$/;

function formatName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && !isKeyword.test(name) ? name : quoteHcl(name);
}

function formatValue(value: HclValue, indent: string): string {
  if (typeof value === 'string') return quoteHcl(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof HclJson) return `jsonencode(${formatValue(value.value, indent)})`;
  if (isList(value)) return formatList(value, indent);
  const members = formatMembers(value as HclObject, indent + step);
  return members === '' ? '{}' : `{\n${members}\n${indent}}`;
}

const isList = (value: HclValue): value is readonly HclValue[] => Array.isArray(value);

function formatList(values: readonly HclValue[], indent: string): string {
  const line = `[${values.map((value) => formatValue(value, indent)).join(', ')}]`;
  if (!line.includes('\n') && line.length <= maximumListLength) return line;
  const items = values.map((value) => `${indent}${step}${formatValue(value, indent + step)},\n`);
  return `[\n${items.join('')}${indent}]`;
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': String.raw`\"`,
  '\\': String.raw`\\`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
};

/**
 * Returns a text as a quoted literal of HCL. Invisible characters are written as escapes, so that what a reader sees is what
 * Terraform reads. Two kinds of text cannot survive in HCL: it normalises to NFC, and half a surrogate pair becomes U+FFFD.
 */
export function quoteHcl(text: string): string {
  const escaped = text
    .toWellFormed()
    .replace(/["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => shortEscapes[character] ?? escapeCodePoint(character))
    .replace(/[$%](?=\{)/g, '$&$&');
  return `"${escaped}"`;
}
