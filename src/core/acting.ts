import { matchesAny } from './patterns.ts';

/** The right of a service account to start jobs for users, granted on a group or workspace (RFC 8693 4.4, `may_act`). */
export interface MayAct {
  namespace_id: string;
  /** Ids of users and teams, or `*` for everyone who may deploy there; the account's own id for its jobs for nobody. */
  users: string[];
  /** Patterns of stages (`*` for any run of characters). */
  stages: string[];
  /** Patterns by label key; a job may carry only labels named here. */
  labels: Record<string, string>;
}

export interface JobTerms {
  user_id: string | null;
  stage: string;
  labels: Record<string, string>;
}

/** The stage of a job that nobody had to be allowed. */
export const interactive = 'interactive';

/** Says nothing of itself that an access rule could ask for. */
export function isPlain({ stage, labels }: Pick<JobTerms, 'stage' | 'labels'>): boolean {
  return stage === interactive && Object.keys(labels).length === 0;
}

/**
 * Rights add up: one that covers the runner, stage and every label is enough. `lineage` is that of the workspace, root first;
 * `runner` the user with their teams, or the launcher itself.
 */
export function mayAct(
  rights: readonly MayAct[],
  lineage: readonly string[],
  job: Pick<JobTerms, 'stage' | 'labels'>,
  runner: readonly string[],
): boolean {
  return rights.some((right) => lineage.includes(right.namespace_id) && covers(right, job, runner));
}

/** Returns whether a right covers the runner, the stage and every label, wherever it was granted. */
export function covers(right: MayAct, job: Pick<JobTerms, 'stage' | 'labels'>, runner: readonly string[]): boolean {
  return (
    (right.users.includes('*') || right.users.some((id) => runner.includes(id))) &&
    matchesAny(right.stages, job.stage) &&
    Object.entries(job.labels).every(
      ([key, value]) => Object.hasOwn(right.labels, key) && matchesAny([right.labels[key]!], value),
    )
  );
}
