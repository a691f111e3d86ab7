import type { AccessRule } from './accessrules.ts';
import { isJobCovered, type MayAct } from './acting.ts';
import type { IdentityFacts, MintFacts, MintRefusal, NamingTerms } from './mintfacts.ts';
import { parentPath } from './namespace.ts';
import { hasUserId, hasWorkspaceId } from './subject.ts';

export interface GrantedRight extends MayAct {
  service_account_id: string;
}

/** Returns whether a right to act lets its launcher get tokens of the identity that name the users of the right. */
function isNamingRight(
  { lineage, subject_grants }: NamingTerms,
  { service_account_id, namespace_id }: Pick<GrantedRight, 'service_account_id' | 'namespace_id'>,
): boolean {
  if (lineage.includes(namespace_id)) return true;
  return subject_grants.some(
    (grant) =>
      (grant.launcher_id === null || grant.launcher_id === service_account_id) &&
      (grant.lineage === null || grant.lineage.includes(namespace_id)),
  );
}

/**
 * Returns the rights to act that let a token of the identity name a user; with `named` (the ids of a user and of the user's
 * teams) only those that let it name that user. A job that a user starts needs no such right.
 */
export function selectNamingRights<Right extends GrantedRight>(
  terms: NamingTerms,
  rights: readonly Right[],
  named?: readonly string[],
): Right[] {
  return rights.filter(
    (right) =>
      isNamingRight(terms, right) &&
      (named === undefined || right.users.includes('*') || right.users.some((id) => named.includes(id))),
  );
}

/**
 * Returns the refusal of a token that names the user of the job without a right or grant, or undefined. `isAsserted` is true
 * when claims other than the subject that a cloud decides by name the user (session tags and the source identity at AWS).
 */
export function refuseNaming(facts: MintFacts, isAsserted: boolean): MintRefusal | undefined {
  const { identity, user, launcher, job } = facts;
  if (identity === null || user === null || launcher === null) return undefined;
  const isRuled = isDecidedByUser(identity.rules);
  if (!isNamedAlone(identity, isAsserted || isRuled)) return undefined;
  const named = [user.id, ...user.team_ids];
  const rights = launcher.may_act.map((right) => ({ ...right, service_account_id: launcher.id }));
  if (selectNamingRights(identity, rights).some((right) => isJobCovered(right, job, named))) return undefined;
  const group = parentPath(identity.path)!;
  const what = hasUserId(identity.subject_scope)
    ? `The subject of ${identity.path} names the user and no workspace`
    : isAsserted
      ? `A session tag or the source identity of ${identity.path} names the user, and its subject names no workspace`
      : `An access rule of ${identity.path} decides by the user, and its subject names no workspace`;
  return {
    code: 'subject_not_granted',
    detail: `${what}. No right of the service account ${launcher.name} to act for ${user.login} with stage ${job.stage} and these labels was granted at ${group} or above.`,
    advice: `Ask an owner of ${group} to grant the right there: POST /api/v1/service-accounts/${launcher.id}/may-act ${JSON.stringify({ namespace: group, users: [user.login], stages: [job.stage], ...(Object.keys(job.labels).length > 0 && { labels: job.labels }) })}. Or to name the launcher for this identity: POST /api/v1/managed-identities/${identity.id}/subject-grants ${JSON.stringify({ launcher: launcher.id })}. A job that ${user.login} starts needs neither.`,
  };
}

/**
 * Returns whether access rules depend on the user and not on the launcher. The owners of the identity have then not chosen
 * the launchers that may state the user.
 */
function isDecidedByUser(rules: readonly AccessRule[]): boolean {
  return (
    rules.some(({ kind }) => kind === 'user' || kind === 'team') &&
    rules.every(({ kind }) => kind !== 'service_account')
  );
}

/** Returns whether the claims that a relying party decides by name the user and not the workspace. */
export function isNamedAlone({ subject_scope }: Pick<IdentityFacts, 'subject_scope'>, isAsserted: boolean): boolean {
  return !hasWorkspaceId(subject_scope) && (hasUserId(subject_scope) || isAsserted);
}
