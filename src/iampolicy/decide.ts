import { allOf, type Condition, holds, type Truth } from './conditions.ts';
import type { Context } from './context.ts';
import { matches, wildcards } from './patterns.ts';
import type { Policy, Principals, Statement, Values } from './policy.ts';
import { matchesArn, toArnPattern } from './values.ts';
import { parseTemplate, resolve } from './variables.ts';

/** A request as a policy sees it. */
export interface PolicyRequest {
  /** `service:Name`. */
  action: string;
  /** Undefined where the policy belongs to the resource, so that its statements name none. */
  resource?: string | undefined;
  /** Undefined where the policy belongs to the principal. */
  principal?: RequestPrincipal | undefined;
  context: Context;
}

export interface RequestPrincipal {
  /** Returns whether an element of `Principal` without wildcard names the principal. `kind` is `AWS`, `Federated` and so on. */
  isNamedBy(kind: string, text: string): boolean;
  /** Whether `*` covers the principal, by the effect of the statement. */
  isCoveredByWildcard: Readonly<Record<Statement['effect'], boolean>>;
  /** For messages. */
  title: string;
}

/** A part of a statement for which it does not apply to the request. */
export interface Mismatch {
  element: 'Action' | 'NotAction' | 'Principal' | 'NotPrincipal' | 'Resource' | 'NotResource' | 'Condition';
  expected: readonly string[];
  /** Undefined for a condition whose key the request does not have. */
  actual: readonly string[] | undefined;
  offset: number;
  condition?: Condition;
}

/** How a statement relates to the request. */
export interface Outcome {
  statement: Statement;
  applies: Truth;
  /** The reasons why it does not apply; the first element that fails, or every condition that fails. */
  mismatches: readonly Mismatch[];
  /** The conditions on which it depends, where it is unknown whether it applies. */
  unknown: readonly Condition[];
  /** Grows with the number of checks that passed. */
  progress: number;
}

/**
 * - `allow`, `explicit_deny`: the statement of `outcome` decides.
 * - `implicit_deny`: no statement applies; `outcome` is the Allow that passed most checks, if there is one.
 * - `undecided`: it depends on the statement of `outcome`, and it is unknown whether this one applies.
 */
export type Decision =
  | { effect: 'allow' | 'explicit_deny' | 'undecided'; outcome: Outcome }
  | { effect: 'implicit_deny'; outcome: Outcome | undefined };

/** Decides by one policy: a Deny that applies wins, then an Allow that applies; without one the request is denied (cloud-facts.md 7.5). */
export function decide(policy: Policy, request: PolicyRequest): Decision {
  const hasVariables = policy.version === '2012-10-17';
  const outcomes = policy.statements.map((statement) => judge(statement, request, hasVariables));
  const denying = outcomes.filter(({ statement }) => statement.effect === 'Deny');
  const allowing = outcomes.filter(({ statement }) => statement.effect === 'Allow');
  const denies =
    denying.find(({ applies }) => applies === true) ?? denying.find(({ applies }) => applies === 'malformed');
  if (denies !== undefined) return { effect: 'explicit_deny', outcome: denies };
  const mayDeny = denying.find(({ applies }) => applies === 'unknown');
  if (mayDeny !== undefined) return { effect: 'undecided', outcome: mayDeny };
  const allows = allowing.find(({ applies }) => applies === true);
  if (allows !== undefined) return { effect: 'allow', outcome: allows };
  const mayAllow = allowing.find(({ applies }) => applies === 'unknown');
  if (mayAllow !== undefined) return { effect: 'undecided', outcome: mayAllow };
  let closest: Outcome | undefined;
  for (const outcome of allowing) if (outcome.progress > (closest?.progress ?? -1)) closest = outcome;
  return { effect: 'implicit_deny', outcome: closest };
}

function judge(statement: Statement, request: PolicyRequest, hasVariables: boolean): Outcome {
  const miss = (mismatches: Mismatch[], progress: number): Outcome => ({
    statement,
    applies: false,
    mismatches,
    unknown: [],
    progress,
  });
  const principal = findPrincipalMismatch(statement, request.principal);
  const action = findActionMismatch(statement.action, request.action);
  if (action !== undefined) return miss([action], principal === undefined ? 1 : 0);
  if (principal !== undefined) return miss([principal], 2);
  const resource = findResourceMismatch(statement.resource, request, hasVariables);
  if (typeof resource === 'object') return miss([resource], 3);
  const truths = statement.conditions.map((condition) => ({ condition, truth: holds(condition, request.context) }));
  const failed = truths
    .filter(({ truth }) => truth === false || truth === 'malformed')
    .map(({ condition }) => condition);
  const applies = allOf([
    ...truths.map(({ truth }) => truth),
    ...(statement.fault === undefined && resource !== 'unknown' ? [] : ['unknown' as const]),
  ]);
  return {
    statement,
    applies,
    mismatches: applies === true ? [] : failed.map((condition) => describe(condition, request.context)),
    unknown: truths.filter(({ truth }) => truth === 'unknown').map(({ condition }) => condition),
    progress: 4 + 1 / (failed.length + 1),
  };
}

function describe(condition: Condition, context: Context): Mismatch {
  const fact = context.find(condition.key.toLowerCase());
  return {
    element: 'Condition',
    condition,
    expected: condition.values.map(({ text }) => text),
    actual: typeof fact === 'object' ? fact.values : undefined,
    offset: condition.offset,
  };
}

function findActionMismatch(action: Values | undefined, asked: string): Mismatch | undefined {
  if (action === undefined) return undefined;
  const isListed = action.values.some(({ text }) => matchesAction(text, asked));
  if (isListed !== action.isNegated) return undefined;
  return {
    element: action.isNegated ? 'NotAction' : 'Action',
    expected: action.values.map(({ text }) => text),
    actual: [asked],
    offset: action.offset,
  };
}

/** Compares `service:Name` in any case. Wildcards are for the name; of a service only `*` alone is one (cloud-facts.md 7.3). */
export function matchesAction(pattern: string, action: string): boolean {
  if (pattern === '*') return true;
  const [service = '', name = ''] = splitAction(pattern);
  const [askedService, askedName = ''] = splitAction(action);
  return (service === '*' || service === askedService) && matches(wildcards(name), askedName);
}

function splitAction(text: string): string[] {
  const lower = text.toLowerCase();
  const colon = lower.indexOf(':');
  return colon < 0 ? [lower] : [lower.slice(0, colon), lower.slice(colon + 1)];
}

function findPrincipalMismatch(
  { principal, effect }: Statement,
  asked: RequestPrincipal | undefined,
): Mismatch | undefined {
  if (principal === undefined || asked === undefined) return undefined;
  const isListed = isNamed(principal, effect, asked);
  if (isListed !== principal.isNegated) return undefined;
  return {
    element: principal.isNegated ? 'NotPrincipal' : 'Principal',
    expected: principal.values.map(({ text }) => text),
    actual: [asked.title],
    offset: principal.offset,
  };
}

function isNamed({ values, isNegated }: Principals, effect: Statement['effect'], asked: RequestPrincipal): boolean {
  return values.some(({ kind, text }) => {
    if (text !== '*') return asked.isNamedBy(kind, text);
    // All but everybody is nobody, whatever `*` covers in an Allow.
    return (kind === 'AWS' || kind === 'Federated') && (isNegated || asked.isCoveredByWildcard[effect]);
  });
}

function findResourceMismatch(
  resource: Values | undefined,
  { resource: asked, context }: PolicyRequest,
  hasVariables: boolean,
): Mismatch | 'unknown' | undefined {
  if (resource === undefined || asked === undefined) return undefined;
  const truths = resource.values.map(({ text }) => matchesResource(text, asked, context, hasVariables));
  const isListed = truths.includes(true);
  if (!isListed && truths.includes('unknown')) return 'unknown';
  if (isListed !== resource.isNegated) return undefined;
  return {
    element: resource.isNegated ? 'NotResource' : 'Resource',
    expected: resource.values.map(({ text }) => text),
    actual: [asked],
    offset: resource.offset,
  };
}

function matchesResource(text: string, asked: string, context: Context, hasVariables: boolean): boolean | 'unknown' {
  if (text === '*') return true;
  const operand = resolve(parseTemplate(text, hasVariables), context);
  if (operand === 'unresolved') return false;
  if (operand === 'unknown') return 'unknown';
  const parts = toArnPattern(operand.pattern);
  return parts !== undefined && matchesArn(parts, asked);
}
