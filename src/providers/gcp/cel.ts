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
import { toError } from '../../core/thrown.ts';
import { invalidDocument, unsupported } from '../document.ts';

const what = 'workload identity pool provider';

/**
 * Implements Google's `extract`: returns the text between the first occurrence of the template's part before `{name}` and the
 * next occurrence of the part after it; empty where the template does not match (cloud-facts.md 3.2).
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
 * String functions whose result is not longer than their input. A chain of `replace` multiplies its input: a condition of
 * 4096 characters could exhaust the memory of a replica.
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
 * Returns the value of a CEL expression over JSON bindings, or why it has none (a missing claim, values of the wrong type).
 * `place` names the expression in messages. Regular expressions are RE2, which never backtracks. The number of their states,
 * and the number of iterations of a loop, are bounded before the evaluation. Throws `invalid_request` or `not_supported`.
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
    if (countStates(parsed.expr, place) > maximumStates)
      throw unsupported(
        what,
        `patterns in its ${place} that are too large together`,
        'shorter ones, with smaller counts',
      );
    return plan(env, parsed);
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'ArsiaError') throw thrown;
    throw invalidDocument(what, `has a ${place} that is not CEL: ${toError(thrown).message}`);
  }
}

/** States of all patterns of an expression, each multiplied by its evaluations. A pattern with three ids has about 150. */
const maximumStates = 500;
/** Items of a list that a loop iterates. */
const maximumTurns = 20;

/**
 * Returns an upper bound of the states of the patterns below a node. Throws `not_supported` for work that the length of the
 * expression does not bound: a loop within a loop or over a list that the expression creates (`split`), and a pattern that is
 * concatenated from texts, whose counts multiply.
 */
function countStates(node: unknown, place: string, turns?: number): number {
  if (typeof node !== 'object' || node === null) return 0;
  if (!isExpression(node)) return sumOf(Object.values(node), (one) => countStates(one, place, turns));
  const { case: kind, value } = node;
  if (kind === 'comprehensionExpr') {
    if (turns !== undefined)
      throw unsupported(what, `nested all, exists, map or filter in its ${place}`, 'one of them at a time');
    const most = countTurns(value.iterRange);
    if (most === undefined)
      throw unsupported(
        what,
        `all, exists, map or filter over another list in its ${place}`,
        `them over a claim (assertion.x) or a list of at most ${maximumTurns} items`,
      );
    return countStates(value, place, most);
  }
  const others = countStates(value, place, turns);
  if (kind !== 'callExpr' || value.function !== 'matches') return others;
  const pattern = [value.args].flat().at(-1) as { exprKind?: { value?: { constantKind?: { value?: unknown } } } };
  const text = pattern?.exprKind?.value?.constantKind?.value;
  if (typeof text !== 'string')
    throw unsupported(what, `matches() with a pattern that is not one text in its ${place}`, 'a pattern in quotes');
  return others + patternStates(text) * (turns ?? 1);
}

/** Returns whether a node of the syntax tree is an expression. `case` is its kind. */
function isExpression(node: object): node is { case: string; value: Readonly<Record<string, unknown>> } {
  return 'case' in node && 'value' in node && typeof node.value === 'object' && node.value !== null;
}

/** Returns the maximum number of iterations over the expression; undefined where only the evaluation shows it. */
function countTurns(range: unknown): number | undefined {
  const { exprKind } = range as { exprKind?: object };
  if (exprKind === undefined || !isExpression(exprKind)) return undefined;
  const { case: kind, value } = exprKind;
  if (kind === 'listExpr') {
    const { length } = [value.elements].flat();
    return length <= maximumTurns ? length : undefined;
  }
  // Lists of a workload token are short.
  return kind === 'selectExpr' && isClaims(value.operand) ? maximumTurns : undefined;
}

function isClaims(operand: unknown): boolean {
  const { exprKind } = operand as { exprKind?: object };
  return exprKind !== undefined && isExpression(exprKind) && exprKind.value.name === 'assertion';
}

/**
 * Counted repetitions are expanded: ten characters can become a thousand states. Repetitions of groups can be nested, so they
 * multiply all states; other repetitions apply to one character or class.
 */
function patternStates(pattern: string): number {
  let sum = pattern.length;
  let product = 1;
  for (const { index, 1: least = '', 2: most = '' } of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    const count = Math.max(Number(least), Number(most), 1);
    if (pattern[index - 1] === ')') product *= count;
    else sum += count;
  }
  return sum * product;
}

function sumOf<Item>(items: readonly Item[], weigh: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + weigh(item), 0);
}

/** Converts whole numbers to CEL ints: as doubles they would print and compare differently from Google. */
function celInput(value: unknown): CelInput {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celInput);
  if (typeof value !== 'object' || value === null) return null;
  return new Map(Object.entries(value).map(([name, member]) => [name, celInput(member)]));
}

/** Returns a text, or a list of texts (for `google.groups`); undefined for any other value. */
export function toText(value: CelValue): string | string[] | undefined {
  if (typeof value === 'string') return value;
  if (!isCelList(value)) return undefined;
  const items = [...value];
  return items.every((item) => typeof item === 'string') ? items : undefined;
}
