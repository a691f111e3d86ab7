import type { TrustFacts } from '../provider.ts';
import { actionsNeeded, formatAudience } from './assertion.ts';
import { issuerHostPath, parseRoleArn, providerArn } from './names.ts';
import type { AwsSettings } from './settings.ts';

/** Characters of a trust policy without white space (cloud-facts.md 1.6). */
export const maximumPolicyLength = 2048;

/** Who may assume a role, by exact values. */
export interface TrustedSubject {
  provider: string;
  hostPath: string;
  actions: readonly string[];
  audience: string;
  subject: string;
  is_subject_pattern: boolean;
}

/** A type and no interface, so that it is a JSON object to TypeScript. */
export type PolicyStatement = {
  Effect: 'Allow';
  Principal: { Federated: string };
  Action: string | readonly string[];
  Condition: Record<string, Record<string, string | readonly string[]>>;
};

export type TrustPolicy = {
  Version: '2012-10-17';
  Statement: PolicyStatement[];
};

/** Returns whom a role must trust for the tokens of these facts. */
export function trustedSubject(settings: AwsSettings, facts: TrustFacts): TrustedSubject {
  const hostPath = issuerHostPath(facts.issuer)!;
  return {
    provider: providerArn(parseRoleArn(settings.role_arn)!, hostPath),
    hostPath,
    actions: actionsNeeded(settings),
    audience: formatAudience(facts),
    subject: facts.subject,
    is_subject_pattern: facts.is_subject_pattern,
  };
}

/** Returns the statement that trusts one subject, or the pattern of one. */
export function buildStatement(trusted: TrustedSubject): PolicyStatement {
  return buildSharedStatement([trusted]);
}

/**
 * Returns the policy that trusts these subjects and no others. Subjects share a statement only where provider, audience and
 * actions are the same: otherwise each would have the audiences and the actions of the others.
 */
export function buildTrustPolicy(subjects: readonly TrustedSubject[]): TrustPolicy {
  const shared = Map.groupBy(subjects, ({ provider, audience, actions, is_subject_pattern }) =>
    JSON.stringify([provider, audience, actions, is_subject_pattern]),
  );
  return { Version: '2012-10-17', Statement: [...shared.values()].map(buildSharedStatement) };
}

function buildSharedStatement(subjects: readonly TrustedSubject[]): PolicyStatement {
  const { provider, hostPath, actions, audience, is_subject_pattern } = subjects[0]!;
  const aud = { [`${hostPath}:aud`]: audience };
  const sub = { [`${hostPath}:sub`]: oneOrList([...new Set(subjects.map(({ subject }) => subject))]) };
  return {
    Effect: 'Allow',
    Principal: { Federated: provider },
    Action: oneOrList(actions),
    // StringLike only for a subject pattern of all users. The audience is always exact.
    Condition: is_subject_pattern ? { StringEquals: aud, StringLike: sub } : { StringEquals: { ...aud, ...sub } },
  };
}

function oneOrList(values: readonly string[]): string | readonly string[] {
  return values.length === 1 ? values[0]! : values;
}

/** Returns the characters that AWS counts. No value of these policies has white space. */
export function measurePolicy(policy: TrustPolicy): number {
  return JSON.stringify(policy).length;
}
