import { Provider } from 'oidc-provider';
import { asArsiaError } from '../core/errors.ts';
import { compareSecretsByHash } from './clients.ts';
import { createConclusion } from './conclusion.ts';
import { configure, type ProviderParts } from './configuration.ts';
import { createTokenExchange, type ExchangeParameters, exchangeParameters } from './grants/tokenexchange.ts';
import { accessTokenPrefix, tokenExchangeGrant } from './names.ts';
import type { Exchange, PublishedKeys } from './ports.ts';

const refusals = [
  'grant.error',
  'introspection.error',
  'revocation.error',
  'jwks.error',
  'discovery.error',
  'server_error',
] as const;

/** One oidc-provider over one state of the keys: it reads its keys once, so that a change of keys needs a new one. */
export function buildProvider(parts: ProviderParts, keys: PublishedKeys): Provider {
  const { authorizationIssuer, turns, log, record } = parts;
  const provider = new Provider(authorizationIssuer, configure(parts, keys));
  compareSecretsByHash(provider);
  prefixAccessTokens(provider);
  pinToIssuer(provider);
  provider.registerGrantType<ExchangeParameters>(
    tokenExchangeGrant,
    async (ctx) => {
      const exchange: Exchange = async (request) => {
        try {
          return await parts.exchange(request);
        } catch (thrown) {
          turns.of(ctx).isRecorded = true;
          throw asArsiaError(thrown);
        }
      };
      await createTokenExchange(exchange, () => turns.of(ctx).request_id)(ctx);
    },
    exchangeParameters,
  );
  provider.use(createConclusion({ turns, log, record }));
  // The overloads of the types take one event name at a time; all of these are called alike.
  for (const event of refusals)
    provider.on(event as 'server_error', (ctx, error) => {
      turns.of(ctx).thrown = error;
    });
  // The types know the events of oidc-provider alone; this one is koa's.
  provider.on('error' as 'server_error', (error: unknown) =>
    log.error({ err: error }, 'authorization server connection failed'),
  );
  return provider;
}

function prefixAccessTokens(provider: Provider): void {
  // The types leave this method out; oidc-provider calls it on every model that it saves.
  type Generating = { prototype: { generateTokenId(): string } };
  for (const model of [provider.AccessToken, provider.ClientCredentials] as unknown as Generating[]) {
    const generate = model.prototype.generateTokenId;
    model.prototype.generateTokenId = function generateTokenId() {
      return `${accessTokenPrefix}${generate.call(this)}`;
    };
  }
}

/**
 * Every URL comes from the configured issuer, whatever `Host`, `X-Forwarded-*` or an absolute request target say (threats.md
 * N46): discovery, and the audiences that client assertions may have.
 */
function pinToIssuer(provider: Provider): void {
  const { protocol, host, href } = new URL(provider.issuer);
  provider.OIDCContext.prototype.urlFor = (name, options) => provider.urlFor(name, options);
  Object.defineProperties(provider.request, {
    protocol: { value: protocol.slice(0, -1) },
    host: { value: host },
    href: { value: href },
  });
}
