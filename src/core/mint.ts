import { type JobTerms, type MayAct, mayAct } from './acting.ts';
import type { ErrorCode } from './errors.ts';
import { decide, type Membership } from './permissions.ts';
import { namesUser, type SubjectScope } from './subject.ts';

export const deliveries = ['credentials', 'token', 'both'] as const;
export type Delivery = (typeof deliveries)[number];

export interface IdentityFacts {
  id: string;
  path: string;
  group_id: string;
  type: string;
  settings: unknown;
  subject_scope: SubjectScope;
  delivery: Delivery;
  /** Seconds. */
  token_lifetime: number;
  /** The profile under which it is assigned to the workspace of the job; empty when unnamed or not assigned. */
  profile: string;
}

/** Everything that one mint is decided on, read together, as committed after the request arrived. */
export interface MintFacts {
  job: JobTerms & { id: string; is_ended: boolean; deadline: number };
  workspace: { id: string; path: string; lineage: string[] };
  group: { id: string; path: string };
  organization: { id: string; name: string };
  user: { id: string; login: string; is_active: boolean; memberships: Membership[] } | null;
  launcher: { id: string; name: string; is_active: boolean; memberships: Membership[]; may_act: MayAct[] } | null;
  /** The identity that the request names, if one of this name exists anywhere. */
  identity: (IdentityFacts & { is_assigned: boolean }) | null;
}

export interface MintRefusal {
  code: ErrorCode;
  detail: string;
}

/** May this job act at all, now? Undefined when it may. `now` in milliseconds. */
export function refuseJob(facts: MintFacts, now: number): MintRefusal | undefined {
  const { job, workspace, user, launcher } = facts;
  if (job.is_ended) return { code: 'job_ended', detail: `Job ${job.id} has ended.` };
  if (now >= job.deadline) return { code: 'job_ended', detail: `Job ${job.id} is past its deadline.` };
  if (user !== null && !user.is_active) return { code: 'user_inactive', detail: `User ${user.login} is deactivated.` };
  if (launcher !== null && !launcher.is_active)
    return { code: 'launcher_inactive', detail: `Service account ${launcher.name} is deactivated.` };
  // The role is that of whom the job runs for: its user, or the service account when it runs for nobody.
  // Facts without a runner (a job of a user whose row is gone) refuse: nobody's role is no role.
  const runner = job.user_id === null ? launcher : user;
  const runnerName = user?.login ?? launcher?.name ?? 'Nobody';
  if (runner === null || decide('job.run', workspace.lineage, runner.memberships) !== 'allow')
    return { code: 'user_lacks_role', detail: `${runnerName} may not run jobs in ${workspace.path}.` };
  if (user !== null && launcher !== null && !mayAct(launcher.may_act, workspace.lineage, job))
    return {
      code: 'launcher_may_not_act',
      detail: `Service account ${launcher.name} may not act for ${user.login} in ${workspace.path} with stage ${job.stage}.`,
    };
  return undefined;
}

/**
 * May this job have this identity? An identity of an ancestor group that is not assigned is told from one that is unknown,
 * since members see those; every other one looks unknown, so that no job can list the identities of others.
 */
export function refuseIdentity(facts: MintFacts, named: string): MintRefusal | undefined {
  const { identity, workspace, user } = facts;
  if (identity === null || !workspace.lineage.includes(identity.group_id))
    return {
      code: 'not_found',
      detail: `The workspace ${workspace.path} has no managed identity ${JSON.stringify(named)}.`,
    };
  if (!identity.is_assigned)
    return {
      code: 'identity_not_assigned',
      detail: `The managed identity ${identity.path} is not assigned to the workspace ${workspace.path}.`,
    };
  if (namesUser(identity.subject_scope) && user === null)
    return {
      code: 'identity_needs_user',
      detail: `The managed identity ${identity.path} has the subject scope ${identity.subject_scope}, and this job runs for no user.`,
    };
  return undefined;
}
