import { refuseByRules } from './accessrules.ts';
import { explainActFault, findActFault, isPlain } from './acting.ts';
import { findUsability, type Runner, selectChoice } from './inheritance.ts';
import { describeEnd } from './jobends.ts';
import type { IdentityFacts, IdentityReach, MintFacts, MintRefusal } from './mintfacts.ts';
import { decide } from './permissions.ts';
import { hasUserId } from './subject.ts';

/** Returns why the job may not get any identity now, or undefined when it may. `now` is in milliseconds since 1970. */
export function refuseJob(facts: MintFacts, now: number): MintRefusal | undefined {
  const { job, workspace, user, launcher } = facts;
  if (job.is_ended && user?.ended_job !== undefined)
    return { code: 'job_ended', detail: `Job ${job.id} has ended: its user ${user.login} was ${user.ended_job}.` };
  if (job.is_ended) return { code: 'job_ended', detail: describeEnd(job) };
  if (now >= job.deadline)
    return { code: 'job_ended', detail: `Job ${job.id} is past its deadline, or its heartbeat did not come in time.` };
  if (user !== null && !user.is_active) return { code: 'user_inactive', detail: `User ${user.login} is deactivated.` };
  if (launcher !== null && !launcher.is_active)
    return { code: 'launcher_inactive', detail: `Service account ${launcher.name} is deactivated.` };
  // The role is checked on the user of the job, or on the launcher when the job has no user. Facts without either (the row
  // of the user is gone) refuse.
  const runner = job.user_id === null ? launcher : user;
  const runnerName = user?.login ?? launcher?.name ?? 'The user of the job';
  if (runner === null || decide('job.run', workspace.lineage, runner.memberships) !== 'allow')
    return { code: 'user_lacks_role', detail: `${runnerName} may not run jobs in ${workspace.path}.` };
  if (launcher === null || (user === null && isPlain(job))) return undefined;
  const named = user === null ? [launcher.id] : [user.id, ...user.team_ids];
  const fault = findActFault(launcher.may_act, workspace.lineage, job, named);
  if (fault === undefined) return undefined;
  const asked = { user: user?.login ?? 'itself', workspace: workspace.path, stage: job.stage };
  return {
    code: 'launcher_may_not_act',
    detail: explainActFault(fault, `Service account ${launcher.name}`, asked),
  };
}

/**
 * Returns why the job may not have this identity, or undefined when it may. An identity that reaches the workspace but is not
 * assigned has a refusal of its own, because members of the workspace see such identities. Every other identity looks unknown,
 * so that no job can list the identities of others. Without `profile` any profile matches.
 */
export function refuseIdentity(facts: MintFacts, named: string, profile?: string): MintRefusal | undefined {
  const { identity, workspace, user } = facts;
  const use = identity === null ? 'out_of_reach' : findUsability(identity.reach, workspace.lineage);
  if (identity === null || use === 'out_of_reach')
    return {
      code: 'not_found',
      detail: `The workspace ${workspace.path} has no managed identity ${JSON.stringify(named)}.`,
    };
  if (use === 'masked')
    return {
      code: 'identity_not_assigned',
      detail: `The managed identity ${identity.path} is masked for the workspace ${workspace.path}.`,
    };
  if (!isSelected(facts, identity, profile)) return refuseUnassigned(facts, identity, profile);
  if (hasUserId(identity.subject_scope) && user === null)
    return {
      code: 'identity_needs_user',
      detail: `The managed identity ${identity.path} has the subject scope ${identity.subject_scope}, and this job runs for no user.`,
    };
  return refuseRules(facts, identity);
}

/** Returns the principals that assignments and access rules are matched against. */
export function getRunner({ user, launcher }: Pick<MintFacts, 'user' | 'launcher'>): Runner {
  return { user_id: user?.id ?? null, team_ids: user?.team_ids ?? [], launcher_id: launcher?.id ?? null };
}

/** Returns whether this is the identity of its type that the job gets, under the profile or under any. */
function isSelected(facts: MintFacts, identity: IdentityFacts & IdentityReach, profile?: string): boolean {
  const profiles = profile === undefined ? new Set(identity.choices.map((choice) => choice.profile)) : [profile];
  const runner = getRunner(facts);
  return [...profiles].some(
    (one) => selectChoice(identity.choices, runner, identity.type, one)?.identity_id === identity.id,
  );
}

function refuseUnassigned(facts: MintFacts, identity: IdentityFacts & IdentityReach, profile?: string): MintRefusal {
  const { workspace, user } = facts;
  const own = identity.choices.filter((choice) => choice.identity_id === identity.id);
  const under = profile === undefined || profile === '' ? '' : ` under the profile ${profile}`;
  const detail =
    own.length > 0 && under === ''
      ? `For ${user?.login ?? 'this job'} the workspace ${workspace.path} has another identity of type ${identity.type} than ${identity.path}.`
      : `The managed identity ${identity.path} is not assigned to the workspace ${workspace.path}${under}.`;
  return { code: 'identity_not_assigned', detail };
}

function refuseRules(facts: MintFacts, identity: IdentityFacts & IdentityReach): MintRefusal | undefined {
  const { job, organization } = facts;
  const presented = { ...getRunner(facts), stage: job.stage, labels: job.labels };
  const refusal = refuseByRules(identity.rules, presented, organization.identities_without_rules);
  if (refusal === undefined) return undefined;
  const rules = refusal.rule_ids.length === 0 ? 'No access rule' : `No access rule of the kind ${refusal.kind}`;
  return {
    code: 'access_rule_refused',
    detail: `${rules} of ${identity.path} admits this job: it wants ${refusal.expected}, and the job presented ${refusal.presented}.`,
    condition: refusal.rule_ids.join(', ') || 'identities_without_rules',
    expected: refusal.expected,
    actual: refusal.presented,
  };
}
