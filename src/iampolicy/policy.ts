import type { Condition } from './conditions.ts';
import { parseTemplate, variableKeys } from './variables.ts';

/** A policy document. Offsets are of the text that it was read from. */
export interface Policy {
  version: '2008-10-17' | '2012-10-17';
  statements: readonly Statement[];
}

export interface Statement {
  /** From 0. */
  index: number;
  /** Empty where the statement has none. */
  sid: string;
  offset: number;
  effect: 'Allow' | 'Deny';
  action: Values | undefined;
  resource: Values | undefined;
  principal: Principals | undefined;
  conditions: readonly Condition[];
  /** The first fault that makes the meaning of the statement unknown, such as a member that IAM does not have. */
  fault: Fault | undefined;
}

/** The values of `Action`, `Resource` or their negations. */
export interface Values {
  /** True for `NotAction` and `NotResource`. */
  isNegated: boolean;
  offset: number;
  values: readonly { text: string; offset: number }[];
}

/** The values of `Principal` or `NotPrincipal`. `"*"` is `{"AWS": "*"}`. */
export interface Principals {
  isNegated: boolean;
  offset: number;
  values: readonly { kind: string; text: string; offset: number }[];
}

/**
 * - `missing`: an element that IAM requires is absent.
 * - `unknown`: an element that IAM does not have there; no verdict can depend on it.
 * - `value`: a value that IAM does not store.
 */
export type FaultKind = 'missing' | 'unknown' | 'value';

/** A reason why IAM does not store the document. */
export interface Fault {
  kind: FaultKind;
  offset: number;
  /** Completes "The policy …". */
  message: string;
  /** What would be stored in its place. */
  expected: string;
  /** The index of the statement that has it; undefined for one of the whole policy. */
  statement: number | undefined;
}

/** Returns the condition keys that the verdict of a policy can depend on, as they are written, each once in any case. */
export function listContextKeys({ version, statements }: Policy): string[] {
  const hasVariables = version === '2012-10-17';
  const keys = statements.flatMap(({ resource, conditions }) => [
    ...(resource?.values ?? []).flatMap(({ text }) => variableKeys(parseTemplate(text, hasVariables))),
    ...conditions.flatMap(({ key, values }) => [key, ...values.flatMap(({ template }) => variableKeys(template))]),
  ]);
  return [...new Map(keys.map((key) => [key.toLowerCase(), key])).values()];
}
