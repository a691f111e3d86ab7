import { Provider } from 'oidc-provider';
import { asArsiaError } from '../core/errors.ts';
import { compareSecretsByHash } from './clients.ts';
import { configure, type ProviderParts } from './configuration.ts';
import { createTokenExchange, type ExchangeParameters, exchangeParameters } from './grants/tokenexchange.ts';
import { accessTokenPrefix, refreshTokenPrefix, tokenExchangeGrant } from './names.ts';
import { createOutcomeHandler } from './outcomes.ts';
import type { PublishedKeys } from './ports.ts';
import { createPageHandlers } from './signin/handlers.ts';
import { createInteractions } from './signin/interactions.ts';
import { keepEndedSessions } from './signin/sessions.ts';
import { throttleDevices } from './signin/throttle.ts';

const refusals = [
  'grant.error',
  'introspection.error',
  'revocation.error',
  'jwks.error',
  'discovery.error',
  'authorization.error',
  'device_authorization.error',
  'code_verification.error',
  'device_resume.error',
  'userinfo.error',
  'end_session.error',
  'end_session_confirm.error',
  'end_session_success.error',
  'server_error',
] as const;

/** Builds an oidc-provider. It reads its keys once, so that a change of keys needs a new one. */
export function buildProvider(parts: ProviderParts, keys: PublishedKeys): Provider {
  const { authorizationIssuer, requestContexts, log, record, signIn } = parts;
  const provider = new Provider(authorizationIssuer, configure(parts, keys));
  compareSecretsByHash(provider);
  prefixTokens(provider);
  pinToIssuer(provider);
  provider.registerGrantType<ExchangeParameters>(
    tokenExchangeGrant,
    async (ctx) => {
      const { origin, logged } = requestContexts.get(ctx);
      const recorded = async <Result>(work: Promise<Result>): Promise<Result> => {
        try {
          return await work;
        } catch (thrown) {
          requestContexts.get(ctx).isRecorded = true;
          throw asArsiaError(thrown);
        }
      };
      await createTokenExchange({
        origin,
        logged,
        exchange: (request) => recorded(parts.exchange(request)),
        outside: (request, issue) => recorded(parts.outside(request, issue)),
      })(ctx);
    },
    exchangeParameters,
  );
  if (signIn !== undefined) {
    throttleDevices(provider, parts);
    keepEndedSessions(provider, parts.clock);
    provider.use(createInteractions({ ...parts, signIn, provider }));
  }
  provider.use(createOutcomeHandler({ requestContexts, log, record, isSignInOffered: signIn !== undefined }));
  if (signIn !== undefined) provider.use(createPageHandlers(parts));
  // The overloads of the types accept one event name at a time; the listeners of all these events have the same parameters.
  for (const event of refusals)
    provider.on(event as 'server_error', (ctx, error) => {
      requestContexts.get(ctx).thrown = error;
    });
  // The types have only the events of oidc-provider; this event is koa's.
  provider.on('error' as 'server_error', (error: unknown) =>
    log.error({ err: error }, 'authorization server connection failed'),
  );
  return provider;
}

function prefixTokens(provider: Provider): void {
  const { AccessToken, ClientCredentials, RefreshToken } = provider;
  for (const [model, prefix] of [
    [AccessToken, accessTokenPrefix],
    [ClientCredentials, accessTokenPrefix],
    [RefreshToken, refreshTokenPrefix],
    // The types do not have this method; oidc-provider calls it on every model that it saves.
  ] as unknown as [{ prototype: { generateTokenId(): string } }, string][]) {
    const generate = model.prototype.generateTokenId;
    model.prototype.generateTokenId = function generateTokenId() {
      return `${prefix}${generate.call(this)}`;
    };
  }
}

/**
 * Makes oidc-provider build every URL (in discovery, and the audiences of client assertions) from the configured issuer, and
 * not from `Host`, `X-Forwarded-*` or an absolute request target (threats.md N46).
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
