import { isObject } from '../../core/json.ts';
import { invalidDocument, unsupported } from '../document.ts';

const what = 'trust policy';

/** Values of the request by condition key in lower case. An absent key has no entry. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

/** One line of a Condition block: operator, key and the values of the document. */
export interface Condition {
  /** As in the document: `StringEquals host/path:sub`. */
  label: string;
  operator: Operator;
  quantifier: 'ForAnyValue' | 'ForAllValues' | undefined;
  ifExists: boolean;
  key: string;
  values: string[];
}

interface Operator {
  name: string;
  /** Negated operators hold when no value of the document matches, and when the key is absent. */
  isNegated: boolean;
  matches: (expected: string, actual: string) => boolean;
}

const isEqual = (expected: string, actual: string) => expected === actual;
const isEqualIgnoringCase = (expected: string, actual: string) => expected.toLowerCase() === actual.toLowerCase();

const operators: readonly Operator[] = [
  { name: 'StringEquals', isNegated: false, matches: isEqual },
  { name: 'StringNotEquals', isNegated: true, matches: isEqual },
  { name: 'StringEqualsIgnoreCase', isNegated: false, matches: isEqualIgnoringCase },
  { name: 'StringNotEqualsIgnoreCase', isNegated: true, matches: isEqualIgnoringCase },
  { name: 'StringLike', isNegated: false, matches: matchesWildcards },
  { name: 'StringNotLike', isNegated: true, matches: matchesWildcards },
  { name: 'Bool', isNegated: false, matches: isEqualIgnoringCase },
  { name: 'Null', isNegated: false, matches: isEqualIgnoringCase },
];

const knownOperators = operators.map((row) => row.name).join(', ');
const operatorPattern = /^(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?$/;

/** Keys with several values (cloud-facts.md 7.4). On these AWS requires ForAnyValue or ForAllValues. */
const multivaluedKeys = ['aws:tagkeys', 'sts:transitivetagkeys'];

export function isMultivalued(key: string): boolean {
  return multivaluedKeys.includes(key) || key.endsWith(':amr');
}

/** The same as the document has it: whether Arsia can judge it is not known yet. */
interface Written {
  name: string;
  key: string;
  values: string[];
}

/** Returns the lines of a `Condition` element. All of them must hold. Throws `invalid_request` for one that IAM does not store. */
export function readConditions(element: unknown): Written[] {
  if (element === undefined) return [];
  if (!isObject(element)) throw invalidDocument(what, 'has a Condition that is not an object');
  return Object.entries(element).flatMap(([name, block]) => {
    if (!isObject(block)) throw invalidDocument(what, `has a condition ${JSON.stringify(name)} that is not an object`);
    return Object.entries(block).map(([key, values]) => ({ name, key, values: valuesOf(values, `${name} ${key}`) }));
  });
}

function valuesOf(element: unknown, label: string): string[] {
  const values = [element].flat().map((value) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'boolean' || typeof value === 'number') return String(value);
    throw invalidDocument(what, `has a value of ${label} that is not a string`);
  });
  if (values.length === 0) throw invalidDocument(what, `has no value for ${label}`);
  return values;
}

/** Throws `not_supported` for an operator or a value that Arsia does not judge. */
export function parseCondition({ name, key, values }: Written, hasVariables: boolean): Condition {
  const [, quantifier, operatorName = '', suffix] = operatorPattern.exec(name) ?? [];
  const operator = operators.find((row) => row.name === operatorName);
  if (operator === undefined || (operator.name === 'Null' && (suffix ?? quantifier) !== undefined))
    throw unsupported(
      what,
      `the condition operator ${JSON.stringify(name)}`,
      `${knownOperators}; before all but Null ForAnyValue: or ForAllValues:, after all but Null IfExists`,
    );
  const label = `${name} ${key}`;
  // Only Version 2012-10-17 has variables. In an older policy `${…}` is literal text (cloud-facts.md 7.3).
  const variable = hasVariables ? values.find((value) => value.includes('${')) : undefined;
  if (variable !== undefined)
    throw unsupported(what, `the policy variable ${JSON.stringify(variable)}`, 'values without `${`');
  return {
    label,
    operator,
    quantifier: quantifier as Condition['quantifier'],
    ifExists: suffix !== undefined,
    key: key.toLowerCase(),
    values,
  };
}

/** Returns whether the condition holds, with the semantics of cloud-facts.md 7.4. */
export function holds(condition: Condition, context: RequestContext): boolean {
  const actual = context.get(condition.key);
  const { operator, quantifier } = condition;
  if (operator.name === 'Null') return condition.values.some((value) => isTrue(value) === (actual === undefined));
  if (actual === undefined)
    return condition.ifExists || (quantifier === undefined ? operator.isNegated : quantifier === 'ForAllValues');
  const test = (value: string) =>
    operator.isNegated !== condition.values.some((expected) => operator.matches(expected, value));
  if (quantifier === 'ForAllValues') return actual.every(test);
  if (quantifier === 'ForAnyValue') return actual.some(test);
  if (actual.length > 1)
    throw unsupported(what, `${condition.label} on a key of several values`, 'ForAnyValue: and ForAllValues: on it');
  return actual.length === 1 && test(actual[0]!);
}

function isTrue(value: string): boolean {
  return value.toLowerCase() === 'true';
}

/**
 * Returns whether the text matches: `*` is any number of characters, `?` is one. Backtracks only to the last `*`, so that no
 * pattern needs exponential time.
 */
export function matchesWildcards(pattern: string, text: string): boolean {
  let p = 0;
  let star = -1;
  let resume = 0;
  for (let t = 0; t < text.length; ) {
    if (pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
