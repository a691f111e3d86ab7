import { isObject, isTextList } from '../../core/json.ts';
import { evaluate } from '../../providers/gcp/evaluate.ts';
import { parseObject } from '../form.ts';
import { isIssuerUrl } from '../issuer.ts';
import { judge } from '../judge.ts';
import { createApiRefusal } from './errors.ts';

/** A workload identity pool provider, read from the pasted resource JSON. */
export interface PoolProvider {
  /** `//iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/P/providers/X`. */
  audience_resource: string;
  /** `//iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/P`. */
  pool: string;
  issuer: string;
  /** Not empty: without `allowedAudiences` the name of the provider is the audience (cloud-facts.md 3.1). */
  allowed_audiences: readonly string[];
  /** Uploaded keys as text. Bad content is found only at the exchange (cloud-facts.md 3.2). */
  jwks_json: string | undefined;
  /** The document for `evaluate`, with its audiences filled in. */
  document: string;
}

/** A role on a service account and its members. */
export interface Binding {
  role: string;
  members: readonly string[];
}

export type ProviderInput = { document: string } & (
  | { audience_resource: string }
  | { project_number: string; pool: string; provider: string }
);

export interface Resources {
  /** Returns the provider's full name, which is the `audience` at the token service. */
  createProvider(input: ProviderInput): string;
  /** `policy` is the service account's IAM policy, as JSON text (cloud-facts.md 3.3). */
  createServiceAccount(input: { email: string; policy?: string }): void;
  findProvider(audience: string): PoolProvider | undefined;
  findBindings(email: string): readonly Binding[] | undefined;
}

const namePattern =
  /^(\/\/iam\.googleapis\.com\/projects\/\d+\/locations\/global\/workloadIdentityPools\/[a-z0-9-]{4,32})\/providers\/[a-z0-9-]{4,32}$/;

export function makeResources(): Resources {
  const providers = new Map<string, PoolProvider>();
  const accounts = new Map<string, readonly Binding[]>();
  return {
    createProvider(input) {
      const name = 'audience_resource' in input ? input.audience_resource : formatProviderName(input);
      const pool = namePattern.exec(name)?.[1];
      if (pool === undefined) throw createApiRefusal('INVALID_ARGUMENT', `${name} is not the name of a pool provider.`);
      if (providers.has(name)) throw createApiRefusal('ALREADY_EXISTS', `${name} already exists.`);
      providers.set(name, readProvider(name, pool, input.document));
      return name;
    },
    createServiceAccount({ email, policy }) {
      if (!/^[^@\s/]+@[^@\s/]+$/.test(email))
        throw createApiRefusal('INVALID_ARGUMENT', `${email} is not an email address.`);
      if (accounts.has(email)) throw createApiRefusal('ALREADY_EXISTS', `Service account ${email} already exists.`);
      accounts.set(email, policy === undefined ? [] : readPolicy(policy));
    },
    findProvider: (audience) => providers.get(audience),
    findBindings: (email) => accounts.get(email),
  };
}

function formatProviderName(input: { project_number: string; pool: string; provider: string }): string {
  const { project_number, pool, provider } = input;
  return `//iam.googleapis.com/projects/${project_number}/locations/global/workloadIdentityPools/${pool}/providers/${provider}`;
}

/** Reads a provider and checks the limits of cloud-facts.md 3.2. */
function readProvider(name: string, pool: string, text: string): PoolProvider {
  const document = parseObject(text);
  const oidc = document?.oidc;
  if (!document || !isObject(oidc)) throw createBadArgument('The provider has no oidc settings.');
  const { issuerUri: issuer, allowedAudiences: listed = [], jwksJson } = oidc;
  if (typeof issuer !== 'string' || !isIssuerUrl(issuer))
    throw createBadArgument('oidc.issuerUri must be an https URL.');
  if (!isTextList(listed) || listed.length > 10 || listed.some((one) => one.length > 256))
    throw createBadArgument('oidc.allowedAudiences can have up to 10 audiences of 256 characters.');
  if (jwksJson !== undefined && typeof jwksJson !== 'string') throw createBadArgument('oidc.jwksJson is not a string.');
  checkMapping(document.attributeMapping);
  const condition = document.attributeCondition;
  if (condition !== undefined && (typeof condition !== 'string' || condition.length > 4096))
    throw createBadArgument('attributeCondition can have up to 4096 characters.');
  const audiences = listed.length > 0 ? listed : [name, `https:${name}`];
  // The text as pasted where possible, so that repeated members are evaluated too.
  const judged =
    listed.length > 0 ? text : JSON.stringify({ ...document, oidc: { ...oidc, allowedAudiences: audiences } });
  judge(() => evaluate(judged, { iss: issuer, aud: audiences[0] }), createBadArgument);
  return {
    audience_resource: name,
    pool,
    issuer,
    allowed_audiences: audiences,
    jwks_json: jwksJson,
    document: judged,
  };
}

function checkMapping(mapping: unknown): void {
  if (!isObject(mapping) || typeof mapping['google.subject'] !== 'string')
    throw createBadArgument('attributeMapping must map google.subject.');
  const entries = Object.entries(mapping);
  if (entries.filter(([key]) => key.startsWith('attribute.')).length > 50)
    throw createBadArgument('attributeMapping can have up to 50 attributes.');
  for (const [key, expression] of entries) {
    if (!/^(?:google\.(?:subject|groups)|attribute\.[a-z0-9_]{1,90})$/.test(key))
      throw createBadArgument(`attributeMapping cannot map ${key}.`);
    if (typeof expression !== 'string' || expression.length === 0 || expression.length > 2048)
      throw createBadArgument(`The expression of ${key} must have 1 to 2048 characters.`);
  }
}

/** Reads a policy. Refuses conditions on bindings: ignoring them would grant too much. */
function readPolicy(text: string): Binding[] {
  const bindings = parseObject(text)?.bindings ?? [];
  if (!Array.isArray(bindings)) throw createBadArgument('The policy has no bindings.');
  return bindings.map((binding: unknown) => {
    const { role, members, condition } = isObject(binding) ? binding : {};
    if (typeof role !== 'string' || !isTextList(members))
      throw createBadArgument('A binding needs a role and members.');
    if (condition !== undefined) throw createBadArgument('The sandbox does not evaluate conditions on bindings.');
    return { role, members };
  });
}

function createBadArgument(message: string) {
  return createApiRefusal('INVALID_ARGUMENT', message);
}
