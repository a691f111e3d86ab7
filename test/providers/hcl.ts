import { execFileSync } from 'node:child_process';

/** Runs HashiCorp's parser on all texts at once. It has a process of its own, since its WebAssembly would delay the end of Jest. */
const script = `
  const { parse } = require('@cdktf/hcl2json');
  const texts = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
  Promise.all(texts.map((text) => parse('document.tf', text))).then((parsed) =>
    process.stdout.write(JSON.stringify(parsed), () => process.exit(0)),
  );
`;

/** Returns configurations as HashiCorp reads them, with literals as their texts. Throws where one is not HCL. */
export function parseHcl(texts: readonly string[]): Record<string, unknown>[] {
  const options = { input: JSON.stringify(texts), encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  return toLiterals(JSON.parse(execFileSync(process.execPath, ['-e', script], options))) as Record<string, unknown>[];
}

/** Returns the values within calls of `jsonencode`, which the parser leaves as source. */
export function parseJsonencode(sources: readonly unknown[]): unknown[] {
  const inner = sources.map((source) => /^\$\{jsonencode\((.*)\)\}$/s.exec(String(source))![1]);
  return parseHcl(inner.map((value) => `value = ${value}`)).map(({ value }) => value);
}

/** The parser escapes `${` and `%{` of a literal, since its output is JSON for Terraform. */
function toLiterals(value: unknown): unknown {
  if (typeof value === 'string') return /^\$\{jsonencode\(/.test(value) ? value : value.replace(/([$%])\1\{/g, '$1{');
  if (Array.isArray(value)) return value.map(toLiterals);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [toLiterals(name), toLiterals(member)]));
}
