import {
  type CelEnv,
  type CelInput,
  CelScalar,
  type CelValue,
  celEnv,
  celMethod,
  isCelError,
  isCelList,
  parse,
  plan,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { invalidDocument, unsupported } from '../document.ts';

const what = 'workload identity pool provider';

/**
 * Google's `extract`: the text between the first occurrence of what stands before `{name}` and the next of what stands after
 * it; empty where the template does not fit (cloud-facts.md 3.2).
 */
export function extract(text: string, template: string): string {
  const [, prefix, suffix] = /^([^{}]*)\{[^{}]*\}([^{}]*)$/.exec(template) ?? [];
  if (prefix === undefined || suffix === undefined) return '';
  const start = text.indexOf(prefix);
  if (start < 0) return '';
  const from = start + prefix.length;
  if (suffix === '') return text.slice(from);
  const end = text.indexOf(suffix, from);
  return end < 0 ? '' : text.slice(from, end);
}

/**
 * Of the library's string functions those that give no more than they take: `replace` in a chain multiplies, and a condition of
 * 4096 characters could fill the memory of a replica.
 */
const harmless = ['charAt', 'indexOf', 'lastIndexOf', 'lowerAscii', 'upperAscii', 'split', 'substring', 'trim'];

const { STRING } = CelScalar;
const env: CelEnv = celEnv({
  funcs: [
    ...strings.filter(({ name }) => harmless.includes(name)),
    celMethod('extract', STRING, [STRING], STRING, function (template) {
      return extract(this, template);
    }),
  ],
});

export type CelOutcome = { value: CelValue } | { fault: string };

/**
 * The value of a CEL expression over JSON bindings, or why it has none (a missing claim, values of the wrong type). `place`
 * names the expression in messages. Regular expressions are RE2, so no pattern hangs a replica.
 */
export function evaluateCel(
  expression: string,
  bindings: Readonly<Record<string, unknown>>,
  place: string,
  maximumLength: number,
): CelOutcome {
  if (expression.length > maximumLength)
    throw invalidDocument(what, `has a ${place} of more than ${maximumLength} characters`);
  const input = Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, celInput(value)]));
  const result = compile(expression, place)(input);
  if (!isCelError(result)) return { value: result };
  const [, name] = /^unbound function: (\S+)/.exec(result.message) ?? [];
  if (name !== undefined)
    throw unsupported(
      what,
      `the function ${name}() in its ${place}`,
      `the standard functions of CEL, extract, ${harmless.join(', ')}`,
    );
  return { fault: result.message };
}

function compile(expression: string, place: string) {
  try {
    const parsed = parse(expression);
    if (countNestedLoops(parsed.expr) > 1)
      throw unsupported(what, `nested all, exists, map or filter in its ${place}`, 'one of them at a time');
    return plan(env, parsed);
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'ArsiaError') throw thrown;
    throw invalidDocument(what, `has a ${place} that is not CEL: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
}

/** Depth of comprehensions: each level multiplies the work, and 4096 characters could nest enough of them to hang us. */
function countNestedLoops(node: unknown): number {
  if (typeof node !== 'object' || node === null) return 0;
  const isLoop = 'case' in node && node.case === 'comprehensionExpr';
  return (isLoop ? 1 : 0) + Math.max(0, ...Object.values(node).map(countNestedLoops));
}

/** Whole numbers are CEL ints: as doubles they would print and compare unlike what Google shows. */
function celInput(value: unknown): CelInput {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celInput);
  if (typeof value !== 'object' || value === null) return null;
  return new Map(Object.entries(value).map(([name, member]) => [name, celInput(member)]));
}

/** A text, or a list of texts (for `google.groups`); undefined for any other value. */
export function textOf(value: CelValue): string | string[] | undefined {
  if (typeof value === 'string') return value;
  if (!isCelList(value)) return undefined;
  const items = [...value];
  return items.every((item) => typeof item === 'string') ? items : undefined;
}
