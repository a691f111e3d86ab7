import { matchesAny } from './patterns.ts';

/** The right of a service account to start jobs for users, granted on a group or workspace (RFC 8693 4.4, `may_act`). */
export interface MayAct {
  namespace_id: string;
  /** User ids, or `*` for everyone who may deploy there. */
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

/** Rights add up: one that covers user, stage and every label is enough. `lineage` is that of the workspace, root first. */
export function mayAct(rights: readonly MayAct[], lineage: readonly string[], job: JobTerms): boolean {
  return rights.some(
    (right) =>
      lineage.includes(right.namespace_id) &&
      (right.users.includes('*') || (job.user_id !== null && right.users.includes(job.user_id))) &&
      matchesAny(right.stages, job.stage) &&
      Object.entries(job.labels).every(
        ([key, value]) => Object.hasOwn(right.labels, key) && matchesAny([right.labels[key]!], value),
      ),
  );
}
