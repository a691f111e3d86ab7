import { awsRolesClaim, awsSourceIdentityClaim, awsTagsClaim } from '../../core/claims.ts';
import { isObject } from '../../core/json.ts';
import type { Context, Fact } from '../../iampolicy/context.ts';
import type { RequestPrincipal } from '../../iampolicy/decide.ts';
import type { EvaluateRequest } from '../provider.ts';
import { knowsSourceIdentity } from './assertion.ts';
import { isAwsRole, issuerHostPath, parseRoleArn, providerArn, type RoleArn } from './names.ts';
import { type RolesClaim, readRolesClaim } from './rolesclaim.ts';

type Claims = Readonly<Record<string, unknown>>;

/** The parts of an AssumeRoleWithWebIdentity request that a trust policy evaluates: actions, principal, condition keys. */
export interface TrustRequest {
  /** Includes `sts:TagSession` and `sts:SetSourceIdentity` where claims of the token require them (cloud-facts.md 1.4). */
  actions: string[];
  issuer: unknown;
  /** The issuer without its scheme; undefined for one that AWS does not support. */
  hostPath: string | undefined;
  role: RoleArn | undefined;
  rolesClaim: RolesClaim;
  principal: RequestPrincipal;
  context: Context;
}

/**
 * Returns the request that results from a token. Of the claims of a custom issuer, only `aud`, `sub` and `amr` are condition
 * keys: for a condition on another claim the key is absent (cloud-facts.md 0.6).
 */
export function buildTrustRequest(claims: Claims, request: EvaluateRequest): TrustRequest {
  const hostPath = issuerHostPath(claims.iss);
  const rolesClaim = readRolesClaim(claims[awsRolesClaim]);
  const roleArn = request.role_arn ?? (rolesClaim.state === 'listed' ? rolesClaim.roles[0] : undefined);
  const role = roleArn === undefined ? undefined : parseRoleArn(roleArn);
  const tags = principalTags(claims);
  const sourceIdentity = knowsSourceIdentity(role) ? texts(claims[awsSourceIdentityClaim]) : [];
  const actions = ['sts:AssumeRoleWithWebIdentity'];
  if (tags.entries.length > 0) actions.push('sts:TagSession');
  if (sourceIdentity.length > 0) actions.push('sts:SetSourceIdentity');
  const facts = new Map([
    ...issuerFacts(claims, hostPath),
    ...roleFacts(role, hostPath),
    ...single('sts:RoleSessionName', texts(request.session_name)),
    ...single('sts:SourceIdentity', sourceIdentity),
    ...authorizedByIdp(rolesClaim, roleArn),
    ...tags.entries.flatMap(([key, values]) => single(`aws:RequestTag/${key}`, values)),
    ...list(
      'aws:TagKeys',
      tags.entries.map(([key]) => key),
    ),
    ...list('sts:TransitiveTagKeys', tags.transitive),
  ]);
  return {
    actions,
    issuer: claims.iss,
    hostPath,
    role,
    rolesClaim,
    principal: {
      isNamedBy: (kind, text) => kind === 'Federated' && namesProvider(text, role, hostPath),
      // An Allow for `*` lets no web identity in (cases/aws-facts.md 27, cloud-facts.md 10). A Deny for everyone does.
      isCoveredByWildcard: { Allow: false, Deny: true },
      title: describePrincipal(role, hostPath, claims.iss),
    },
    context: { find: (key) => facts.get(key) ?? (isKnownKey(key, request, role) ? undefined : 'unknown') },
  };
}

type Facts = [string, Fact][];

function single(key: string, values: readonly string[]): Facts {
  return values.length === 1 ? [[key.toLowerCase(), { values, isList: false }]] : [];
}

/** On a key that is a list, AWS requires ForAnyValue or ForAllValues (cases/aws-facts.md 28). */
function list(key: string, values: readonly string[]): Facts {
  return values.length > 0 ? [[key.toLowerCase(), { values, isList: true }]] : [];
}

function issuerFacts(claims: Claims, hostPath: string | undefined): Facts {
  if (hostPath === undefined) return [];
  return [
    // For a token with an authorized party (`azp`), AWS's `aud` key has that value instead (cases/aws-facts.md 5).
    ...single(`${hostPath}:aud`, texts(claims.azp ?? claims.aud)),
    ...single(`${hostPath}:sub`, texts(claims.sub)),
    ...list(`${hostPath}:amr`, texts(claims.amr)),
  ];
}

/** While AWS judges a trust policy, the caller is the provider (cases/aws-facts.md 26). */
function roleFacts(role: RoleArn | undefined, hostPath: string | undefined): Facts {
  if (role === undefined || hostPath === undefined) return [];
  const provider = providerArn(role, hostPath);
  const facts = single('aws:FederatedProvider', [provider]);
  if (!isAwsRole(role)) return facts;
  return [
    ...facts,
    ...single('aws:PrincipalAccount', [role.account]),
    ...single('aws:PrincipalType', ['User']),
    ...single('aws:userid', [provider]),
  ];
}

/** Without a roles claim the key is there, and false (cases/aws-facts.md 25). */
function authorizedByIdp(claim: RolesClaim, roleArn: string | undefined): Facts {
  const isListed = claim.state === 'listed' && roleArn !== undefined && claim.roles.includes(roleArn);
  return single('sts:RoleAuthorizedByIdp', [String(isListed)]);
}

/** Returns whether an absent key is known to be absent. Other keys of AWS depend on facts that Arsia does not have. */
function isKnownKey(key: string, { session_name }: EvaluateRequest, role: RoleArn | undefined): boolean {
  if (key === 'sts:rolesessionname') return session_name !== undefined;
  if (key.startsWith('aws:requesttag/')) return true;
  if (key === 'aws:federatedprovider') return role !== undefined;
  if (key === 'aws:principalarn') return role !== undefined && isAwsRole(role);
  // Google documents `oaud`, the audience of a token with `azp`; of other issuers nothing is known.
  if (key.endsWith(':oaud')) return false;
  return knownKeys.includes(key) || !/^(?:aws|sts|iam|s3):/.test(key);
}

const knownKeys = ['sts:sourceidentity', 'sts:roleauthorizedbyidp', 'sts:transitivetagkeys', 'aws:tagkeys'];

/** The keys that a verdict can depend on, for messages. */
export const supportedKeys =
  "the issuer's `aud`, `sub` and `amr`, sts:RoleAuthorizedByIdp, sts:RoleSessionName of a named user, sts:SourceIdentity, sts:TransitiveTagKeys, aws:RequestTag/…, aws:TagKeys, aws:FederatedProvider, aws:PrincipalAccount, aws:PrincipalArn, aws:PrincipalType and aws:userid";

function namesProvider(text: string, role: RoleArn | undefined, hostPath: string | undefined): boolean {
  if (hostPath === undefined) return false;
  if (role !== undefined) return text === providerArn(role, hostPath);
  return text.startsWith('arn:') && /^arn:[^:]+:iam::[^:]*:oidc-provider\/(.+)$/.exec(text)?.[1] === hostPath;
}

function describePrincipal(role: RoleArn | undefined, hostPath: string | undefined, issuer: unknown): string {
  if (hostPath === undefined) return `the issuer ${JSON.stringify(issuer)}`;
  return role === undefined ? `…:oidc-provider/${hostPath}` : providerArn(role, hostPath);
}

function principalTags(claims: Claims): { entries: [string, string[]][]; transitive: string[] } {
  const claim = claims[awsTagsClaim];
  const tags = isObject(claim) && isObject(claim.principal_tags) ? claim.principal_tags : {};
  return {
    entries: Object.entries(tags).map(([key, value]) => [key, texts(value)]),
    transitive: isObject(claim) ? texts(claim.transitive_tag_keys) : [],
  };
}

/** AWS takes a numeric subject as its text (cases/aws-facts.md 3). */
function texts(value: unknown): string[] {
  return [value]
    .flat()
    .flatMap((one) => (typeof one === 'string' ? [one] : typeof one === 'number' ? [String(one)] : []));
}
