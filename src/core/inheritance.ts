/**
 * The namespaces that decide where a managed identity can be used: below its group and below the groups that have an alias of
 * it, unless a namespace in between masks it.
 */
export interface Reach {
  /** Ids of the group of the identity and of the groups of its aliases. */
  group_ids: readonly string[];
  /** Ids of the namespaces that mask it. */
  masked_in: readonly string[];
}

export type Usability = 'usable' | 'masked' | 'out_of_reach';

/**
 * Returns whether an identity can be used in a workspace with this lineage, root first. A mask hides what is inherited from
 * above it: an alias in the masking group, or below it, makes the identity usable again.
 */
export function findUsability(reach: Reach, lineage: readonly string[]): Usability {
  const depths = (ids: readonly string[]) => ids.map((id) => lineage.indexOf(id)).filter((depth) => depth >= 0);
  const sources = depths(reach.group_ids);
  if (sources.length === 0) return 'out_of_reach';
  const masks = depths(reach.masked_in);
  const isReached = sources.some((source) => !masks.some((mask) => mask > source));
  return isReached ? 'usable' : 'masked';
}

/** An assignment to all jobs of a workspace, or to the jobs of one user, team or service account. */
export interface Choice {
  identity_id: string;
  type: string;
  /** Empty for the default profile. */
  profile: string;
  /** Empty for all jobs. */
  principal_id: string;
  /** Milliseconds since 1970. */
  assigned_at: number;
}

/** The principals that a job runs for. */
export interface Runner {
  user_id: string | null;
  team_ids: readonly string[];
  launcher_id: string | null;
}

/**
 * Returns the assignment of a type and profile that applies to a runner, most specific first: the user, then one of the teams
 * (the oldest assignment where several apply), then the service account, then all jobs.
 */
export function selectChoice(
  choices: readonly Choice[],
  runner: Runner,
  type: string,
  profile: string,
): Choice | undefined {
  const rank = (choice: Choice) => {
    if (choice.principal_id === '') return 3;
    if (choice.principal_id === runner.user_id) return 0;
    if (runner.team_ids.includes(choice.principal_id)) return 1;
    return choice.principal_id === runner.launcher_id ? 2 : undefined;
  };
  return choices
    .filter((choice) => choice.type === type && choice.profile === profile && rank(choice) !== undefined)
    .toSorted(
      (left, right) =>
        rank(left)! - rank(right)! ||
        left.assigned_at - right.assigned_at ||
        (left.identity_id < right.identity_id ? -1 : 1),
    )[0];
}
