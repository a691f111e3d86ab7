import { isObject, type JsonObject } from '../../core/json.ts';
import { invalidDocument, type Members, optionalTextIn, readMembers, unsupported } from '../document.ts';
import type { Verdict } from '../provider.ts';
import { deny } from '../verdict.ts';

type Claims = Readonly<Record<string, unknown>>;

const what = 'role of Vault';
const optionalText = optionalTextIn(what);

const texts = (value: unknown, place: string): string[] => {
  const list = [value ?? []].flat();
  if (list.every((one) => typeof one === 'string')) return list;
  throw invalidDocument(what, `has a \`${place}\` that is not text or a list of texts`);
};

/** A member that narrows what a role takes in a way that Arsia does not judge. Vault prints it empty where it is not set. */
const unsetOnly = (value: unknown, place: string): void => {
  const isUnset = value === undefined || value === null || value === false || value === '' || value === 0;
  if (!isUnset && !(typeof value === 'object' && Object.keys(value).length === 0))
    throw unsupported(what, `\`${place}\``, 'roles that leave it out');
};

const forSignIn = { irrelevant: 'It is about people who sign in by a browser, not about a token that is presented.' };
const forTheSession = { irrelevant: 'It is about the session that Vault opens, not about which token opens it.' };
const leeway = { irrelevant: 'It widens the times of a token, and a token of this minute needs no leeway.' };

const roleMembers = {
  role_type: (value: unknown = 'oidc', place: string): string | undefined => optionalText(value, place),
  user_claim: (value: unknown): string => {
    if (typeof value === 'string' && value !== '') return value;
    throw invalidDocument(what, 'has no `user_claim`');
  },
  bound_audiences: texts,
  bound_subject: (value: unknown, place: string): string | undefined => optionalText(value ?? undefined, place),
  bound_claims_type: (value: unknown, place: string): string => {
    if (value === undefined || value === null || value === '') return 'string';
    if (value === 'string' || value === 'glob') return value;
    throw invalidDocument(what, `has a \`${place}\` that is neither "string" nor "glob"`);
  },
  bound_claims: (value: unknown, place: string): [string, unknown[]][] => {
    if (value === undefined || value === null) return [];
    if (!isObject(value)) throw invalidDocument(what, `has a \`${place}\` that is not an object`);
    return Object.entries(value).map(([claim, values]) => [claim, [values].flat()]);
  },
  user_claim_json_pointer: unsetOnly,
  groups_claim: unsetOnly,
  claim_mappings: unsetOnly,
  token_bound_cidrs: unsetOnly,
  bound_cidrs: unsetOnly,
  token_policies_template_claims: unsetOnly,
  expiration_leeway: leeway,
  not_before_leeway: leeway,
  clock_skew_leeway: leeway,
  allowed_redirect_uris: forSignIn,
  callback_mode: forSignIn,
  max_age: forSignIn,
  oauth2_metadata: forSignIn,
  oidc_scopes: forSignIn,
  poll_interval: forSignIn,
  verbose_oidc_logging: forSignIn,
  token_policies: forTheSession,
  token_ttl: forTheSession,
  token_max_ttl: forTheSession,
  token_explicit_max_ttl: forTheSession,
  token_no_default_policy: forTheSession,
  token_num_uses: forTheSession,
  token_period: forTheSession,
  token_strictly_bind_ip: forTheSession,
  token_type: forTheSession,
  alias_metadata: forTheSession,
  policies: forTheSession,
  ttl: forTheSession,
  max_ttl: forTheSession,
  period: forTheSession,
  num_uses: forTheSession,
} satisfies Members;

/** Every member of a role that `evaluate` knows. */
export const members = { 'Vault: ': roleMembers };

/** The role in a document: as it is written, or the `data` of what `vault read -format=json` prints. Undefined for another one. */
export function vaultRoleIn(value: JsonObject): JsonObject | undefined {
  const role = isObject(value.data) && 'request_id' in value ? value.data : value;
  return 'user_claim' in role || 'role_type' in role ? role : undefined;
}

/**
 * Returns whether a role of Vault's or OpenBao's JWT auth takes the token (cloud-facts.md 4). The issuer is not in the role but in
 * the configuration of the auth method, and is not judged.
 */
export function evaluateVaultRole(value: JsonObject, claims: Claims): Verdict {
  const role = readMembers(value, roleMembers, what);
  if (role.role_type !== 'jwt') return deny('role_type', 'jwt', role.role_type);
  const audiences = [claims.aud ?? []].flat();
  if (!role.bound_audiences.some((audience) => audiences.includes(audience)))
    return deny('bound_audiences', role.bound_audiences, claims.aud);
  if (role.bound_subject && claims.sub !== role.bound_subject)
    return deny('bound_subject', role.bound_subject, claims.sub);
  if (typeof claims[role.user_claim] !== 'string') return deny('user_claim', role.user_claim, claims[role.user_claim]);
  for (const [claim, expected] of role.bound_claims) {
    if (claim.startsWith('/')) throw unsupported(what, `the JSON pointer ${JSON.stringify(claim)}`, 'names of claims');
    const actual = [Object.hasOwn(claims, claim) ? (claims[claim] ?? []) : []].flat();
    const matches = role.bound_claims_type === 'glob' ? matchesGlob : (one: unknown, value: unknown) => one === value;
    if (!expected.some((one) => actual.some((value) => matches(one, value))))
      return deny(`bound_claims ${claim}`, expected.map(String), claims[claim]);
  }
  return { allow: true };
}

/** Returns whether a text matches a pattern in which `*` stands for any run of characters, as Vault's globs have it. */
function matchesGlob(pattern: unknown, text: unknown): boolean {
  if (typeof pattern !== 'string' || typeof text !== 'string') return false;
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return text.length - from >= last.length && text.endsWith(last);
}
