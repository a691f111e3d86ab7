import { awsRolesClaim, awsSourceIdentityClaim, awsTagsClaim } from '../../core/claims.ts';
import { isObject } from '../../core/json.ts';
import type { EvaluateRequest } from '../provider.ts';
import { knowsSourceIdentity } from './assertion.ts';
import { isMultivalued, type RequestContext } from './conditions.ts';
import { issuerHostPath, parseRoleArn, providerArn } from './names.ts';

type Claims = Readonly<Record<string, unknown>>;

/** An AssumeRoleWithWebIdentity request as a trust policy sees it: the actions, the principal and the condition keys. */
export interface TrustRequest {
  /** `sts:TagSession` and `sts:SetSourceIdentity` are needed by what the token carries (cloud-facts.md 1.4). */
  actions: string[];
  issuer: unknown;
  /** The issuer without its scheme; undefined for one that AWS would not know. */
  hostPath: string | undefined;
  role: ReturnType<typeof parseRoleArn>;
  context: RequestContext;
}

/**
 * Returns the request that a token makes. Of the claims of a custom issuer, conditions see `aud`, `sub` and `amr` only: a
 * condition on another claim meets an absent key (cloud-facts.md 0.6).
 */
export function trustRequest(claims: Claims, request: EvaluateRequest): TrustRequest {
  const hostPath = issuerHostPath(claims.iss);
  const roles = strings(claims[awsRolesClaim]);
  const roleArn = request.role_arn ?? roles[0];
  const role = roleArn === undefined ? undefined : parseRoleArn(roleArn);
  const tags = principalTags(claims);
  const sourceIdentity = knowsSourceIdentity(role) ? strings(claims[awsSourceIdentityClaim]) : [];
  const context = new Map<string, readonly string[]>();
  const put = (key: string, values: readonly string[]) => {
    const lower = key.toLowerCase();
    if (values.length === 1 || (values.length > 1 && isMultivalued(lower))) context.set(lower, values);
  };
  // With an authorized party, AWS's `aud` key holds that instead (cloud-facts.md 0.8).
  if (hostPath !== undefined) {
    put(`${hostPath}:aud`, strings(claims.azp ?? claims.aud));
    put(`${hostPath}:sub`, strings(claims.sub));
    put(`${hostPath}:amr`, strings(claims.amr));
  }
  put('sts:RoleSessionName', strings(request.session_name));
  put('sts:SourceIdentity', sourceIdentity);
  if (roles.length > 0 && roleArn !== undefined) put('sts:RoleAuthorizedByIdp', [String(roles.includes(roleArn))]);
  if (role !== undefined && hostPath !== undefined) put('aws:FederatedProvider', [providerArn(role, hostPath)]);
  for (const [key, values] of tags.entries) put(`aws:RequestTag/${key}`, values);
  put(
    'aws:TagKeys',
    tags.entries.map(([key]) => key),
  );
  put('sts:TransitiveTagKeys', tags.transitive);
  const actions = ['sts:AssumeRoleWithWebIdentity'];
  if (tags.entries.length > 0) actions.push('sts:TagSession');
  if (sourceIdentity.length > 0) actions.push('sts:SetSourceIdentity');
  return { actions, issuer: claims.iss, hostPath, role, context };
}

/** Returns whether `trustRequest` fills the key. Other keys of AWS depend on facts that Arsia cannot see. */
export function isKnownKey(key: string): boolean {
  if (key.startsWith('aws:requesttag/')) return true;
  return knownServiceKeys.includes(key) || !/^(?:aws|sts|iam|s3):/.test(key);
}

const knownServiceKeys = [
  'sts:rolesessionname',
  'sts:sourceidentity',
  'sts:roleauthorizedbyidp',
  'sts:transitivetagkeys',
  'aws:tagkeys',
  'aws:federatedprovider',
];

function principalTags(claims: Claims): { entries: [string, string[]][]; transitive: string[] } {
  const claim = claims[awsTagsClaim];
  const tags = isObject(claim) && isObject(claim.principal_tags) ? claim.principal_tags : {};
  return {
    entries: Object.entries(tags).map(([key, value]) => [key, strings(value)]),
    transitive: isObject(claim) ? strings(claim.transitive_tag_keys) : [],
  };
}

function strings(value: unknown): string[] {
  return [value].flat().filter((one) => typeof one === 'string');
}
