import type { Configuration, JWKS, KoaContextWithOIDC } from 'oidc-provider';
import { clientAssertionAlgorithms } from '../core/clientkeys.ts';
import { accessTokenLifetime } from '../core/lifetimes.ts';
import { createAdapters } from './adapter.ts';
import { createAssertionCheck } from './assertions.ts';
import { builtInClients, createClientLookup, peopleClients, secretHashes } from './clients.ts';
import { noScope } from './errors.ts';
import { clientAuthMethods, furtherMetadata } from './metadata.ts';
import { clockTolerance } from './names.ts';
import { createPolicies } from './policies.ts';
import type { AuthorizationServerParts, PublishedKeys } from './ports.ts';
import type { Turns } from './requestcontext.ts';
import { endpoints } from './routes.ts';
import { configureSignIn } from './signin/configuration.ts';
import { externalKeys } from './signing.ts';

export interface ProviderParts extends AuthorizationServerParts {
  /** The authorization server's own issuer. */
  authorizationIssuer: string;
  turns: Turns;
}

const off = { enabled: false } as const;

/** Everything that oidc-provider would do by default and that is not offered is switched off by name. */
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
    // Our clients are servers; a page of another origin has no business with their secrets.
    clientBasedCORS: () => false,
    clientDefaults: { id_token_signed_response_alg: keys.signer.alg },
    clients: [...builtInClients, ...(people ? peopleClients(parts.issuer) : [])],
    clockTolerance,
    discovery: furtherMetadata,
    enabledJWA: { clientAuthSigningAlgValues: clientAssertionAlgorithms, idTokenSigningAlgValues: ['RS256', 'ES256'] },
    extraClientMetadata: { properties: [secretHashes] },
    extraTokenClaims(ctx: KoaContextWithOIDC | undefined, token) {
      if (token.kind !== 'ClientCredentials') return undefined;
      // The last place before the token is stored. oidc-provider drops unknown scopes and says nothing.
      if (ctx?.oidc.body?.scope) throw noScope();
      // RFC 7662 2.2, as RFC 9068 2.2 has it: without a resource owner the subject is the client.
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
    // Nothing that a client registers is ever fetched. oidc-provider's own guard against internal addresses only warns
    // where it cannot be set up (threats.md M16).
    fetch: () => Promise.reject(new Error('the authorization server makes no requests of its own')),
    async findAccount(_ctx, accountId) {
      if (!(await principals.isActive(accountId))) return undefined;
      return {
        accountId,
        claims: async () => ({ sub: accountId, login: people && (await principals.login(accountId)) }),
      };
    },
    formats: { bitsOfOpaqueRandomness: 256 },
    jwks: { keys: externalKeys(keys) } as JWKS,
    renderError(ctx, out) {
      ctx.body = out;
    },
    responseTypes: people?.responseTypes ?? [],
    routes: { ...endpoints, ...people?.routes },
    scopes: ['openid'],
    ttl: { AccessToken: accessTokenLifetime, ClientCredentials: accessTokenLifetime, ...people?.ttl },
  };
}
