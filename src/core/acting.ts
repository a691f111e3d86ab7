import { matchesAny } from './patterns.ts';

/** A right of a service account to start jobs for users, granted on a group or workspace (RFC 8693 4.4, `may_act`). */
export interface MayAct {
  namespace_id: string;
  /** Ids of users and teams, or `*` for every user who may deploy there; the account's own id for jobs without a user. */
  users: string[];
  /** Stage patterns; `*` matches any run of characters. */
  stages: string[];
  /** Patterns by label key; the pattern of the key `*` is for keys that are not listed. A job may carry no other labels. */
  labels: Record<string, string>;
}

export interface JobTerms {
  user_id: string | null;
  stage: string;
  labels: Record<string, string>;
}

/** The key of a right to act whose pattern is for every label that the right does not list. */
export const anyLabel = '*';

/** The stage of a job that needs no right to act. */
export const interactive = 'interactive';

/** Returns whether a job has the default stage and no labels, so that no access rule can match it by a chosen value. */
export function isPlain({ stage, labels }: Pick<JobTerms, 'stage' | 'labels'>): boolean {
  return stage === interactive && Object.keys(labels).length === 0;
}

/** Returns whether a right covers the runner, the stage and every label. Does not look at where the right was granted. */
export function isJobCovered(
  right: MayAct,
  job: Pick<JobTerms, 'stage' | 'labels'>,
  runner: readonly string[],
): boolean {
  return (
    isRunnerCovered(right, runner) &&
    matchesAny(right.stages, job.stage) &&
    findRefusedLabels(right, job.labels).length === 0
  );
}

/** The part of a job that no right covers. */
export type ActFault = { part: 'runner' } | { part: 'stage' } | { part: 'labels'; labels: RefusedLabel[] };

export interface RefusedLabel {
  key: string;
  /** The pattern of the right for this label; undefined where it has none. */
  allowed: string | undefined;
}

/**
 * Returns why none of the rights covers the job, or undefined where one does. Among rights that cover runner and stage, it
 * names the labels that the nearest of them refuses: the one that refuses the fewest labels, then that lists the most of
 * these. `lineage` is the lineage of the workspace, root first. `runner` holds the ids of the user and their teams, or the
 * id of the launcher.
 */
export function findActFault(
  rights: readonly MayAct[],
  lineage: readonly string[],
  job: Pick<JobTerms, 'stage' | 'labels'>,
  runner: readonly string[],
): ActFault | undefined {
  const granted = rights.filter((right) => lineage.includes(right.namespace_id));
  if (granted.some((right) => isJobCovered(right, job, runner))) return undefined;
  const ofRunner = granted.filter((right) => isRunnerCovered(right, runner));
  if (ofRunner.length === 0) return { part: 'runner' };
  const [labels] = ofRunner
    .filter((right) => matchesAny(right.stages, job.stage))
    .map((right) => findRefusedLabels(right, job.labels))
    .toSorted((left, right) => left.length - right.length || countUnlisted(left) - countUnlisted(right));
  return labels === undefined ? { part: 'stage' } : { part: 'labels', labels };
}

/** Says which part of the job the rights do not cover. Does not quote the value of a label, which may be long. */
export function explainActFault(
  fault: ActFault,
  launcher: string,
  { user, workspace, stage }: { user: string; workspace: string; stage: string },
): string {
  if (fault.part === 'runner')
    return `${launcher} may not act for ${user} in ${workspace}: no right of it there is for this user.`;
  const refused =
    fault.part === 'stage'
      ? `the stage ${stage}`
      : fault.labels
          .map(({ key, allowed }) =>
            allowed === undefined
              ? `the label ${key}, which its right does not list`
              : `this value of the label ${key}, which must match ${JSON.stringify(allowed)}`,
          )
          .join(', and not with ');
  return `${launcher} may act for ${user} in ${workspace}, but not with ${refused}.`;
}

function isRunnerCovered(right: MayAct, runner: readonly string[]): boolean {
  return right.users.includes('*') || right.users.some((id) => runner.includes(id));
}

function findRefusedLabels(right: MayAct, labels: Record<string, string>): RefusedLabel[] {
  return Object.entries(labels)
    .map(([key, value]) => ({ key, value, allowed: findLabelPattern(right, key) }))
    .filter(({ value, allowed }) => allowed === undefined || !matchesAny([allowed], value))
    .map(({ key, allowed }) => ({ key, allowed }));
}

function countUnlisted(refused: readonly RefusedLabel[]): number {
  return refused.filter(({ allowed }) => allowed === undefined).length;
}

/** Returns the pattern for a label: that of its key, else that of `*`. `*` is no name, so no label can have this key. */
function findLabelPattern({ labels }: MayAct, key: string): string | undefined {
  return [key, anyLabel].filter((one) => Object.hasOwn(labels, one)).map((one) => labels[one]!)[0];
}
