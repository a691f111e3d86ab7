import type { Context } from './context.ts';
import type { OperatorUse } from './operators.ts';
import { toBoolean } from './values.ts';
import { resolve, type Template } from './variables.ts';

/** A line of a Condition block: an operator, a key and the values of the policy. */
export interface Condition extends OperatorUse {
  /** As in the policy: `StringEquals`. */
  name: string;
  /** As in the policy. */
  key: string;
  values: readonly ConditionValue[];
  /** The offset of the value or of the list of values. */
  offset: number;
}

export interface ConditionValue {
  text: string;
  template: Template;
  offset: number;
}

/**
 * `unknown`: it depends on a key that the caller does not know. `malformed`: it depends on a value that cannot be compared; AWS then denies,
 * whether the condition is in an Allow or in a Deny (cases/aws-facts.md 35).
 */
export type Truth = boolean | 'unknown' | 'malformed';

/** Returns whether a condition holds (cloud-facts.md 7.4, cases/aws-facts.md 28 to 38). */
export function holds(condition: Condition, context: Context): Truth {
  const fact = context.find(condition.key.toLowerCase());
  if (fact === 'unknown') return 'unknown';
  const { operator, quantifier, ifExists, values } = condition;
  if (operator === undefined) return values.some(({ text }) => toBoolean(text) === (fact === undefined));
  if (fact === undefined) {
    if (ifExists) return true;
    return quantifier === undefined ? operator.isNegated : quantifier === 'ForAllValues';
  }
  // On a list, an operator without set prefix does not match, whether it is negated or not (cases/aws-facts.md 28).
  if (quantifier === undefined && fact.isList) return false;
  const truths = fact.values.map((value) => holdsFor(condition, value, context));
  return quantifier === 'ForAnyValue' ? anyOf(truths) : allOf(truths);
}

function holdsFor({ operator, values }: Condition, actual: string, context: Context): Truth {
  const { compare, converts, isNegated } = operator!;
  if (converts !== undefined && !converts(actual)) return false;
  let isUnknown = false;
  // In this order: AWS does not read the values after one that matches (cases/aws-facts.md 35).
  for (const { template } of values) {
    const expected = resolve(template, context);
    if (expected === 'unresolved') continue;
    if (expected === 'unknown') {
      isUnknown = true;
      continue;
    }
    const matched = compare(expected, actual);
    if (matched === 'malformed') return 'malformed';
    if (matched) return !isNegated;
  }
  return isUnknown ? 'unknown' : isNegated;
}

/** One that holds decides. */
function anyOf(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.find((truth) => truth !== false) ?? false;
}

/** One that does not hold decides. */
export function allOf(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  if (truths.includes('malformed')) return 'malformed';
  return truths.includes('unknown') ? 'unknown' : true;
}
