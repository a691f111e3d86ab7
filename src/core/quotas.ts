import { nearestName } from './nearestname.ts';

/**
 * Quotas limit the rows of each kind that an organisation may have, so that it can fill neither the database nor the memory of
 * a replica. docs/limits.md lists the same rows; a test compares the two.
 */

/** Holders of quotas, and their names in refusals. */
const holders = {
  organization: 'Organisation',
  principal: 'Principal',
  user: 'User',
  team: 'Team',
  service_account: 'Service account',
  managed_identity: 'Managed identity',
  workspace: 'Workspace',
  job: 'Job',
} as const;

export type QuotaHolder = keyof typeof holders;

export const quotaHolders = Object.keys(holders) as QuotaHolder[];

export interface Quota {
  per: QuotaHolder;
  default: number;
  /** The most that an operator may set. */
  maximum: number;
  /** The name of the counted rows, in the plural. */
  counts: string;
  /** The action of the caller that needs no operator. */
  advice: string;
  /**
   * `transaction`: counted exactly in the transaction of the change, for collections of a few rows. `before`: counted by a
   * statement before the transaction, because in a SERIALIZABLE transaction every counted create would conflict with every
   * other. Concurrent creates on other replicas can exceed such a quota.
   */
  counted: 'transaction' | 'before';
}

const table = {
  groups: large('organization', 10_000, 100_000, 'groups', 'Delete groups that are no longer needed'),
  workspaces: large('organization', 50_000, 1_000_000, 'workspaces', 'Delete workspaces that are no longer needed'),
  managed_identities: large(
    'organization',
    20_000,
    500_000,
    'managed identities',
    'Delete managed identities that are no longer needed',
  ),
  audiences: large(
    'organization',
    20_000,
    500_000,
    'audiences',
    'Use an audience that the organisation has already, or delete identities that are no longer needed',
  ),
  users: large('organization', 50_000, 500_000, 'users', 'Use an existing user'),
  former_logins_per_user: small(
    'user',
    10,
    100,
    'former logins of the last 30 days',
    'Wait until one of them is 30 days old, or give the user a login that it had before',
  ),
  user_ties: large(
    'organization',
    5_000,
    50_000,
    'ties that have not been used',
    'Delete ties that have expired or are no longer needed',
  ),
  invitations: large(
    'organization',
    5_000,
    50_000,
    'invitations that have not been accepted',
    'Delete invitations that have expired or are no longer needed',
  ),
  memberships: large(
    'organization',
    100_000,
    1_000_000,
    'memberships',
    'Give the role to a team, or on a higher group',
  ),
  memberships_per_principal: large(
    'principal',
    2_000,
    20_000,
    'memberships',
    'Give the role on a higher group, and delete the memberships below it',
  ),
  teams: large('organization', 5_000, 50_000, 'teams', 'Delete teams that are no longer needed'),
  team_members: large('team', 10_000, 100_000, 'members', 'Remove members who are no longer needed'),
  teams_per_user: small('user', 250, 1_000, 'teams', 'Remove the user from a team that gives nothing'),
  service_accounts: large(
    'organization',
    5_000,
    50_000,
    'service accounts',
    'Delete groups with service accounts that are no longer needed',
  ),
  secrets_per_service_account: small('service_account', 2, 10, 'live secrets', 'Delete the older one'),
  trust_rules_per_service_account: small(
    'service_account',
    10,
    100,
    'trust rules',
    'Delete one that is no longer needed, or make another service account',
  ),
  access_tokens: large(
    'principal',
    50_000,
    500_000,
    'live access tokens',
    'Use a token until it expires and ask for the next one then; revoke those that are no longer needed',
  ),
  sign_ins: large(
    'user',
    1_000,
    10_000,
    'live sign-ins (sessions, grants and refresh tokens)',
    'Sign out of sessions that are no longer needed, or wait until old sign-ins expire',
  ),
  may_act: large(
    'organization',
    5_000,
    100_000,
    'rights to act',
    'Grant the right on a higher group, and delete those below it',
  ),
  may_act_per_service_account: large(
    'service_account',
    1_000,
    20_000,
    'rights to act',
    'Grant the right on a higher group, and delete those below it',
  ),
  may_act_bytes: small(
    'service_account',
    4_000,
    20_000,
    'bytes of rights to act on one group or workspace',
    'Name a team instead of its users, or delete a right that is no longer needed',
  ),
  use_grants_per_identity: small('managed_identity', 1_000, 10_000, 'use grants', 'Grant the use to a team, or to `*`'),
  subject_grants_per_identity: small(
    'managed_identity',
    20,
    100,
    'subject grants',
    'Delete one that is no longer needed, or name a namespace further up',
  ),
  access_rules_per_identity: small(
    'managed_identity',
    50,
    500,
    'access rules',
    'Put several values into one rule, or delete a rule that is no longer needed',
  ),
  access_rule_bytes: small(
    'managed_identity',
    32_768,
    262_144,
    'bytes of values in access rules',
    'Name a team instead of its users, or use a pattern',
  ),
  aliases_per_identity: small(
    'managed_identity',
    500,
    5_000,
    'aliases',
    'Make an alias in a higher group, or delete one that is no longer needed',
  ),
  masks_per_identity: small(
    'managed_identity',
    1_000,
    10_000,
    'masks',
    'Mask the identity in a higher group, or move it to a lower one',
  ),
  assignments: large(
    'organization',
    100_000,
    1_000_000,
    'assignments',
    'Unassign managed identities that are no longer needed',
  ),
  assignments_per_workspace: small(
    'workspace',
    100,
    1_000,
    'assignments',
    'Unassign managed identities that are no longer needed',
  ),
  running_jobs: large(
    'organization',
    50_000,
    500_000,
    'running jobs',
    'End jobs that are over, or wait until some end',
  ),
  running_jobs_per_launcher: large(
    'service_account',
    25_000,
    500_000,
    'running jobs',
    'End jobs that are over, or wait until some end',
  ),
  running_jobs_per_user: large(
    'user',
    1_000,
    10_000,
    'running jobs that they started',
    'End jobs that are over, or wait until some end',
  ),
  array_tasks_per_job: large('job', 10_000, 1_000_000, 'array tasks', 'Start another job for the further tasks'),
  idempotency_keys: large(
    'organization',
    1_000_000,
    10_000_000,
    'idempotency keys of the last 24 hours',
    'Send the request without `Idempotency-Key`',
  ),
} as const satisfies Record<string, Quota>;

export type QuotaName = keyof typeof table;

export const quotas: Readonly<Record<QuotaName, Quota>> = table;
export const quotaNames = Object.keys(table) as QuotaName[];

export function isQuotaName(text: string): text is QuotaName {
  return Object.hasOwn(table, text);
}

/** Returns the quota name that is closest to a misspelled one. */
export function findNearestQuota(text: string): QuotaName {
  return nearestName(text, quotaNames).name;
}

/** Returns why `value` is not allowed for a quota, or undefined when it is. */
export function findQuotaValueFault(name: QuotaName, value: number): string | undefined {
  const { maximum } = quotas[name];
  if (Number.isSafeInteger(value) && value >= 0 && value <= maximum) return undefined;
  return `must be a whole number from 0 to ${maximum}`;
}

/** Returns the message of a request that exceeds a quota. `holder` and `organization` are names or paths. */
export function explainQuota(
  name: QuotaName,
  { value, holder, organization }: { value: number; holder: string; organization: string | undefined },
): { detail: string; advice: string } {
  const { per, counts, advice, maximum } = quotas[name];
  const higher = Math.min(Math.max(2 * value, 1), maximum);
  const raise =
    organization === undefined || higher <= value
      ? `The quota \`${name}\` is at its maximum of ${maximum}.`
      : `An operator can raise the quota: \`arsia server admin quota --organization ${organization} --set ${name}=${higher}\`.`;
  return {
    detail: `${holders[per]} ${holder} has reached its quota of ${value} ${counts}.`,
    advice: `${advice}. ${raise}`,
  };
}

/**
 * Returns the bytes of values that count against a quota: UTF-8 and 4 per value. store/namespaces/quotas.ts counts stored
 * rows alike.
 */
export function countValueBytes(values: readonly string[]): number {
  return values.reduce((sum, value) => sum + Buffer.byteLength(value) + 4, 0);
}

/** Returns the bytes of a right to act that count against its quota: 60 and the bytes of its names. */
export function countRightBytes(right: { users: string[]; stages: string[]; labels: Record<string, string> }): number {
  return 60 + countValueBytes([...right.users, ...right.stages, ...Object.entries(right.labels).flat()]);
}

type Row = [per: QuotaHolder, initial: number, maximum: number, counts: string, advice: string];

function large(...row: Row): Quota {
  return { ...createQuota(...row), counted: 'before' };
}

function small(...row: Row): Quota {
  return { ...createQuota(...row), counted: 'transaction' };
}

function createQuota(...[per, initial, maximum, counts, advice]: Row) {
  return { per, default: initial, maximum, counts, advice };
}
