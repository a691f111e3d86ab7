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
  for (const [position, rule] of authenticator.rules.entries()) {
    const actual = claims[rule.claim];
    const holds = rule.isPrefix ? typeof actual === 'string' && actual.startsWith(rule.value) : actual === rule.value;
    if (!holds) return deny(`jwt[${index}].claimValidationRules[${position}] ${rule.claim}`, rule.value, actual);
  }
  if (typeof claims[authenticator.usernameClaim] !== 'string')
    return deny(`jwt[${index}].claimMappings.username.claim`, authenticator.usernameClaim, undefined);
  return { allow: true };
}

interface Rule {
  claim: string;
  value: string;
  isPrefix: boolean;
}

interface Authenticator {
  url: string;
  audiences: string[];
  rules: Rule[];
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

/** Of CEL the one form that Arsia's own documents use: a claim that begins with a text. */
const prefixPattern = /^claims\.(\w+)\.startsWith\((['"])([\w:/.@-]+)\2\)$/;

function parseRule(rule: unknown): Rule {
  if (!isObject(rule)) throw invalidDocument(what, 'has a claim validation rule that is not an object');
  refuseUnknownMembers(rule, ['claim', 'requiredValue', 'expression', 'message'], what, 'claimValidationRules[].');
  const { claim, requiredValue, expression } = rule;
  if (expression !== undefined) {
    const [, name, , value] = prefixPattern.exec(String(expression)) ?? [];
    if (name === undefined || value === undefined)
      throw unsupported(
        what,
        `the expression ${JSON.stringify(expression)}`,
        "`claim` with `requiredValue`, and expressions of the form claims.sub.startsWith('…')",
      );
    return { claim: name, value, isPrefix: true };
  }
  if (typeof claim !== 'string' || typeof requiredValue !== 'string')
    throw invalidDocument(what, 'has a claim validation rule without `claim` and `requiredValue`');
  return { claim, value: requiredValue, isPrefix: false };
}

function parseUsername(mappings: unknown): string {
  const username = isObject(mappings) ? mappings.username : undefined;
  if (isObject(username) && username.expression !== undefined)
    throw unsupported(what, '`claimMappings.username.expression`', '`claim` with `prefix`');
  if (!isObject(username) || typeof username.claim !== 'string' || typeof username.prefix !== 'string')
    throw invalidDocument(what, 'has no `jwt[].claimMappings.username` with `claim` and `prefix`');
  return username.claim;
}
