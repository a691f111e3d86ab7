import { type Assertion, buildClaims, type ClaimFacts, type WorkloadClaims } from '../../core/claims.ts';
import type { Delivery } from '../../core/mintfacts.ts';
import { formatSubject, formatSubjectPattern, hasUserId, type SubjectScope } from '../../core/subject.ts';
import type { TrustFacts } from '../../providers/provider.ts';
import type { TokenIssuer } from './issuerresolver.ts';

/** The facts of a token. A mint has all of them; for the trust of an identity, an admin may leave some out. */
export interface TokenFacts {
  identity: { id: string; path: string; delivery: Delivery; subject_scope: SubjectScope };
  organization: { id: string; name: string };
  group?: { id: string; path: string } | undefined;
  workspace?: { id: string; path: string } | undefined;
  user?: { id: string; login: string } | null | undefined;
  launcher?: { id: string; name: string } | null | undefined;
  job?: ClaimFacts['job'] | undefined;
}

type CompleteFacts = TokenFacts & Required<Pick<TokenFacts, 'group' | 'workspace' | 'job'>>;

/** Returns the facts from which a provider builds its trust documents and its part of the claims. */
export function buildTrustFacts(
  facts: TokenFacts,
  { issuer, tenancy }: Pick<TokenIssuer, 'issuer' | 'tenancy'>,
): TrustFacts {
  const { identity, organization, group, workspace, user, job } = facts;
  return {
    issuer,
    tenancy,
    organization_id: organization.id,
    organization: organization.name,
    group: group?.path,
    stage: job?.stage,
    identity_id: identity.id,
    identity: identity.path,
    delivery: identity.delivery,
    subject_scope: identity.subject_scope,
    ...buildSubject(facts),
    user: user ? { id: user.id, login: user.login } : undefined,
    workspace: workspace && { id: workspace.id, path: workspace.path },
  };
}

/** Returns the exact subject, or the pattern that matches every user where none is named. */
function buildSubject({ identity, workspace, user }: TokenFacts): Pick<TrustFacts, 'subject' | 'is_subject_pattern'> {
  const { id, subject_scope } = identity;
  const parts = { identity_id: id, workspace_id: workspace?.id, user_id: user?.id };
  return hasUserId(subject_scope) && !user
    ? { subject: formatSubjectPattern(subject_scope, parts), is_subject_pattern: true }
    : { subject: formatSubject(subject_scope, parts), is_subject_pattern: false };
}

/** Returns the claims of a token. `trust` are the same facts by `buildTrustFacts`; `now` and `lifetime` in seconds. */
export function buildTokenClaims(
  { identity, organization, group, workspace, user, launcher, job }: CompleteFacts,
  { issuer, subject }: TrustFacts,
  assertion: Assertion,
  token: { jti: string; now: number; lifetime: number },
): WorkloadClaims {
  const facts = { issuer, subject, identity, organization, group, workspace, user, launcher, job };
  return buildClaims(facts, assertion, token);
}
