import { X509Certificate } from 'node:crypto';
import { ArsiaError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import {
  invalidDocument,
  type Members,
  optionalTextIn,
  orUnsupported,
  parseDocument,
  readMembers,
  unsupported,
} from '../document.ts';
import type { Verdict } from '../provider.ts';
import { deny } from '../verdict.ts';

type Claims = Readonly<Record<string, unknown>>;

const what = 'AuthenticationConfiguration';
const optionalText = optionalTextIn(what);
/** Both have the structure of v1beta1 (Kubernetes 1.30) (cloud-facts.md 4). */
const versions = ['apiserver.config.k8s.io/v1beta1', 'apiserver.config.k8s.io/v1'];

/** The only supported CEL form: a claim begins with a text. The generated documents have this form. */
const prefixPattern = /^claims\.(\w+)\.startsWith\((['"])([\w:/.@-]+)\2\)$/;

const ruleMembers = {
  claim: optionalText,
  requiredValue: optionalText,
  expression: (value: unknown): { claim: string; value: string } | undefined => {
    if (value === undefined) return undefined;
    const [, claim, , prefix] = prefixPattern.exec(String(value)) ?? [];
    if (claim !== undefined && prefix !== undefined) return { claim, value: prefix };
    throw unsupported(
      what,
      `the expression ${JSON.stringify(value)}`,
      "`claim` with `requiredValue`, and expressions of the form claims.sub.startsWith('…')",
    );
  },
  message: {
    irrelevant: 'The API server logs it when the rule does not hold; whether it holds does not depend on it.',
  },
} satisfies Members;

const usernameMembers = {
  claim: optionalText,
  prefix: optionalText,
  expression: withoutExpression,
} satisfies Members;

const groupsMembers = {
  claim: optionalText,
  prefix: optionalText,
  expression: withoutExpression,
} satisfies Members;

const uidMembers = { claim: optionalText, expression: withoutExpression } satisfies Members;

const mappingMembers = {
  username: (value: unknown, place: string): string => {
    const { claim, prefix } = isObject(value) ? readMembers(value, usernameMembers, what, `${place}.`) : {};
    if (claim === undefined || prefix === undefined)
      throw invalidDocument(what, 'has no `jwt[].claimMappings.username` with `claim` and `prefix`');
    return claim;
  },
  groups: (value: unknown, place: string): string | undefined => {
    if (value === undefined) return undefined;
    const { claim, prefix } = isObject(value) ? readMembers(value, groupsMembers, what, `${place}.`) : {};
    if (claim === undefined || prefix === undefined)
      throw invalidDocument(what, `has a \`${place}\` without \`claim\` and \`prefix\``);
    return claim;
  },
  uid: (value: unknown, place: string): string | undefined => {
    if (value === undefined) return undefined;
    const { claim } = isObject(value) ? readMembers(value, uidMembers, what, `${place}.`) : {};
    if (claim === undefined) throw invalidDocument(what, `has a \`${place}\` without \`claim\``);
    return claim;
  },
} satisfies Members;

const issuerMembers = {
  url: (value: unknown): string => {
    if (typeof value !== 'string') throw invalidDocument(what, 'has no `jwt[].issuer.url`');
    return value;
  },
  discoveryURL: optionalText,
  certificateAuthority: (value: unknown, place: string): void => {
    // Does not check whether the API server reaches the issuer. It does not start with an invalid certificate.
    if (value !== undefined && value !== '' && !isCertificate(value))
      throw invalidDocument(what, `has a \`${place}\` that is not a certificate in PEM`);
  },
  audiences: (value: unknown): string[] => {
    if (!Array.isArray(value) || value.length === 0 || !value.every((one) => typeof one === 'string'))
      throw invalidDocument(what, 'has no `jwt[].issuer.audiences`');
    return value;
  },
  audienceMatchPolicy: optionalText,
} satisfies Members;

const authenticatorMembers = {
  issuer: (value: unknown, place: string) => {
    if (!isObject(value)) throw invalidDocument(what, 'has no `jwt[].issuer.url`');
    return parseIssuer(value, `${place}.`);
  },
  claimValidationRules: (value: unknown = []): Rule[] => {
    if (!Array.isArray(value)) throw invalidDocument(what, 'has `claimValidationRules` that are not a list');
    return value.map(parseRule);
  },
  claimMappings: (value: unknown, place: string) => {
    if (!isObject(value))
      throw invalidDocument(what, 'has no `jwt[].claimMappings.username` with `claim` and `prefix`');
    return readMembers(value, mappingMembers, what, `${place}.`);
  },
} satisfies Members;

const configurationMembers = {
  apiVersion: (value: unknown): void => {
    if (typeof value !== 'string') throw invalidDocument(what, 'has no `apiVersion`');
    if (!versions.includes(value))
      throw unsupported(what, `the apiVersion ${JSON.stringify(value)}`, versions.join(', '));
  },
  kind: (value: unknown): void => {
    if (value !== what) throw invalidDocument(what, `has not the kind ${what}`);
  },
  jwt: (value: unknown): Entry[] => {
    if (!Array.isArray(value) || value.length === 0 || !value.every(isObject))
      throw invalidDocument(what, 'has no `jwt`');
    const entries = value.map((one) => ({
      url: issuerMembers.url(isObject(one.issuer) ? one.issuer.url : undefined),
      authenticator: orUnsupported(() => readMembers(one, authenticatorMembers, what, 'jwt[].')),
    }));
    // The API server refuses such a configuration: either of the two could evaluate a token.
    if (new Set(entries.map(({ url }) => url)).size < entries.length)
      throw invalidDocument(what, 'names one `jwt[].issuer.url` twice');
    return entries;
  },
  anonymous: { irrelevant: 'It is about requests without a token.' },
} satisfies Members;

/** Every member of a configuration that `evaluate` knows, by its path. */
export const members = {
  '': configurationMembers,
  'jwt[].': authenticatorMembers,
  'jwt[].issuer.': issuerMembers,
  'jwt[].claimValidationRules[].': ruleMembers,
  'jwt[].claimMappings.': mappingMembers,
  'jwt[].claimMappings.username.': usernameMembers,
  'jwt[].claimMappings.groups.': groupsMembers,
  'jwt[].claimMappings.uid.': uidMembers,
};

/**
 * Evaluates the file of `--authentication-config` of an API server, in its JSON form (cloud-facts.md 4). Throws
 * `invalid_request` or `not_supported` for a document that it cannot evaluate.
 */
export function evaluate(document: string, claims: Claims): Verdict {
  const { jwt: entries } = readMembers(parseDocument(document, what), configurationMembers, what);
  const urls = entries.map(({ url }) => url);
  const index = urls.indexOf(String(claims.iss));
  const authenticator = entries[index]?.authenticator;
  if (authenticator === undefined) return deny('jwt[].issuer.url', urls, claims.iss);
  if (authenticator instanceof ArsiaError) throw authenticator;
  const { issuer, claimValidationRules, claimMappings } = authenticator;
  const audiences = [claims.aud].flat();
  if (!issuer.audiences.some((audience) => audiences.includes(audience)))
    return deny(`jwt[${index}].issuer.audiences`, issuer.audiences, claims.aud);
  for (const [position, rule] of claimValidationRules.entries()) {
    const actual = claims[rule.claim];
    const holds = rule.isPrefix ? typeof actual === 'string' && actual.startsWith(rule.value) : actual === rule.value;
    if (!holds) return deny(`jwt[${index}].claimValidationRules[${position}] ${rule.claim}`, rule.value, actual);
  }
  return judgeMappings(claimMappings, claims, `jwt[${index}].claimMappings.`);
}

/** The API server refuses a token without a mapped claim, except that groups may be absent. */
function judgeMappings(
  { username, groups, uid }: Authenticator['claimMappings'],
  claims: Claims,
  place: string,
): Verdict {
  if (typeof claims[username] !== 'string') return deny(`${place}username.claim`, username, undefined);
  const group = groups === undefined ? [] : [claims[groups] ?? []].flat();
  if (!group.every((one) => typeof one === 'string'))
    return deny(`${place}groups.claim`, 'a string or a list of strings', claims[groups!]);
  if (uid !== undefined && typeof claims[uid] !== 'string') return deny(`${place}uid.claim`, 'a string', claims[uid]);
  return { allow: true };
}

interface Rule {
  claim: string;
  value: string;
  isPrefix: boolean;
}

/** An issuer of the configuration. The one that the API server finds by `iss` alone judges the token. */
interface Entry {
  url: string;
  authenticator: Authenticator | ArsiaError;
}

interface Authenticator {
  issuer: { url: string; audiences: string[] };
  claimValidationRules: Rule[];
  claimMappings: { username: string; groups: string | undefined; uid: string | undefined };
}

function parseIssuer(element: JsonObject, place: string): Authenticator['issuer'] {
  const { url, discoveryURL, audiences, audienceMatchPolicy } = readMembers(element, issuerMembers, what, place);
  if (discoveryURL !== undefined && discoveryURL !== '' && discoveryURL !== `${url}/.well-known/openid-configuration`)
    throw unsupported(
      what,
      `the \`jwt[].issuer.discoveryURL\` ${JSON.stringify(discoveryURL)}, whose keys Arsia does not know`,
      'the discovery document of the issuer itself: leave it out',
    );
  const isMatchAny = audienceMatchPolicy === 'MatchAny' || (!audienceMatchPolicy && audiences.length === 1);
  if (!isMatchAny)
    throw invalidDocument(
      what,
      'has a `jwt[].issuer.audienceMatchPolicy` that is not MatchAny, which several audiences need',
    );
  return { url, audiences };
}

function parseRule(element: unknown): Rule {
  if (!isObject(element)) throw invalidDocument(what, 'has a claim validation rule that is not an object');
  const { claim, requiredValue, expression } = readMembers(element, ruleMembers, what, 'claimValidationRules[].');
  if (expression !== undefined && (claim !== undefined || requiredValue !== undefined))
    throw invalidDocument(what, 'has a claim validation rule with both `expression` and `claim`');
  if (expression !== undefined) return { ...expression, isPrefix: true };
  if (claim === undefined || requiredValue === undefined)
    throw invalidDocument(what, 'has a claim validation rule without `claim` and `requiredValue`');
  return { claim, value: requiredValue, isPrefix: false };
}

function withoutExpression(value: unknown, place: string): void {
  if (value !== undefined) throw unsupported(what, `\`${place}\``, '`claim`');
}

function isCertificate(value: unknown): boolean {
  try {
    return typeof value === 'string' && new X509Certificate(value).serialNumber !== '';
  } catch {
    return false;
  }
}
