import type { Assertion } from '../../core/claims.ts';
import { awsRolesClaim, awsSourceIdentityClaim, awsTagsClaim, findTagValueFault } from '../../core/claims.ts';
import { ArsiaError } from '../../core/errors.ts';
import type { ShownPath, TrustFacts } from '../provider.ts';
import { chooseSessionName, isAwsRole, parseRoleArn, type RoleArn } from './names.ts';
import type { AwsSettings, TagSource } from './settings.ts';

/** Returns the audience. In multi tenancy it contains the organisation, so that its trust refuses tokens of others. */
export function formatAudience({ tenancy, organization_id }: Pick<TrustFacts, 'tenancy' | 'organization_id'>): string {
  return tenancy === 'multi' ? `aws:${organization_id}` : 'aws';
}

const factOf: Record<TagSource, (facts: TrustFacts) => string | undefined> = {
  user: (facts) => facts.user?.login,
  user_id: (facts) => facts.user?.id,
  workspace: (facts) => facts.workspace?.path,
  workspace_id: (facts) => facts.workspace?.id,
  group: (facts) => facts.group,
  organization: (facts) => facts.organization,
  organization_id: (facts) => facts.organization_id,
  identity: (facts) => facts.identity,
  identity_id: (facts) => facts.identity_id,
  stage: (facts) => facts.stage,
};

/**
 * Returns the audience and the claims. The token always names one role. AWS refuses it for another role before it evaluates
 * the trust policy (cloud-facts.md 0.9).
 */
export function assertion(settings: AwsSettings, facts: TrustFacts): Assertion {
  const tags = buildTags(settings, facts);
  const transitive = (settings.transitive_tag_keys ?? []).filter((key) => Object.hasOwn(tags, key));
  const hasTags = Object.keys(tags).length > 0;
  return {
    audience: formatAudience(facts),
    claims: {
      [awsRolesClaim]: [settings.role_arn],
      ...(hasTags && {
        [awsTagsClaim]: {
          principal_tags: tags,
          ...(transitive.length > 0 && { transitive_tag_keys: transitive }),
        },
      }),
      ...(settings.source_identity && facts.user && { [awsSourceIdentityClaim]: chooseSessionName(facts.user) }),
    },
  };
}

/** Returns the actions that a trust policy must allow for tokens with these settings (cloud-facts.md 1.4). */
export function actionsNeeded(settings: AwsSettings): string[] {
  const role = parseRoleArn(settings.role_arn);
  return [
    'sts:AssumeRoleWithWebIdentity',
    ...(settings.session_tags === undefined ? [] : ['sts:TagSession']),
    ...(settings.source_identity && knowsSourceIdentity(role) ? ['sts:SetSourceIdentity'] : []),
  ];
}

/** Ceph RGW refuses a trust policy that names `sts:SetSourceIdentity`, and ignores the claim (cloud-facts.md 0). */
export function knowsSourceIdentity(role: RoleArn | undefined): boolean {
  return role === undefined || isAwsRole(role);
}

/** Policies can match session tags and the source identity, which the holder of a token cannot choose. */
export function namesUser({ session_tags, source_identity }: AwsSettings): boolean {
  return (
    source_identity || Object.values(session_tags ?? {}).some((source) => source === 'user' || source === 'user_id')
  );
}

/** AWS compares no claim but `aud` and `sub`; conditions on session tags see the paths that tags carry. */
export function listShownPaths({ session_tags }: AwsSettings): ShownPath[] {
  return Object.entries(session_tags ?? {}).flatMap(([key, source]) =>
    source === 'identity' || source === 'workspace' || source === 'group'
      ? [{ fact: source, where: `the session tag aws:PrincipalTag/${key} (aws:RequestTag/${key} in the trust policy)` }]
      : [],
  );
}

/** Facts that the job does not have, such as the user in a job of a service account, result in no tag. */
function buildTags(settings: AwsSettings, facts: TrustFacts): Record<string, [string]> {
  const tags: Record<string, [string]> = {};
  for (const [key, source] of Object.entries(settings.session_tags ?? {})) {
    const value = factOf[source](facts);
    if (value === undefined) continue;
    const fault = findTagValueFault(value);
    if (fault !== undefined)
      throw new ArsiaError(
        'claims_refused',
        `The session tag ${JSON.stringify(key)} cannot carry the ${source}: ${fault}.`,
        {
          advice: `Choose another fact for this tag in session_tags, such as ${source.replace(/_id$/, '')}_id.`,
        },
      );
    tags[key] = [value];
  }
  return tags;
}
