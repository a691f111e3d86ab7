import type { AccessRule, WithoutRules } from './accessrules.ts';
import type { JobTerms, MayAct } from './acting.ts';
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

/** What decides whether a job may have an identity. */
export interface IdentityReach {
  reach: Reach;
  /** The assignments of the workspace for this type that this job could get, and one of this identity to anybody. */
  choices: Choice[];
  rules: AccessRule[];
}

/** Everything that one mint is decided on, read together, as committed after the request arrived. */
export interface MintFacts {
  job: JobTerms & { id: string; is_ended: boolean; deadline: number };
  workspace: { id: string; path: string; lineage: string[] };
  group: { id: string; path: string };
  organization: { id: string; name: string; identities_without_rules: WithoutRules };
  /** With the roles that come from teams among the memberships. */
  user: {
    id: string;
    login: string;
    is_active: boolean;
    memberships: Membership[];
    team_ids: string[];
  } | null;
  launcher: {
    id: string;
    name: string;
    is_active: boolean;
    memberships: Membership[];
    /**
     * The rights that were granted along the lineage of the workspace, and those that may let tokens of the identity name a
     * user.
     */
    may_act: MayAct[];
  } | null;
  /** The identity that the request names by id, path or type, if there is one anywhere. */
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
 * An agreement that tokens of an identity may name users and no workspace (docs/decisions/0017). Every owner of a workspace
 * decides who deploys there and which launcher may act for them. Where the token names the workspace, the relying party has
 * chosen to trust those owners. Where it does not, a right to act counts only if it was granted at or above the group of the
 * identity, or if a subject grant names its launcher or the namespace of its grant.
 */
export interface SubjectGrant {
  /** The service account whose rights to act count; null: those of every one. */
  launcher_id: string | null;
  /** Lineage of the namespace at or above which a right must be granted; null: anywhere. */
  lineage: readonly string[] | null;
}

/** The facts that decide whom tokens of an identity may name. */
export interface NamingTerms {
  /** Lineage of the group of the identity, root first. */
  lineage: readonly string[];
  subject_grants: readonly SubjectGrant[];
}
