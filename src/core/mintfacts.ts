import type { AccessRule, WithoutRules } from './accessrules.ts';
import type { JobTerms, MayAct } from './acting.ts';
import type { ClaimFacts } from './claims.ts';
import type { ErrorCode } from './errors.ts';
import type { Choice, Reach } from './inheritance.ts';
import type { Membership } from './permissions.ts';
import type { SubjectScope } from './subject.ts';

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
}

/** The facts that decide whether a job may have an identity. */
export interface IdentityReach {
  reach: Reach;
  /**
   * The assignments of this type in the workspace that can apply to the job, and one assignment of this identity if any
   * exists.
   */
  choices: Choice[];
  rules: AccessRule[];
}

/** The facts that one mint is decided on. They are read in one statement that starts after the request arrived. */
export interface MintFacts {
  job: JobTerms &
    Required<ClaimFacts['job']> & {
      is_ended: boolean;
      /** Why it ended (jobends.ts). */
      ended_by?: string | null | undefined;
      deadline: number;
    };
  workspace: { id: string; path: string; lineage: string[] };
  group: { id: string; path: string };
  organization: { id: string; name: string; identities_without_rules: WithoutRules };
  /** `memberships` includes the roles that the user has through teams. */
  user: {
    id: string;
    login: string;
    is_active: boolean;
    /** Set where the job ended because the user was deleted, or merged into another user. */
    ended_job?: 'deleted' | 'merged';
    memberships: Membership[];
    team_ids: string[];
  } | null;
  launcher: {
    id: string;
    name: string;
    is_active: boolean;
    memberships: Membership[];
    /** Rights granted along the lineage of the workspace, and rights that may let tokens of the identity name a user. */
    may_act: MayAct[];
  } | null;
  /** The identity that the request names by id, path or type, even one that does not reach the workspace. */
  identity: (IdentityFacts & IdentityReach & NamingTerms) | null;
}

export interface MintRefusal {
  code: ErrorCode;
  detail: string;
  advice?: string;
  condition?: string;
  expected?: string;
  actual?: string;
}

/**
 * Permits tokens of an identity to name users without a workspace (docs/decisions/0017). The owners of each workspace decide
 * who deploys there and which launcher may act for them. A token that names the workspace is trusted by a relying party that
 * has chosen to trust those owners. For other tokens a right to act counts only if it was granted at or above the group of the
 * identity, or if a subject grant names its launcher or the namespace of its grant.
 */
export interface SubjectGrant {
  /** The service account whose rights to act count; null for all service accounts. */
  launcher_id: string | null;
  /** Lineage of the namespace at or above which a right must be granted; null for any namespace. */
  lineage: readonly string[] | null;
}

/** The facts that decide which users tokens of an identity may name. */
export interface NamingTerms {
  /** Lineage of the group of the identity, root first. */
  lineage: readonly string[];
  subject_grants: readonly SubjectGrant[];
}
