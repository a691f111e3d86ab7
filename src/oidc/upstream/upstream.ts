import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
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
import type { Person } from '../../services/people/signinoptions.ts';
import { faultOf, unavailable, unproven } from './faults.ts';
import { limitedFetch } from './fetch.ts';
import { type Claims, personOf } from './person.ts';

export interface UpstreamSettings {
  /** As the provider writes it in its tokens, byte for byte. */
  issuer: string;
  client_id: string;
  client_secret: string;
  /** Where the provider sends people back to; registered there. */
  redirect_uri: string;
  /** Space-separated, `openid` among them. */
  scopes: string;
  /** The claim that holds the names of a person's teams. */
  teams_claim?: string | undefined;
}

/** What must be remembered of a person who was sent to the provider; `state` finds it again. */
export interface UpstreamRequest {
  state: string;
  nonce: string;
  code_verifier: string;
}

/** The identity provider that people sign in at: authorization code with PKCE, state and nonce (RFC 9700 2.1). */
export interface Upstream {
  /** `isFresh`: the provider must ask the person anew. Throws `sign_in_unavailable`. */
  begin(options: { isFresh: boolean }): Promise<UpstreamRequest & { url: string }>;
  /** Verifies the answer and says who came. Throws `sign_in_refused` or `sign_in_unavailable`. */
  finish(answer: URLSearchParams, request: UpstreamRequest): Promise<Person>;
}

/** Seconds for each request to the provider. */
const timeout = 5;
/** Milliseconds that its metadata is kept; its keys openid-client keeps by itself, 5 minutes. */
const metadataLifetime = 60 * 60 * 1000;

export function createUpstream(settings: UpstreamSettings, clock: Clock): Upstream {
  const { issuer, redirect_uri } = settings;
  let held: { configuration: Configuration; until: number } | undefined;

  async function configurationOf(): Promise<Configuration> {
    if (held !== undefined && clock.now() < held.until) return held.configuration;
    try {
      held = { configuration: await discover(settings), until: clock.now() + metadataLifetime };
    } catch (thrown) {
      // The metadata of an hour ago is better than none.
      if (held === undefined) throw unavailable(thrown);
    }
    return held.configuration;
  }

  return {
    async begin({ isFresh }) {
      const configuration = await configurationOf();
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
      const configuration = await configurationOf();
      // Not the URL that was asked for: whatever `Host` says, the provider knows this one.
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
        // A provider of many tenants may write another issuer than its metadata has: that is somebody else.
        if (claims.iss !== issuer) throw unproven('the claim iss is wrong');
        if (!/^[\x20-\x7e]{1,255}$/.test(claims.sub)) throw unproven('the claim sub is wrong');
        const more = await furtherClaims(configuration, settings, tokens.access_token, claims);
        return personOf(claims, more, settings.teams_claim);
      } catch (thrown) {
        throw faultOf(thrown);
      }
    },
  };
}

/** Many providers put no more than the subject into an ID token. */
async function furtherClaims(
  configuration: Configuration,
  { teams_claim }: UpstreamSettings,
  accessToken: string,
  claims: Claims & { sub: string },
): Promise<Claims> {
  const isComplete = 'email' in claims && (teams_claim === undefined || teams_claim in claims);
  if (isComplete || configuration.serverMetadata().userinfo_endpoint === undefined) return {};
  return await fetchUserInfo(configuration, accessToken, claims.sub);
}

async function discover({ issuer, client_id, client_secret }: UpstreamSettings): Promise<Configuration> {
  const isLoopback = issuer.startsWith('http:');
  const configuration = await discovery(new URL(issuer), client_id, client_secret, authenticate(client_secret), {
    [customFetch]: limitedFetch,
    timeout,
    // The signature of an ID token is checked though TLS vouches for it: a proxy in between must not decide who comes in.
    execute: [enableNonRepudiationChecks, ...(isLoopback ? [allowInsecureRequests] : [])],
  });
  const metadata = configuration.serverMetadata();
  if (metadata.issuer !== issuer)
    throw new ArsiaError('sign_in_unavailable', `The identity provider calls itself ${metadata.issuer}.`);
  const { protocol } = new URL(String(metadata.authorization_endpoint));
  if (protocol !== 'https:' && !(isLoopback && protocol === 'http:'))
    throw new ArsiaError('sign_in_unavailable', 'The authorization endpoint of the identity provider is not https.');
  return configuration;
}

/** As the provider says, `client_secret_basic` where it says nothing (OpenID Connect Discovery 1.0, section 3). */
function authenticate(secret: string): ClientAuth {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const method = methods.includes('client_secret_basic') ? basic : post;
    method(server, client, body, headers);
  };
}
