import type { Clock } from '../../core/clock.ts';
import { evaluate, lifeConditions, mapAttributes } from '../../providers/gcp/evaluate.ts';
import type { Verdict } from '../../providers/provider.ts';
import { getMediaType, readForm, readJson } from '../form.ts';
import { judge } from '../judge.ts';
import type { KeyCache } from '../keycache.ts';
import type { Answer, Request } from '../listener.ts';
import type { Refusal } from '../refusal.ts';
import { createJsonAnswer, createOauthRefusal } from './errors.ts';
import type { Grants } from './grants.ts';
import { verifyIdToken } from './idtoken.ts';
import type { PoolProvider, Resources } from './resources.ts';

export interface Google {
  resources: Resources;
  grants: Grants;
  keys: KeyCache;
  clock: Clock;
}

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
const subjectTokenTypes = ['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token'];
const federatedLifetime = 3600;
/** Names of the form parameters; the JSON body has the same names in camel case. */
const parameterNames = [
  'grant_type',
  'audience',
  'scope',
  'requested_token_type',
  'subject_token',
  'subject_token_type',
] as const;

type Claims = Readonly<Record<string, unknown>>;
type Parameters = Partial<Record<(typeof parameterNames)[number], string>>;

/** Handles `POST /v1/token` (cloud-facts.md 3.1): issues a federated access token for the mapped principal. Throws Refusal. */
export async function exchangeToken(google: Google, request: Request): Promise<Answer> {
  const parameters = readParameters(request);
  const { subject_token, scope } = checkParameters(parameters);
  const provider = google.resources.findProvider(parameters.audience ?? '');
  if (!provider || isDisabled(provider))
    throw createOauthRefusal(
      'invalid_target',
      'The target service indicated by the "audience" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn\'t exist.',
    );
  const claims = await verifyIdToken(subject_token, provider, google.keys, google.clock.now());
  const principals = judge(
    () => mapPrincipals(provider, claims),
    (reason) => createOauthRefusal('invalid_grant', `The sandbox cannot evaluate this provider: ${reason}`),
  );
  const { access_token } = google.grants.issue({ principals, scopes: scope.split(' ') }, federatedLifetime);
  return createJsonAnswer(200, {
    access_token,
    issued_token_type: accessTokenType,
    token_type: 'Bearer',
    expires_in: federatedLifetime,
  });
}

/** Returns whether the provider is disabled or deleted. */
function isDisabled({ document }: PoolProvider): boolean {
  const verdict = evaluate(document, {});
  return !verdict.allow && lifeConditions.includes(verdict.condition);
}

export function readParameters(request: Request): Parameters {
  const isJson = getMediaType(request) === 'application/json';
  const json = isJson ? readJson(request) : undefined;
  const form = readForm(request);
  const parameters: Parameters = {};
  for (const name of parameterNames) {
    const value = json ? json[name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())] : form.get(name);
    if (typeof value === 'string' && value !== '') parameters[name] = value;
  }
  return parameters;
}

function checkParameters(parameters: Parameters): { subject_token: string; scope: string } {
  const { subject_token, scope, audience } = parameters;
  if (parameters.grant_type !== grantType)
    throw createOauthRefusal('unsupported_grant_type', 'Invalid value for "grant_type".');
  if (!audience?.startsWith('//iam.googleapis.com/'))
    throw createOauthRefusal('invalid_request', 'Invalid value for "audience".');
  if (parameters.requested_token_type !== accessTokenType)
    throw createOauthRefusal('invalid_request', 'Invalid value of requested_token_type in request.');
  if (!subjectTokenTypes.includes(parameters.subject_token_type ?? ''))
    throw createOauthRefusal('invalid_request', 'Invalid value of subject_token_type in request.');
  if (subject_token === undefined) throw createOauthRefusal('invalid_request', 'Invalid value for "subject_token".');
  if (scope === undefined) throw createOauthRefusal('invalid_request', 'Scope(s) must be provided.');
  return { subject_token, scope };
}

/**
 * Evaluates the attribute mapping and condition. Returns the names of the principal as members of policies (cloud-facts.md
 * 3.3).
 */
function mapPrincipals({ document, pool }: PoolProvider, claims: Claims): string[] {
  const verdict = evaluate(document, claims);
  if (!verdict.allow) throw createRejection(verdict);
  const { 'google.subject': subject, 'google.groups': groups, ...attributes } = mapAttributes(document, claims);
  const sets = [
    ...Object.entries(attributes).map(([name, value]) => `${name}/${value}`),
    ...(JSON.parse(groups ?? '[]') as string[]).map((group) => `group/${group}`),
    '*',
  ];
  return [`principal:${pool}/subject/${subject}`, ...sets.map((set) => `principalSet:${pool}/${set}`)];
}

function createRejection({ condition, actual }: Extract<Verdict, { allow: false }>): Refusal {
  if (condition === 'attributeCondition')
    return createOauthRefusal('unauthorized_client', 'The given credential is rejected by the attribute condition.');
  if (actual.endsWith(' bytes'))
    return createOauthRefusal('invalid_grant', 'The size of mapped attribute exceeds the 127 bytes limit.');
  return createOauthRefusal('invalid_grant', `The mapping of the ID Token failed at ${condition}.`);
}
