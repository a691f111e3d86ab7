import { matches } from './patterns.ts';
import {
  foldCase,
  isArn,
  isCanonicalBase64,
  isWithin,
  matchesArn,
  toAddress,
  toArnPattern,
  toBoolean,
  toDate,
  toNetwork,
  toNumber,
} from './values.ts';
import type { Operand } from './variables.ts';

/** How an operator compares a value of the policy with one of the request. */
interface Comparison {
  /** Returns whether they match. `malformed`: the value of the policy is one that IAM does not store. */
  compare(expected: Operand, actual: string): boolean | 'malformed';
  /** Returns whether IAM stores a value without variables. Absent: any. */
  accepts?(expected: Operand): boolean;
  /** What IAM stores, for messages. */
  expected?: string;
  /** Returns whether a value of the request can be compared. For one that cannot, neither the operator nor its negation holds. */
  converts?(actual: string): boolean;
  /** True where a value may have policy variables. */
  hasVariables: boolean;
}

export interface Operator extends Comparison {
  name: string;
  /** A negated operator holds when no value of the policy matches, and when the key is absent. */
  isNegated: boolean;
}

const text = (compare: (expected: Operand, actual: string) => boolean): Comparison => ({ compare, hasVariables: true });

const equals = text((expected, actual) => expected.text === actual);
const equalsIgnoringCase = text((expected, actual) => foldCase(expected.text) === foldCase(actual));
const like = text((expected, actual) => matches(expected.pattern, actual));
const boolean = text((expected, actual) => toBoolean(expected.text) === toBoolean(actual));

/** Compares two texts as numbers. Text that is no number equals nothing, so that a negated operator holds (cases/aws-facts.md 32, 33). */
const ordered =
  (read: (value: string) => number | undefined, stored: string) =>
  (holds: (actual: number, expected: number) => boolean): Comparison => ({
    compare({ text: written }, value) {
      const expected = read(written);
      const actual = read(value);
      if (expected === undefined) return 'malformed';
      return actual !== undefined && holds(actual, expected);
    },
    accepts: ({ text: written }) => read(written) !== undefined,
    expected: stored,
    hasVariables: false,
  });
const number = ordered(toNumber, 'a decimal number');
const date = ordered(toDate, 'a date as in ISO 8601, or seconds since 1970');

const binary: Comparison = {
  compare: ({ text: expected }, actual) => isCanonicalBase64(actual) && expected === actual,
  accepts: ({ text: expected }) => isCanonicalBase64(expected),
  expected: 'base64 with padding',
  hasVariables: false,
};

const address: Comparison = {
  compare({ text: expected }, actual) {
    const network = toNetwork(expected);
    return network === undefined ? 'malformed' : isWithin(network, toAddress(actual)!);
  },
  accepts: ({ text: expected }) => toNetwork(expected) !== undefined,
  expected: 'an IP address or a range such as 192.0.2.0/24',
  converts: (actual) => toAddress(actual) !== undefined,
  hasVariables: false,
};

const arn: Comparison = {
  compare({ pattern }, actual) {
    const parts = toArnPattern(pattern);
    return parts === undefined ? 'malformed' : matchesArn(parts, actual);
  },
  accepts: ({ pattern }) => toArnPattern(pattern) !== undefined,
  expected: 'an ARN of six parts',
  converts: isArn,
  hasVariables: true,
};

function pair(name: string, negatedName: string, comparison: Comparison): Operator[] {
  return [
    { name, isNegated: false, ...comparison },
    { name: negatedName, isNegated: true, ...comparison },
  ];
}

function comparisons(type: string, of: typeof number): Operator[] {
  return [
    ...pair(
      `${type}Equals`,
      `${type}NotEquals`,
      of((actual, expected) => actual === expected),
    ),
    ...Object.entries({
      LessThan: of((actual, expected) => actual < expected),
      LessThanEquals: of((actual, expected) => actual <= expected),
      GreaterThan: of((actual, expected) => actual > expected),
      GreaterThanEquals: of((actual, expected) => actual >= expected),
    }).map(([suffix, comparison]) => ({ name: type + suffix, isNegated: false, ...comparison })),
  ];
}

/** The operators but `Null`, which tests whether the key is present (cloud-facts.md 7.4). */
const operators: readonly Operator[] = [
  ...pair('StringEquals', 'StringNotEquals', equals),
  ...pair('StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', equalsIgnoringCase),
  ...pair('StringLike', 'StringNotLike', like),
  ...comparisons('Numeric', number),
  ...comparisons('Date', date),
  { name: 'Bool', isNegated: false, ...boolean },
  { name: 'BinaryEquals', isNegated: false, ...binary },
  ...pair('IpAddress', 'NotIpAddress', address),
  ...pair('ArnEquals', 'ArnNotEquals', arn),
  ...pair('ArnLike', 'ArnNotLike', arn),
];

const byName = new Map(operators.map((operator) => [operator.name, operator]));

export type Quantifier = 'ForAnyValue' | 'ForAllValues';

export interface OperatorUse {
  /** Undefined for `Null`. */
  operator: Operator | undefined;
  quantifier: Quantifier | undefined;
  ifExists: boolean;
}

/** Returns the meaning of a name such as `ForAnyValue:StringLikeIfExists`; undefined for one that IAM does not have. */
export function parseOperator(name: string): OperatorUse | undefined {
  const colon = name.indexOf(':');
  const quantifier = colon < 0 ? undefined : name.slice(0, colon);
  if (quantifier !== undefined && quantifier !== 'ForAnyValue' && quantifier !== 'ForAllValues') return undefined;
  const rest = name.slice(colon + 1);
  const ifExists = rest.endsWith('IfExists');
  const base = ifExists ? rest.slice(0, -'IfExists'.length) : rest;
  if (base === 'Null')
    return ifExists || quantifier !== undefined ? undefined : { operator: undefined, quantifier, ifExists };
  const operator = byName.get(base);
  return operator && { operator, quantifier, ifExists };
}
