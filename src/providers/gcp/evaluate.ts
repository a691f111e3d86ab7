import { invalidDocument, isObject, parseDocument, refuseUnknownMembers } from '../document.ts';
import type { Verdict } from '../provider.ts';
import { type Denial, deny } from '../verdict.ts';
import { evaluateCel, textOf } from './cel.ts';

type Claims = Readonly<Record<string, unknown>>;

const what = 'workload identity pool provider';
const members = [
  'name',
  'displayName',
  'description',
  'state',
  'disabled',
  'oidc',
  'attributeMapping',
  'attributeCondition',
  'expireTime',
];
const namePattern = /^projects\/\d+\/locations\/global\/workloadIdentityPools\/[a-z0-9-]+\/providers\/[a-z0-9-]+$/;

/** Limits of cloud-facts.md 3.2. */
const limits = { subjectBytes: 127, mapping: 2048, condition: 4096, attributes: 50, mappedBytes: 8192, audiences: 10 };

interface PoolProvider {
  issuer: string;
  audiences: string[];
  mapping: [string, string][];
  condition: string | undefined;
}

/** What a provider of a workload identity pool says to a token: issuer, audience, mapping, condition (cloud-facts.md 3.1). */
export function evaluate(document: string, claims: Claims): Verdict {
  const provider = parseProvider(document);
  if (claims.iss !== provider.issuer) return deny('oidc.issuerUri', provider.issuer, claims.iss);
  if (typeof claims.aud !== 'string' || !provider.audiences.includes(claims.aud))
    return deny('oidc.allowedAudiences', provider.audiences, claims.aud);
  const mapped = mapClaims(provider, claims);
  if ('denial' in mapped) return mapped.denial;
  return judgeCondition(provider, claims, mapped.attributes);
}

/** The mapped attributes, by `google.subject`, `attribute.x`; a list (`google.groups`) as JSON. Throws where one has no value. */
export function mapAttributes(document: string, claims: Claims): Record<string, string> {
  const mapped = mapClaims(parseProvider(document), claims);
  if ('denial' in mapped)
    throw invalidDocument(what, `maps no ${mapped.denial.condition} from these claims: ${mapped.denial.actual}`);
  return Object.fromEntries(
    [...mapped.attributes].map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

type Attributes = Map<string, string | string[]>;

function mapClaims(provider: PoolProvider, claims: Claims): { attributes: Attributes } | { denial: Denial } {
  const attributes: Attributes = new Map();
  let bytes = 0;
  for (const [key, expression] of provider.mapping) {
    const condition = `attributeMapping ${key}`;
    const outcome = evaluateCel(expression, { assertion: claims }, condition, limits.mapping);
    if ('fault' in outcome) return { denial: deny(condition, expression, outcome.fault) };
    const value = textOf(outcome.value);
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

/** The claims that a condition reads, with the values that the token has. */
function describeAssertion(condition: string, claims: Claims): string {
  const names = new Set([...condition.matchAll(/\bassertion\.(\w+)/g)].map((match) => match[1]!));
  if (names.size === 0) names.add('sub');
  return [...names]
    .map((name) => `assertion.${name} is ${Object.hasOwn(claims, name) ? JSON.stringify(claims[name]) : 'missing'}`)
    .join(', ');
}

function parseProvider(document: string): PoolProvider {
  const provider = parseDocument(document, what);
  refuseUnknownMembers(provider, members, what);
  const { oidc, attributeMapping, attributeCondition, name } = provider;
  if (!isObject(oidc) || typeof oidc.issuerUri !== 'string') throw invalidDocument(what, 'has no `oidc.issuerUri`');
  refuseUnknownMembers(oidc, ['issuerUri', 'allowedAudiences', 'jwksJson'], what, 'oidc.');
  if (attributeCondition !== undefined && typeof attributeCondition !== 'string')
    throw invalidDocument(what, 'has an `attributeCondition` that is not a string');
  return {
    issuer: oidc.issuerUri,
    audiences: parseAudiences(oidc.allowedAudiences, name),
    mapping: parseMapping(attributeMapping),
    condition: attributeCondition === '' ? undefined : attributeCondition,
  };
}

/** Without a list of its own a provider takes its resource name, with or without `https:` (cloud-facts.md 3.1). */
function parseAudiences(element: unknown, name: unknown): string[] {
  const audiences = element ?? [];
  if (
    !Array.isArray(audiences) ||
    audiences.length > limits.audiences ||
    !audiences.every((one) => typeof one === 'string')
  )
    throw invalidDocument(
      what,
      `has an \`oidc.allowedAudiences\` that is not a list of at most ${limits.audiences} strings`,
    );
  if (audiences.length > 0) return audiences;
  if (typeof name !== 'string' || !namePattern.test(name))
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
