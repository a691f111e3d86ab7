import { awsRolesClaim, awsSourceIdentityClaim, awsTagsClaim } from '../../core/claims.ts';
import { isObject } from '../../core/json.ts';
import type { EvaluateRequest } from '../provider.ts';
import { knowsSourceIdentity } from './assertion.ts';
import { isMultivalued, type RequestContext } from './conditions.ts';
import { issuerHostPath, parseRoleArn, providerArn } from './names.ts';

type Claims = Readonly<Record<string, unknown>>;

/** The parts of an AssumeRoleWithWebIdentity request that a trust policy evaluates: actions, principal, condition keys. */
export interface TrustRequest {
  /** Includes `sts:TagSession` and `sts:SetSourceIdentity` where claims of the token require them (cloud-facts.md 1.4). */
  actions: string[];
  issuer: unknown;
  /** The issuer without its scheme; undefined for one that AWS does not support. */
  hostPath: string | undefined;
  role: ReturnType<typeof parseRoleArn>;
  context: RequestContext;
}

/**
 * Returns the request that results from a token. Of the claims of a custom issuer, only `aud`, `sub` and `amr` are condition
 * keys: for a condition on another claim the key is absent (cloud-facts.md 0.6).
 */
export function buildTrustRequest(claims: Claims, request: EvaluateRequest): TrustRequest {
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
  // For a token with an authorized party (`azp`), AWS's `aud` key has that value instead (cloud-facts.md 0.8).
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

/** Returns whether `buildTrustRequest` sets the key. Other keys of AWS depend on facts that Arsia does not have. */
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
