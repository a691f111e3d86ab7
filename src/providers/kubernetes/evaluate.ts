import {
  invalidDocument,
  isObject,
  type JsonObject,
  parseDocument,
  refuseUnknownMembers,
  unsupported,
} from '../document.ts';
import type { Verdict } from '../provider.ts';
import { deny } from '../verdict.ts';

type Claims = Readonly<Record<string, unknown>>;

const what = 'AuthenticationConfiguration';

/** What `--authentication-config` of an API server says to a token, in its JSON form (cloud-facts.md 4). */
export function evaluate(document: string, claims: Claims): Verdict {
  const authenticators = parseConfiguration(document);
  const urls = authenticators.map(({ url }) => url);
  const index = urls.indexOf(String(claims.iss));
  const authenticator = authenticators[index];
  if (authenticator === undefined) return deny('jwt[].issuer.url', urls, claims.iss);
  const audiences = [claims.aud].flat();
  if (!authenticator.audiences.some((audience) => audiences.includes(audience)))
    return deny(`jwt[${index}].issuer.audiences`, authenticator.audiences, claims.aud);
  for (const [position, { claim, requiredValue }] of authenticator.rules.entries()) {
    if (claims[claim] !== requiredValue)
      return deny(`jwt[${index}].claimValidationRules[${position}] ${claim}`, requiredValue, claims[claim]);
  }
  if (typeof claims[authenticator.usernameClaim] !== 'string')
    return deny(`jwt[${index}].claimMappings.username.claim`, authenticator.usernameClaim, undefined);
  return { allow: true };
}

interface Authenticator {
  url: string;
  audiences: string[];
  rules: { claim: string; requiredValue: string }[];
  usernameClaim: string;
}

function parseConfiguration(document: string): Authenticator[] {
  const configuration = parseDocument(document, what);
  if (configuration.kind !== what) throw invalidDocument(what, `has not the kind ${what}`);
  refuseUnknownMembers(configuration, ['apiVersion', 'kind', 'jwt', 'anonymous'], what);
  if (!Array.isArray(configuration.jwt) || configuration.jwt.length === 0 || !configuration.jwt.every(isObject))
    throw invalidDocument(what, 'has no `jwt`');
  return configuration.jwt.map(parseAuthenticator);
}

function parseAuthenticator(element: JsonObject): Authenticator {
  refuseUnknownMembers(element, ['issuer', 'claimValidationRules', 'claimMappings'], what, 'jwt[].');
  const { issuer, claimValidationRules = [], claimMappings } = element;
  if (!isObject(issuer) || typeof issuer.url !== 'string') throw invalidDocument(what, 'has no `jwt[].issuer.url`');
  refuseUnknownMembers(
    issuer,
    ['url', 'discoveryURL', 'certificateAuthority', 'audiences', 'audienceMatchPolicy'],
    what,
    'jwt[].issuer.',
  );
  const { audiences } = issuer;
  if (!Array.isArray(audiences) || audiences.length === 0 || !audiences.every((one) => typeof one === 'string'))
    throw invalidDocument(what, 'has no `jwt[].issuer.audiences`');
  if (!Array.isArray(claimValidationRules)) throw invalidDocument(what, 'has `claimValidationRules` that are no list');
  return {
    url: issuer.url,
    audiences,
    rules: claimValidationRules.map(parseRule),
    usernameClaim: parseUsername(claimMappings),
  };
}

function parseRule(rule: unknown): Authenticator['rules'][number] {
  if (!isObject(rule)) throw invalidDocument(what, 'has a claim validation rule that is not an object');
  if (rule.expression !== undefined)
    throw unsupported(what, '`claimValidationRules[].expression`', '`claim` with `requiredValue`');
  refuseUnknownMembers(rule, ['claim', 'requiredValue'], what, 'claimValidationRules[].');
  const { claim, requiredValue } = rule;
  if (typeof claim !== 'string' || typeof requiredValue !== 'string')
    throw invalidDocument(what, 'has a claim validation rule without `claim` and `requiredValue`');
  return { claim, requiredValue };
}

function parseUsername(mappings: unknown): string {
  const username = isObject(mappings) ? mappings.username : undefined;
  if (isObject(username) && username.expression !== undefined)
    throw unsupported(what, '`claimMappings.username.expression`', '`claim` with `prefix`');
  if (!isObject(username) || typeof username.claim !== 'string' || typeof username.prefix !== 'string')
    throw invalidDocument(what, 'has no `jwt[].claimMappings.username` with `claim` and `prefix`');
  return username.claim;
}
