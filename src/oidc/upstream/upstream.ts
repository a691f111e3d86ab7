import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  type CustomFetch,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import type { Outbound } from '../../outbound/outbound.ts';
import type { Person } from '../../services/people/signinperson.ts';
import { createUnavailableError, createUnverifiedError, toArsiaError } from './faults.ts';
import { createLimitedFetch } from './fetch.ts';
import { type Claims, createPerson } from './person.ts';

export interface UpstreamSettings {
  /** The `iss` of the provider's tokens, byte for byte. */
  issuer: string;
  client_id: string;
  client_secret: string;
  /** The redirect URI that is registered at the provider. */
  redirect_uri: string;
  /** Space-separated, `openid` among them. */
  scopes: string;
  /** The claim that holds the names of a person's teams. */
  teams_claim?: string | undefined;
}

/** The values to store while a person is at the provider. The response carries `state`. */
export interface UpstreamRequest {
  state: string;
  nonce: string;
  code_verifier: string;
}

/** The identity provider of people: authorization code with PKCE, state and nonce (RFC 9700 2.1). */
export interface Upstream {
  /**
   * Creates an authorization request. With `isFresh` the provider must authenticate the person again. Throws
   * `sign_in_unavailable`.
   */
  begin(options: { isFresh: boolean }): Promise<UpstreamRequest & { url: string }>;
  /** Verifies the response and returns the person. Throws `sign_in_refused` and `sign_in_unavailable`. */
  finish(answer: URLSearchParams, request: UpstreamRequest): Promise<Person>;
}

interface UpstreamParts {
  clock: Clock;
  outbound: Outbound;
}

/** Seconds for each request to the provider. */
const timeout = 5;
/** Milliseconds that the metadata is cached. openid-client caches the keys, for 5 minutes. */
const metadataLifetime = 60 * 60 * 1000;

export function createUpstream(settings: UpstreamSettings, { clock, outbound }: UpstreamParts): Upstream {
  const { issuer, redirect_uri } = settings;
  const fetch = createLimitedFetch(outbound);
  let held: { configuration: Configuration; until: number } | undefined;

  async function loadConfiguration(): Promise<Configuration> {
    if (held !== undefined && clock.now() < held.until) return held.configuration;
    try {
      held = { configuration: await discover(settings, fetch), until: clock.now() + metadataLifetime };
    } catch (thrown) {
      // Expired metadata is better than none.
      if (held === undefined) throw createUnavailableError(thrown, 'metadata');
    }
    return held.configuration;
  }

  return {
    async begin({ isFresh }) {
      const configuration = await loadConfiguration();
      const request = { state: randomState(), nonce: randomNonce(), code_verifier: randomPKCECodeVerifier() };
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri,
        scope: settings.scopes,
        state: request.state,
        nonce: request.nonce,
        code_challenge: await calculatePKCECodeChallenge(request.code_verifier),
        code_challenge_method: 'S256',
        ...(isFresh && { prompt: 'login' }),
      });
      return { ...request, url: url.href };
    },

    async finish(answer, { state, nonce, code_verifier }) {
      const configuration = await loadConfiguration();
      // The registered URL and not the URL of the request, whose `Host` a caller can choose.
      const url = new URL(redirect_uri);
      url.search = answer.toString();
      try {
        const tokens = await authorizationCodeGrant(configuration, url, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: code_verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims()!;
        // A multi-tenant provider can issue tokens with the issuer of another tenant.
        if (claims.iss !== issuer) throw createUnverifiedError('the claim iss is wrong');
        if (!/^[\x20-\x7e]{1,255}$/.test(claims.sub)) throw createUnverifiedError('the claim sub is wrong');
        const more = await fetchFurtherClaims(configuration, settings, tokens.access_token, claims);
        return createPerson(claims, more, settings.teams_claim);
      } catch (thrown) {
        throw toArsiaError(thrown);
      }
    },
  };
}

/** Reads userinfo when the ID token does not have the needed claims. Many providers put only the subject into it. */
async function fetchFurtherClaims(
  configuration: Configuration,
  { teams_claim }: UpstreamSettings,
  accessToken: string,
  claims: Claims & { sub: string },
): Promise<Claims> {
  const isComplete = 'email' in claims && (teams_claim === undefined || teams_claim in claims);
  if (isComplete || configuration.serverMetadata().userinfo_endpoint === undefined) return {};
  return await fetchUserInfo(configuration, accessToken, claims.sub);
}

async function discover(
  { issuer, client_id, client_secret }: UpstreamSettings,
  fetch: CustomFetch,
): Promise<Configuration> {
  const isLoopback = issuer.startsWith('http:');
  const configuration = await discovery(new URL(issuer), client_id, client_secret, authenticate(client_secret), {
    [customFetch]: fetch,
    timeout,
    // The signature of an ID token is verified although TLS protects it: a TLS proxy must not be able to sign people in.
    execute: [enableNonRepudiationChecks, ...(isLoopback ? [allowInsecureRequests] : [])],
  });
  const metadata = configuration.serverMetadata();
  if (metadata.issuer !== issuer)
    throw new ArsiaError(
      'sign_in_unavailable',
      `Its discovery document has another issuer than ARSIA_SIGN_IN_ISSUER, which is compared byte for byte: ${quoteIssuer(metadata.issuer)}.`,
    );
  const { protocol } = new URL(String(metadata.authorization_endpoint));
  if (protocol !== 'https:' && !(isLoopback && protocol === 'http:'))
    throw new ArsiaError('sign_in_unavailable', 'Its authorization endpoint is not https.');
  return configuration;
}

/** Quotes an issuer of the provider only if it is a plain URL: pages and audit events show the text. */
function quoteIssuer(issuer: string): string {
  return /^https?:\/\/[\w.:/~-]{1,200}$/.test(issuer) ? issuer : 'no plain URL';
}

/**
 * Selects the authentication method of the metadata; the default is `client_secret_basic` (OpenID Connect Discovery 1.0,
 * section 3).
 */
function authenticate(secret: string): ClientAuth {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const method = methods.includes('client_secret_basic') ? basic : post;
    method(server, client, body, headers);
  };
}
