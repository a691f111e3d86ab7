import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { ArsiaError, asArsiaError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import type { RequestOrigin } from '../core/origin.ts';
import { descriptionText, type Refusal, refusalOf } from './errors.ts';
import { ownClient } from './names.ts';
import type { AuthorizationServerParts, PublishedKeys } from './ports.ts';
import { buildProvider } from './provider.ts';
import { createTurns } from './requestcontext.ts';
import { endpoints, pathOf, queryOf, type Route, routesOf } from './routes.ts';

export interface AccessTokenRequest {
  /** A user or a service account; both must exist. */
  principal_id: string;
  /** Seconds. */
  lifetime: number;
}

export interface AuthorizationServer {
  issuer: string;
  /** Is this path of a request (without its query) one of the authorization server's, offered or not? */
  owns(path: string): boolean;
  /** Is it one that everybody reads, such as metadata and keys? These are never limited. */
  isDocument(path: string): boolean;
  /** What does the endpoint at this path look at to know who asks? */
  provedBy(path: string): 'client' | 'grant' | 'bearer' | 'nothing';
  /**
   * Answers a request whose path it owns; resolves when the answer is complete. The body must not have been read. Under
   * koa: `ctx.respond = false`, then await this.
   */
  handle(request: IncomingMessage, response: ServerResponse, context: { origin: RequestOrigin }): Promise<void>;
  /** An access token without OAuth, for `arsia server bootstrap`; introspection and revocation know it. The caller records it. */
  issueAccessToken(request: AccessTokenRequest): Promise<string>;
}

/** oidc-provider at `<issuer>/oauth2`. Throws when oidc-provider refuses its configuration or the keys. */
export function createAuthorizationServer(parts: AuthorizationServerParts): AuthorizationServer {
  const { keys, log } = parts;
  const issuer = `${parts.issuer}/oauth2`;
  const { pathname } = new URL(issuer);
  const routeAt = routesOf(issuer, parts.signIn !== undefined);
  const turns = createTurns();
  let current = build();
  // Requests under way finish on the provider that they began on.
  keys.onChange(() => {
    try {
      current = build();
    } catch (error) {
      log.error({ err: error }, 'the authorization server keeps its former keys: the new ones do not fit');
    }
  });

  function build() {
    const state = stateOf(parts);
    if (state === undefined) return undefined;
    const provider = buildProvider({ ...parts, authorizationIssuer: issuer, turns }, state);
    return { provider, callback: provider.callback() };
  }

  /** The route of the keys with what a cache may do with them now, or why they are withheld. */
  function keysRoute(route: Route): Route | PlainRefusal {
    try {
      return { ...route, cache: `public, max-age=${keys.publication().maximum_age}` };
    } catch (error) {
      return refusalOf(asArsiaError(error));
    }
  }

  return {
    issuer,
    owns: (path) => path === pathname || path.startsWith(`${pathname}/`) || routeAt(path) !== undefined,
    isDocument: (path) => routeAt(path)?.action === 'metadata.read',
    provedBy: (path) => proofs[routeAt(path)?.action ?? 'metadata.read'] ?? 'nothing',
    async handle(request, response, { origin }) {
      const { url = '', method = '' } = request;
      const route = routeAt(pathOf(url));
      if (route === undefined) return answer(response, notOffered);
      if (!route.methods.includes(method)) return answer(response, wrongMethod(route));
      if (current === undefined) return answer(response, refusalOf(noKeys()));
      const offered = route.path === endpoints.jwks ? keysRoute(route) : route;
      if ('error' in offered) return answer(response, offered);
      turns.begin(request, { origin, route: offered });
      // oidc-provider knows its own paths, not where it is mounted.
      request.url = route.isPage ? route.path + queryOf(url) : route.path;
      try {
        await current.callback(request, response);
      } finally {
        request.url = url;
      }
    },
    async issueAccessToken({ principal_id, lifetime }) {
      if (current === undefined) throw noKeys();
      return await issue(current.provider, principal_id, lifetime);
    },
  };
}

const proofs: Partial<Record<Route['action'], 'client' | 'grant' | 'bearer'>> = {
  'access_token.issue': 'grant',
  'access_token.introspect': 'client',
  'access_token.revoke': 'client',
  'userinfo.read': 'bearer',
};

function stateOf({ keys, signIn }: Pick<AuthorizationServerParts, 'keys' | 'signIn'>): PublishedKeys | undefined {
  try {
    signIn?.cookieKeys();
    const { keys: published } = JSON.parse(keys.current().jwks) as { keys: Record<string, unknown>[] };
    const { kid, alg, sign } = keys.signer();
    const signUnlessWithheld = async (bytes: Uint8Array) => {
      keys.publication();
      return await sign(bytes);
    };
    return { published, signer: { kid, alg, sign: signUnlessWithheld } };
  } catch (error) {
    if (error instanceof ArsiaError && error.code === 'unavailable') return undefined;
    throw error;
  }
}

async function issue(provider: Provider, principal_id: string, lifetime: number): Promise<string> {
  const isClient = isId('service_account', principal_id);
  const client = await provider.Client.find(isClient ? principal_id : ownClient);
  if (client === undefined) throw new ArsiaError('not_found', `There is no active service account ${principal_id}.`);
  const { ClientCredentials, AccessToken } = provider;
  if (isClient) return await new ClientCredentials({ client, expiresIn: lifetime }).save();
  // oidc-provider makes these with a grant, of which introspection asks only where one is named; nobody consented here.
  const token = { client, accountId: principal_id, expiresIn: lifetime, gty: 'arsia' } as unknown;
  return await new AccessToken(token as ConstructorParameters<typeof AccessToken>[0]).save();
}

function noKeys(): ArsiaError {
  return new ArsiaError('unavailable', 'The keys of the authorization server are not loaded yet.');
}

type PlainRefusal = Pick<Refusal, 'status' | 'error' | 'description' | 'retry_after'> & { allow?: string };

const notOffered: PlainRefusal = {
  status: 404,
  error: 'invalid_request',
  description: 'there is no such endpoint: the metadata of the authorization server lists what is offered',
  retry_after: undefined,
};

function wrongMethod(route: Route): PlainRefusal {
  const allow = route.methods.join(', ');
  return { ...notOffered, status: 405, description: `this endpoint takes ${allow}`, allow };
}

function answer(response: ServerResponse, { status, error, description, retry_after, allow }: PlainRefusal): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  if (allow !== undefined) response.setHeader('Allow', allow);
  if (retry_after !== undefined) response.setHeader('Retry-After', String(retry_after));
  response.end(JSON.stringify({ error, error_description: descriptionText(description) }));
}
