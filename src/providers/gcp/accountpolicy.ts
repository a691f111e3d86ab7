import { isObject, type JsonObject } from '../../core/json.ts';
import { invalidDocument, type Members, readMembers, unsupported } from '../document.ts';
import type { Verdict } from '../provider.ts';
import { deny } from '../verdict.ts';

type Claims = Readonly<Record<string, unknown>>;

const what = 'policy of the service account';
const impersonationRoles = ['roles/iam.workloadIdentityUser', 'roles/iam.serviceAccountTokenCreator'];

const bindingMembers = {
  role: (value: unknown, place: string): string => {
    if (typeof value !== 'string') throw invalidDocument(what, `has no \`${place}\``);
    return value;
  },
  members: (value: unknown = []): string[] => {
    if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
      throw invalidDocument(what, 'has `bindings[].members` that are not a list of strings');
    return value;
  },
  /** Judged only where the binding is one for this token. */
  condition: (value: unknown): unknown => value ?? undefined,
} satisfies Members;

const policyMembers = {
  bindings: (value: unknown = []) => {
    if (!Array.isArray(value) || !value.every(isObject)) throw invalidDocument(what, 'has `bindings` that are no list');
    return value.map((one) => readMembers(one, bindingMembers, what, 'bindings[].'));
  },
  etag: { irrelevant: 'Google adds it to its answers: the state that a change is made on.' },
  version: { irrelevant: 'It says whether bindings may have conditions, and those are read from the bindings.' },
} satisfies Members;

/** Every member of the policy that `evaluate` knows, by its place. */
export const members = { 'policy: ': policyMembers, 'policy: bindings[].': bindingMembers };

/** Returns whether a document is the IAM policy of a service account, not a provider; one without bindings has an `etag` only. */
export function isAccountPolicy(value: JsonObject): boolean {
  return value.oidc === undefined && value.attributeMapping === undefined && ('bindings' in value || 'etag' in value);
}

/**
 * Returns whether a policy, as `gcloud iam service-accounts get-iam-policy` prints it, lets the principal of the token
 * impersonate the service account. The principal is the one that the generated provider maps: `google.subject` is the subject.
 */
export function evaluateAccountPolicy(value: JsonObject, claims: Claims): Verdict {
  const { bindings } = readMembers(value, policyMembers, what);
  const principals = principalsOf(claims);
  const ours = bindings.filter(({ members }) => members.some((member) => principals.includes(member)));
  const allowing = ours.filter(({ role }) => impersonationRoles.includes(role));
  if (allowing.some(({ condition }) => condition === undefined)) return { allow: true };
  if (allowing.length > 0)
    throw unsupported(what, '`bindings[].condition` for this token', 'bindings without a condition');
  const custom = ours.find(({ role }) => !role.startsWith('roles/'));
  if (custom !== undefined)
    throw unsupported(what, `the custom role ${JSON.stringify(custom.role)}`, impersonationRoles.join(', '));
  const granted = bindings.filter(({ role }) => impersonationRoles.includes(role)).flatMap(({ members }) => members);
  if (ours.length > 0) return deny('bindings[].role', impersonationRoles, ours.map(({ role }) => role).join(', '));
  return deny('bindings[].members', granted.length > 0 ? granted : 'a member that is this principal', principals[0]);
}

/** Every form in which a member names the principal of the token. Attributes are those that the generated mapping has. */
function principalsOf({ aud, sub, identity_id, workspace_id, organization_id }: Claims): string[] {
  const [, pool] = /^(?:https:)?\/\/(iam\.googleapis\.com\/.+)\/providers\/[^/]+$/.exec(String(aud)) ?? [];
  if (pool === undefined) return [];
  const attributes = Object.entries({
    identity_id,
    workspace_id,
    organization_id,
    identity_workspace: `${String(identity_id)}:${String(workspace_id)}`,
  });
  return [
    `principal://${pool}/subject/${String(sub)}`,
    ...attributes.map(([name, value]) => `principalSet://${pool}/attribute.${name}/${String(value)}`),
    `principalSet://${pool}/*`,
  ];
}
