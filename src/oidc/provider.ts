import { Provider } from 'oidc-provider';
import { asArsiaError } from '../core/errors.ts';
import { compareSecretsByHash } from './clients.ts';
import { createConclusion } from './conclusion.ts';
import { configure, type ProviderParts } from './configuration.ts';
import { createTokenExchange, type ExchangeParameters, exchangeParameters } from './grants/tokenexchange.ts';
import { accessTokenPrefix, refreshTokenPrefix, tokenExchangeGrant } from './names.ts';
import type { PublishedKeys } from './ports.ts';
import { createDoor } from './signin/handlers.ts';
import { createInteractions } from './signin/interactions.ts';
import { keepEndedSessions } from './signin/sessions.ts';
import { paceDevices } from './signin/throttle.ts';

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

/** One oidc-provider over one state of the keys: it reads its keys once, so that a change of keys needs a new one. */
export function buildProvider(parts: ProviderParts, keys: PublishedKeys): Provider {
  const { authorizationIssuer, turns, log, record, signIn } = parts;
  const provider = new Provider(authorizationIssuer, configure(parts, keys));
  compareSecretsByHash(provider);
  prefixTokens(provider);
  pinToIssuer(provider);
  provider.registerGrantType<ExchangeParameters>(
    tokenExchangeGrant,
    async (ctx) => {
      const { origin } = turns.of(ctx);
      const recorded = async <Result>(work: Promise<Result>): Promise<Result> => {
        try {
          return await work;
        } catch (thrown) {
          turns.of(ctx).isRecorded = true;
          throw asArsiaError(thrown);
        }
      };
      await createTokenExchange({
        origin,
        exchange: (request) => recorded(parts.exchange(request)),
        outside: (request, issue) => recorded(parts.outside(request, issue)),
      })(ctx);
    },
    exchangeParameters,
  );
  if (signIn !== undefined) {
    paceDevices(provider, parts);
    keepEndedSessions(provider, parts.clock);
    provider.use(createInteractions({ ...parts, signIn, provider }));
  }
  provider.use(createConclusion({ turns, log, record, isSignInOffered: signIn !== undefined }));
  if (signIn !== undefined) provider.use(createDoor(parts));
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

function prefixTokens(provider: Provider): void {
  const { AccessToken, ClientCredentials, RefreshToken } = provider;
  for (const [model, prefix] of [
    [AccessToken, accessTokenPrefix],
    [ClientCredentials, accessTokenPrefix],
    [RefreshToken, refreshTokenPrefix],
    // The types leave this method out; oidc-provider calls it on every model that it saves.
  ] as unknown as [{ prototype: { generateTokenId(): string } }, string][]) {
    const generate = model.prototype.generateTokenId;
    model.prototype.generateTokenId = function generateTokenId() {
      return `${prefix}${generate.call(this)}`;
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
