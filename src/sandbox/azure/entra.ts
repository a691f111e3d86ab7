import type { JWK } from 'jose';
import type { Clock } from '../../core/clock.ts';
import { readForm } from '../form.ts';
import { type KeyCache, makeKeyCache } from '../keycache.ts';
import type { Answer, Cloud, Request } from '../listener.ts';
import { Refusal } from '../refusal.ts';
import { type AccessTokens, accessTokenLifetime, makeAccessTokens } from './accesstoken.ts';
import { checkAssertion, entraCachePolicy } from './assertion.ts';
import { type Directory, makeDirectory } from './directory.ts';
import { createAadstsRefusal, createErrorAnswer, createFaultRefusal, createJsonAnswer } from './errors.ts';

interface Entra {
  origin: string;
  clock: Clock;
  directory: Directory;
  keys: KeyCache;
  tokens: AccessTokens;
}

type Route = (entra: Entra, tenant: string, request: Request) => Answer | Promise<Answer>;

/** Routes by the path after the tenant. */
const routes: Readonly<Record<string, { operation: string; answer: Route }>> = {
  '/oauth2/v2.0/token': { operation: 'Token', answer: token },
  '/v2.0/.well-known/openid-configuration': { operation: 'OpenIdConfiguration', answer: discovery },
  '/discovery/v2.0/keys': { operation: 'Keys', answer: jwks },
};

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const requiredParameters = ['grant_type', 'client_id', 'scope', 'client_assertion_type', 'client_assertion'];

/** Creates Entra (cloud-facts.md 2). `cloudAt` builds the endpoint when its origin is known; `directory` can be used before. */
export async function makeEntra(
  clock: Clock,
  fetchKeys: (issuer: string) => Promise<JWK[]>,
): Promise<{ cloudAt: (origin: string) => Cloud; directory: Directory }> {
  const directory = makeDirectory(clock);
  const keys = makeKeyCache(entraCachePolicy, clock, fetchKeys);
  let issuers = '';
  const tokens = await makeAccessTokens(clock, (tenant) => `${issuers}/${tenant}/v2.0`);
  return {
    directory,
    cloudAt(origin) {
      issuers = origin;
      return createCloud({ origin, clock, directory, keys, tokens });
    },
  };
}

function createCloud(entra: Entra): Cloud {
  return {
    describe(request) {
      const { tenant, route } = match(request.path);
      const form = readForm(request);
      const shown = ['client_id', 'scope'].flatMap((name) => (form.has(name) ? [[name, form.get(name)!]] : []));
      return { operation: route?.operation ?? 'Unknown', parameters: { tenant, ...Object.fromEntries(shown) } };
    },
    async answer(request) {
      const { tenant, route } = match(request.path);
      if (!route) return createJsonAnswer(404, { error: 'not_found' });
      try {
        return await route.answer(entra, tenant, request);
      } catch (error) {
        if (error instanceof Refusal) return createErrorAnswer(error, entra.clock, readCorrelationId(request));
        throw error;
      }
    },
    unavailable: (status) => createErrorAnswer(createFaultRefusal(status), entra.clock),
  };
}

/** Handles the client credentials grant with a federated assertion (cloud-facts.md 2.2). */
async function token(entra: Entra, tenant: string, request: Request): Promise<Answer> {
  if (request.method !== 'POST') throw createAadstsRefusal(900561, request.method);
  const form = readForm(request);
  for (const name of requiredParameters) {
    if (!form.get(name)) throw createAadstsRefusal(900144, name);
  }
  if (!entra.directory.hasTenant(tenant)) throw createAadstsRefusal(90002, tenant);
  const grantType = form.get('grant_type')!;
  if (grantType !== 'client_credentials') throw createAadstsRefusal(70003, grantType);
  const clientId = form.get('client_id')!;
  const application = entra.directory.findApplication(tenant, clientId);
  if (!application) throw createAadstsRefusal(700016, clientId);
  const resource = parseResource(form.get('scope')!);
  if (form.get('client_assertion_type') !== assertionType) throw createAadstsRefusal(50027);
  if (application.credentials.length === 0) throw createAadstsRefusal(70025, application.client_id);
  await checkAssertion(form.get('client_assertion')!, application, entra.keys, entra.clock.now());
  return createJsonAnswer(200, {
    token_type: 'Bearer',
    expires_in: accessTokenLifetime,
    ext_expires_in: accessTokenLifetime,
    access_token: await entra.tokens.sign(application, resource),
  });
}

/** Parses the resource of the one scope `<resource>/.default`. */
function parseResource(scope: string): string {
  const resource = /^(\S+)\/\.default$/.exec(scope)?.[1];
  if (resource === undefined) throw createAadstsRefusal(70011, scope);
  return resource;
}

/**
 * Returns the discovery document that MSAL reads of an unknown authority. MSAL requires an authorization endpoint; none is
 * served.
 */
function discovery(entra: Entra, tenant: string): Answer {
  if (!entra.directory.hasTenant(tenant)) throw createAadstsRefusal(90002, tenant);
  const base = `${entra.origin}/${tenant}`;
  return createJsonAnswer(200, {
    issuer: `${base}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/oauth2/v2.0/token`,
    jwks_uri: `${base}/discovery/v2.0/keys`,
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    response_types_supported: ['code', 'id_token'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
    claims_supported: ['aud', 'iss', 'iat', 'nbf', 'exp', 'sub', 'oid', 'tid', 'azp', 'ver'],
    tenant_region_scope: null,
    cloud_instance_name: new URL(entra.origin).hostname,
  });
}

function jwks(entra: Entra, tenant: string): Answer {
  if (!entra.directory.hasTenant(tenant)) throw createAadstsRefusal(90002, tenant);
  return createJsonAnswer(200, entra.tokens.jwks);
}

function match(path: string): { tenant: string; route: (typeof routes)[string] | undefined } {
  const [, tenant = '', rest = ''] = /^\/([^/]+)(\/.*)$/.exec(path) ?? [];
  return { tenant, route: Object.hasOwn(routes, rest) ? routes[rest] : undefined };
}

function readCorrelationId(request: Request): string | undefined {
  const id = readForm(request).get('client-request-id') ?? request.headers['client-request-id'];
  return typeof id === 'string' && /^[0-9a-f-]{36}$/i.test(id) ? id : undefined;
}
