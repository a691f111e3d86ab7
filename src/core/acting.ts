import { matchesAny } from './patterns.ts';

/** A right of a service account to start jobs for users, granted on a group or workspace (RFC 8693 4.4, `may_act`). */
export interface MayAct {
  namespace_id: string;
  /** Ids of users and teams, or `*` for every user who may deploy there; the account's own id for jobs without a user. */
  users: string[];
  /** Stage patterns; `*` matches any run of characters. */
  stages: string[];
  /** Patterns by label key. A job may carry only the labels listed here. */
  labels: Record<string, string>;
}

export interface JobTerms {
  user_id: string | null;
  stage: string;
  labels: Record<string, string>;
}

/** The stage of a job that needs no right to act. */
export const interactive = 'interactive';

/** Returns whether a job has the default stage and no labels, so that no access rule can match it by a chosen value. */
export function isPlain({ stage, labels }: Pick<JobTerms, 'stage' | 'labels'>): boolean {
  return stage === interactive && Object.keys(labels).length === 0;
}

/**
 * Returns whether one of the rights covers the job. `lineage` is the lineage of the workspace, root first. `runner` holds the
 * ids of the user and their teams, or the id of the launcher.
 */
export function canAct(
  rights: readonly MayAct[],
  lineage: readonly string[],
  job: Pick<JobTerms, 'stage' | 'labels'>,
  runner: readonly string[],
): boolean {
  return rights.some((right) => lineage.includes(right.namespace_id) && isJobCovered(right, job, runner));
}

/** Returns whether a right covers the runner, the stage and every label. Does not look at where the right was granted. */
export function isJobCovered(
  right: MayAct,
  job: Pick<JobTerms, 'stage' | 'labels'>,
  runner: readonly string[],
): boolean {
  return (
    (right.users.includes('*') || right.users.some((id) => runner.includes(id))) &&
    matchesAny(right.stages, job.stage) &&
    Object.entries(job.labels).every(
      ([key, value]) => Object.hasOwn(right.labels, key) && matchesAny([right.labels[key]!], value),
    )
  );
}
