import type { Configuration, JWKS, KoaContextWithOIDC } from 'oidc-provider';
import { clientAssertionAlgorithms, clientAuthMethods } from '../core/clientkeys.ts';
import { accessTokenLifetime } from '../core/lifetimes.ts';
import { createAdapters } from './adapter.ts';
import { createAssertionCheck } from './assertions.ts';
import { builtInClients, createClientLookup, createPeopleClients, secretHashes } from './clients.ts';
import { createScopeError } from './errors.ts';
import { furtherMetadata } from './metadata.ts';
import { clockTolerance } from './names.ts';
import { createPolicies } from './policies.ts';
import type { AuthorizationServerParts, PublishedKeys } from './ports.ts';
import type { RequestContexts } from './requestcontext.ts';
import { endpoints } from './routes.ts';
import { configureSignIn } from './signin/configuration.ts';
import { createExternalKeys } from './signing.ts';

export interface ProviderParts extends AuthorizationServerParts {
  /** The issuer of the authorization server: `<ARSIA_ISSUER>/oauth2`. */
  authorizationIssuer: string;
  requestContexts: RequestContexts;
}

const off = { enabled: false } as const;

/** Creates the configuration of oidc-provider. Every default feature that Arsia does not offer is disabled by name. */
export function configure(parts: ProviderParts, keys: PublishedKeys): Configuration {
  const { artifacts, clock, principals, authorizationIssuer } = parts;
  const policies = createPolicies(parts);
  const { signIn } = parts;
  const people = signIn && configureSignIn({ ...parts, signIn });
  return {
    ...people,
    adapter: createAdapters({ artifacts, clock, lookupClient: createClientLookup(parts.clients, clock) }),
    assertJwtClientAuthClaimsAndHeader: createAssertionCheck(authorizationIssuer, clock),
    clientAuthMethods: [...clientAuthMethods],
    // Clients are servers or pages of this origin. A page of another origin must not use their secrets.
    clientBasedCORS: () => false,
    clientDefaults: { id_token_signed_response_alg: keys.signer.alg },
    clients: [...builtInClients, ...(people ? createPeopleClients(parts.issuer) : [])],
    clockTolerance,
    discovery: furtherMetadata,
    enabledJWA: { clientAuthSigningAlgValues: clientAssertionAlgorithms, idTokenSigningAlgValues: ['RS256', 'ES256'] },
    extraClientMetadata: { properties: [secretHashes] },
    extraTokenClaims(ctx: KoaContextWithOIDC | undefined, token) {
      if (token.kind !== 'ClientCredentials') return undefined;
      // The last check before the token is stored: oidc-provider silently drops unknown scopes.
      if (ctx?.oidc.body?.scope) throw createScopeError();
      // Without a resource owner the subject is the client (RFC 7662 2.2, RFC 9068 2.2).
      return { sub: token.clientId, ...token.extra };
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: off,
      dPoP: off,
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      introspection: { enabled: true, allowedPolicy: policies.mayIntrospect },
      pushedAuthorizationRequests: off,
      resourceIndicators: off,
      revocation: { enabled: true, allowedPolicy: policies.mayRevoke },
      rpInitiatedLogout: off,
      userinfo: off,
      ...people?.features,
    },
    // URLs that a client registers are never fetched. oidc-provider's own protection against internal addresses only warns
    // when it cannot be enabled (threats.md M16).
    fetch: () => Promise.reject(new Error('the authorization server makes no requests of its own')),
    async findAccount(_ctx, accountId) {
      if (!(await principals.isActive(accountId))) return undefined;
      return {
        accountId,
        claims: async () => ({ sub: accountId, login: people && (await principals.login(accountId)) }),
      };
    },
    formats: { bitsOfOpaqueRandomness: 256 },
    jwks: { keys: createExternalKeys(keys) } as JWKS,
    renderError(ctx, out) {
      ctx.body = out;
    },
    responseTypes: people?.responseTypes ?? [],
    routes: { ...endpoints, ...people?.routes },
    scopes: ['openid'],
    ttl: { AccessToken: accessTokenLifetime, ClientCredentials: accessTokenLifetime, ...people?.ttl },
  };
}
