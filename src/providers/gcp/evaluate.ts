import { isObject, type JsonObject } from '../../core/json.ts';
import { invalidDocument, type Members, optionalTextIn, parseDocument, readMembers } from '../document.ts';
import type { EvaluateRequest, Verdict } from '../provider.ts';
import { type Denial, deny } from '../verdict.ts';
import { members as accountPolicyMembers, evaluateAccountPolicy, isAccountPolicy } from './accountpolicy.ts';
import { evaluateCel, toText } from './cel.ts';
import { parseUploadedKeys } from './uploadedkeys.ts';

type Claims = Readonly<Record<string, unknown>>;

const what = 'workload identity pool provider';
const optionalText = optionalTextIn(what);
const namePattern = /^projects\/\d+\/locations\/global\/workloadIdentityPools\/[a-z0-9-]+\/providers\/[a-z0-9-]+$/;

/** Limits of cloud-facts.md 3.2. */
const limits = {
  subjectBytes: 127,
  mapping: 2048,
  condition: 4096,
  attributes: 50,
  mappedBytes: 8192,
  audiences: 10,
  audience: 256,
};

const oidcMembers = {
  issuerUri: (value: unknown): string => {
    if (typeof value !== 'string') throw invalidDocument(what, 'has no `oidc.issuerUri`');
    return value;
  },
  allowedAudiences: parseAudiences,
  jwksJson: optionalText,
} satisfies Members;

const providerMembers = {
  name: optionalText,
  displayName: { irrelevant: 'It is shown to people, and no token is compared with it.' },
  description: { irrelevant: 'It is shown to people, and no token is compared with it.' },
  state: optionalText,
  disabled: (value: unknown): boolean => {
    if (value !== undefined && typeof value !== 'boolean')
      throw invalidDocument(what, 'has a `disabled` that is neither true nor false');
    return value === true;
  },
  expireTime: optionalText,
  oidc: (value: unknown) => {
    if (!isObject(value)) throw invalidDocument(what, 'has no `oidc.issuerUri`');
    return readMembers(value, oidcMembers, what, 'oidc.');
  },
  attributeMapping: parseMapping,
  attributeCondition: optionalText,
} satisfies Members;

/** Every member that `evaluate` knows, by its path: of a provider, and of the policy of a service account. */
export const members = { '': providerMembers, 'oidc.': oidcMembers, ...accountPolicyMembers };

/** Conditions of a provider that is not usable: Google answers as if it did not exist (cloud-facts.md 00). */
export const lifeConditions: readonly string[] = ['state', 'disabled', 'expireTime'];

interface PoolProvider {
  issuer: string;
  audiences: string[];
  mapping: [string, string][];
  condition: string | undefined;
  keys: string | undefined;
  dead: Denial | undefined;
}

/**
 * Judges a token as a provider of a workload identity pool does: state, issuer, uploaded keys, audience, mapping and
 * condition (cloud-facts.md 3.1). The state of the pool is not in the document, and is not judged. Judges the policy of a
 * service account by who may impersonate it.
 */
export function evaluate(document: string, claims: Claims, request: EvaluateRequest = {}): Verdict {
  const value = parseDocument(document, what);
  if (isAccountPolicy(value)) return evaluateAccountPolicy(value, claims);
  const provider = parseProvider(value);
  if (provider.dead !== undefined) return provider.dead;
  if (claims.iss !== provider.issuer) return deny('oidc.issuerUri', provider.issuer, claims.iss);
  const unverifiable = provider.keys === undefined ? undefined : judgeKeys(provider.keys, request);
  if (unverifiable !== undefined) return unverifiable;
  if (typeof claims.aud !== 'string' || !provider.audiences.includes(claims.aud))
    return deny('oidc.allowedAudiences', provider.audiences, claims.aud);
  const mapped = mapClaims(provider, claims);
  if ('denial' in mapped) return mapped.denial;
  return judgeCondition(provider, claims, mapped.attributes);
}

/**
 * Returns the mapped attributes by name, such as `google.subject` and `attribute.x`; a list (`google.groups`) as JSON. Throws
 * `invalid_request` where one has no value.
 */
export function mapAttributes(document: string, claims: Claims): Record<string, string> {
  const mapped = mapClaims(parseProvider(parseDocument(document, what)), claims);
  if ('denial' in mapped)
    throw invalidDocument(what, `maps no ${mapped.denial.condition} from these claims: ${mapped.denial.actual}`);
  return Object.fromEntries(
    [...mapped.attributes].map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/**
 * Checks the signing key against the uploaded keys, which Google uses instead of the published ones. Google checks them at
 * the exchange, not at the upload.
 */
function judgeKeys(text: string, { signing_key }: EvaluateRequest): Denial | undefined {
  const condition = 'oidc.jwksJson';
  const keys = parseUploadedKeys(text);
  if (keys === undefined)
    return deny(
      condition,
      'a JWK Set of keys with a kid, as `arsia server keys export` prints it',
      'no key that Google can use',
    );
  if (signing_key === undefined) return undefined;
  const { kid, n, e } = signing_key;
  if (keys.some((key) => key.kid === kid && key.n === n && key.e === e)) return undefined;
  return deny(condition, `the key ${String(kid)}, which signs now`, keys.map((key) => key.kid).join(', '));
}

type Attributes = Map<string, string | string[]>;

function mapClaims(provider: PoolProvider, claims: Claims): { attributes: Attributes } | { denial: Denial } {
  const attributes: Attributes = new Map();
  let bytes = 0;
  for (const [key, expression] of provider.mapping) {
    const condition = `attributeMapping ${key}`;
    const outcome = evaluateCel(expression, { assertion: claims }, condition, limits.mapping);
    if ('fault' in outcome) return { denial: deny(condition, expression, outcome.fault) };
    const value = toText(outcome.value);
    if (value === undefined || Array.isArray(value) !== (key === 'google.groups'))
      return { denial: deny(condition, key === 'google.groups' ? 'a list of strings' : 'a string', 'another type') };
    const size = Buffer.byteLength([value].flat().join(''));
    if (key === 'google.subject' && (size === 0 || size > limits.subjectBytes))
      return { denial: deny(condition, `1 to ${limits.subjectBytes} bytes`, `${size} bytes`) };
    bytes += size;
    if (bytes > limits.mappedBytes)
      return { denial: deny('attributeMapping', `at most ${limits.mappedBytes} bytes in all`, `${bytes} bytes`) };
    attributes.set(key, value);
  }
  return { attributes };
}

function judgeCondition({ condition }: PoolProvider, claims: Claims, attributes: Attributes): Verdict {
  if (condition === undefined) return { allow: true };
  const named = (prefix: string) =>
    Object.fromEntries(
      [...attributes]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => [key.slice(prefix.length), value]),
    );
  const bindings = { assertion: claims, google: named('google.'), attribute: named('attribute.') };
  const outcome = evaluateCel(condition, bindings, 'attributeCondition', limits.condition);
  if ('value' in outcome && outcome.value === true) return { allow: true };
  const reason = 'fault' in outcome ? `${outcome.fault}; ` : '';
  return deny('attributeCondition', condition, reason + describeAssertion(condition, claims));
}

/** Returns the claims that a condition reads, with their values in the token. */
function describeAssertion(condition: string, claims: Claims): string {
  const names = new Set([...condition.matchAll(/\bassertion\.(\w+)/g)].map((match) => match[1]!));
  if (names.size === 0) names.add('sub');
  return [...names]
    .map((name) => `assertion.${name} is ${Object.hasOwn(claims, name) ? JSON.stringify(claims[name]) : 'missing'}`)
    .join(', ');
}

function parseProvider(value: JsonObject): PoolProvider {
  const provider = readMembers(value, providerMembers, what);
  const { oidc, attributeMapping, attributeCondition, name } = provider;
  return {
    issuer: oidc.issuerUri,
    audiences: oidc.allowedAudiences.length > 0 ? oidc.allowedAudiences : ownAudiences(name),
    mapping: attributeMapping,
    condition: attributeCondition === '' ? undefined : attributeCondition,
    keys: oidc.jwksJson,
    dead: deadOf(provider),
  };
}

/** Returns a denial for a provider that is not usable. A document to create a provider from has no state yet. */
function deadOf({
  state = 'ACTIVE',
  disabled,
  expireTime,
}: {
  state: string | undefined;
  disabled: boolean;
  expireTime: string | undefined;
}): Denial | undefined {
  if (state !== 'ACTIVE') return deny('state', 'ACTIVE', state);
  if (disabled) return deny('disabled', 'false', 'true');
  if (expireTime !== undefined) return deny('expireTime', 'none: only a deleted provider has one', expireTime);
  return undefined;
}

function parseAudiences(element: unknown): string[] {
  const audiences = element ?? [];
  if (
    !Array.isArray(audiences) ||
    audiences.length > limits.audiences ||
    !audiences.every((one) => typeof one === 'string' && one.length <= limits.audience)
  )
    throw invalidDocument(
      what,
      `has an \`oidc.allowedAudiences\` that is not a list of at most ${limits.audiences} strings of at most ${limits.audience} characters`,
    );
  return audiences;
}

/**
 * Returns the audiences of a provider without a list of its own: its resource name, with or without `https:` (cloud-facts.md
 * 3.1).
 */
function ownAudiences(name: string | undefined): string[] {
  if (name === undefined || !namePattern.test(name))
    throw invalidDocument(
      what,
      'has neither `oidc.allowedAudiences` nor its `name` (projects/…/providers/…), so its audience is not known',
    );
  return [`//iam.googleapis.com/${name}`, `https://iam.googleapis.com/${name}`];
}

function parseMapping(element: unknown): [string, string][] {
  if (!isObject(element) || typeof element['google.subject'] !== 'string')
    throw invalidDocument(what, 'has no `attributeMapping` of `google.subject`');
  const entries = Object.entries(element);
  if (entries.length > limits.attributes + 2)
    throw invalidDocument(what, `maps more than ${limits.attributes} attributes`);
  for (const [key, expression] of entries) {
    if (!/^(?:google\.(?:subject|groups)|attribute\.[a-z0-9_]{1,90})$/.test(key))
      throw invalidDocument(
        what,
        `maps ${JSON.stringify(key)}, which is neither google.subject, google.groups nor attribute.<name>`,
      );
    if (typeof expression !== 'string') throw invalidDocument(what, `maps ${key} by something that is not CEL`);
  }
  return entries as [string, string][];
}
