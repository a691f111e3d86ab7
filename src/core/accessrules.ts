import { matchesAny, matchesPattern } from './patterns.ts';

/**
 * Kinds of access rules of a managed identity. They are evaluated at each mint. Rules of one kind are alternatives; every kind
 * that has rules must match. An organisation setting decides whether an identity without rules is open or closed.
 */
export const ruleKinds = ['stage', 'user', 'team', 'service_account', 'label'] as const;
export type RuleKind = (typeof ruleKinds)[number];

export interface AccessRule {
  id: string;
  kind: RuleKind;
  /**
   * Allowed values, any of which matches: stage patterns, or user, team or service account ids. For `label`: entries
   * `key=pattern`, all of which must match.
   */
  values: string[];
}

/** The facts of a job that access rules see. Its launcher was allowed to use each of them. */
export interface Presented {
  stage: string;
  user_id: string | null;
  team_ids: readonly string[];
  launcher_id: string | null;
  labels: Readonly<Record<string, string>>;
}

export type WithoutRules = 'open' | 'closed';

export interface RuleRefusal {
  /** Ids of the rules of the kind that did not match; empty when the identity has no rules and is closed. */
  rule_ids: string[];
  kind: RuleKind | null;
  expected: string;
  presented: string;
}

const matchers: Record<RuleKind, (values: readonly string[], job: Presented) => boolean> = {
  stage: (values, job) => matchesAny(values, job.stage),
  user: (values, job) => job.user_id !== null && values.includes(job.user_id),
  team: (values, job) => job.team_ids.some((team) => values.includes(team)),
  service_account: (values, job) => job.launcher_id !== null && values.includes(job.launcher_id),
  label: (values, job) => values.length > 0 && values.every((entry) => hasLabel(entry, job.labels)),
};

const formatters: Record<RuleKind, (job: Presented) => string> = {
  stage: (job) => job.stage,
  user: (job) => job.user_id ?? 'no user',
  team: (job) => job.team_ids.join(', ') || 'no team',
  service_account: (job) => job.launcher_id ?? 'no service account',
  label: (job) =>
    Object.entries(job.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ') || 'no labels',
};

/** Returns the refusal of the first kind of rules that does not match, or undefined when the job may have the identity. */
export function refuseByRules(
  rules: readonly AccessRule[],
  job: Presented,
  withoutRules: WithoutRules,
): RuleRefusal | undefined {
  if (rules.length === 0) return withoutRules === 'open' ? undefined : closed;
  for (const kind of ruleKinds) {
    const ofKind = rules.filter((rule) => rule.kind === kind);
    if (ofKind.length === 0 || ofKind.some((rule) => matchers[kind](rule.values, job))) continue;
    return {
      rule_ids: ofKind.map((rule) => rule.id),
      kind,
      expected: formatExpected(kind, ofKind),
      presented: `${kind} ${formatters[kind](job)}`,
    };
  }
  return undefined;
}

/** Characters of `expected` in a refusal and in its audit event. */
const maximumExpected = 1_000;

function formatExpected(kind: RuleKind, rules: readonly AccessRule[]): string {
  const joint = kind === 'label' ? ' and ' : ' or ';
  let text = '';
  for (const [index, rule] of rules.entries()) {
    if (text.length > maximumExpected) return `${text.slice(0, maximumExpected)}… (${rules.length} rules)`;
    text += `${index === 0 ? '' : '; or '}${kind} ${rule.values.join(joint)}`;
  }
  return text.length > maximumExpected ? `${text.slice(0, maximumExpected)}…` : text;
}

const closed: RuleRefusal = {
  rule_ids: [],
  kind: null,
  expected: 'an access rule: in this organisation an identity without rules is closed',
  presented: 'no rule',
};

function hasLabel(entry: string, labels: Readonly<Record<string, string>>): boolean {
  const separator = entry.indexOf('=');
  const key = entry.slice(0, separator);
  return separator > 0 && Object.hasOwn(labels, key) && matchesPattern(entry.slice(separator + 1), labels[key]!);
}
