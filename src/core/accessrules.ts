import { matchesAny, matchesPattern } from './patterns.ts';

/**
 * Rules on a managed identity, judged at issue time. Rules of one kind are alternatives, the kinds that have rules must all
 * hold. An identity without rules is open to every job of its workspaces, or closed, as its organisation says.
 */
export const ruleKinds = ['stage', 'user', 'team', 'service_account', 'label'] as const;
export type RuleKind = (typeof ruleKinds)[number];

export interface AccessRule {
  id: string;
  kind: RuleKind;
  /**
   * Alternatives: patterns of stages; ids of users, teams or service accounts. For `label`, `key=pattern`: one rule is a
   * selector whose every entry must hold.
   */
  values: string[];
}

/** What a job brings: only what its launcher was allowed to use. */
export interface Presented {
  stage: string;
  user_id: string | null;
  team_ids: readonly string[];
  launcher_id: string | null;
  labels: Readonly<Record<string, string>>;
}

export type WithoutRules = 'open' | 'closed';

export interface RuleRefusal {
  /** The rules of the kind that did not hold; empty when the identity has none and is closed. */
  rule_ids: string[];
  kind: RuleKind | null;
  expected: string;
  presented: string;
}

const holds: Record<RuleKind, (values: readonly string[], job: Presented) => boolean> = {
  stage: (values, job) => matchesAny(values, job.stage),
  user: (values, job) => job.user_id !== null && values.includes(job.user_id),
  team: (values, job) => job.team_ids.some((team) => values.includes(team)),
  service_account: (values, job) => job.launcher_id !== null && values.includes(job.launcher_id),
  label: (values, job) => values.length > 0 && values.every((entry) => hasLabel(entry, job.labels)),
};

const shows: Record<RuleKind, (job: Presented) => string> = {
  stage: (job) => job.stage,
  user: (job) => job.user_id ?? 'no user',
  team: (job) => job.team_ids.join(', ') || 'no team',
  service_account: (job) => job.launcher_id ?? 'no service account',
  label: (job) =>
    Object.entries(job.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ') || 'no labels',
};

/** Undefined when the job may have the identity. The first kind that does not hold is named, with what was presented. */
export function refuseByRules(
  rules: readonly AccessRule[],
  job: Presented,
  withoutRules: WithoutRules,
): RuleRefusal | undefined {
  if (rules.length === 0) return withoutRules === 'open' ? undefined : closed;
  for (const kind of ruleKinds) {
    const ofKind = rules.filter((rule) => rule.kind === kind);
    if (ofKind.length === 0 || ofKind.some((rule) => holds[kind](rule.values, job))) continue;
    return {
      rule_ids: ofKind.map((rule) => rule.id),
      kind,
      expected: expectedBy(kind, ofKind),
      presented: `${kind} ${shows[kind](job)}`,
    };
  }
  return undefined;
}

/** Characters of what rules expect, in a refusal and its record. */
const maximumExpected = 1_000;

function expectedBy(kind: RuleKind, rules: readonly AccessRule[]): string {
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
  const at = entry.indexOf('=');
  const key = entry.slice(0, at);
  return at > 0 && Object.hasOwn(labels, key) && matchesPattern(entry.slice(at + 1), labels[key]!);
}
