/**
 * Where a managed identity can be used: in the workspaces below the group it belongs to, and below the groups that have an
 * alias of it, unless a namespace in between masks it.
 */
export interface Reach {
  /** The group of the identity and those of its aliases. */
  group_ids: readonly string[];
  /** The namespaces that mask it. */
  masked_in: readonly string[];
}

export type Usability = 'usable' | 'masked' | 'out_of_reach';

/**
 * `lineage` is that of the workspace, root first. A mask hides what comes from above it: an alias in the masking group
 * itself, or below it, brings the identity back.
 */
export function usability(reach: Reach, lineage: readonly string[]): Usability {
  const depths = (ids: readonly string[]) => ids.map((id) => lineage.indexOf(id)).filter((depth) => depth >= 0);
  const sources = depths(reach.group_ids);
  if (sources.length === 0) return 'out_of_reach';
  const masks = depths(reach.masked_in);
  const isReached = sources.some((source) => !masks.some((mask) => mask > source));
  return isReached ? 'usable' : 'masked';
}

/** An assignment to everyone of a workspace, or to one user, team or service account in it. */
export interface Choice {
  identity_id: string;
  type: string;
  /** Empty for the unnamed one. */
  profile: string;
  /** Empty for everyone. */
  principal_id: string;
  /** Milliseconds since 1970. */
  assigned_at: number;
}

/** Who a job runs for: what a choice can be made for. */
export interface Runner {
  user_id: string | null;
  team_ids: readonly string[];
  launcher_id: string | null;
}

/**
 * The one choice of a type and profile for a runner, most specific first: the user, then a team of theirs (the oldest
 * assignment where several apply), then the service account, then everyone.
 */
export function effectiveChoice(
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
