import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { ArsiaError, asArsiaError, type ErrorCode } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import { issuerPath } from '../core/issuerurl.ts';
import type { LoggedFacts } from '../core/loggedfacts.ts';
import type { RequestOrigin } from '../core/origin.ts';
import { type Refusal, sanitizeDescription, toRefusal } from './errors.ts';
import { ownClient } from './names.ts';
import type { AuthorizationServerParts, PublishedKeys } from './ports.ts';
import { buildProvider } from './provider.ts';
import { createRequestContexts } from './requestcontext.ts';
import { createRouteLookup, endpoints, parsePath, parseQuery, type Route } from './routes.ts';

export interface AccessTokenRequest {
  /** A user or a service account; both must exist. */
  principal_id: string;
  /** Seconds. */
  lifetime: number;
}

export interface AuthorizationServer {
  issuer: string;
  /** Returns whether a path (without query) is below the authorization server, even if no endpoint has it. */
  owns(path: string): boolean;
  /** Returns whether a path is a public document such as metadata and keys. Documents are not rate-limited. */
  isDocument(path: string): boolean;
  /** Returns how the endpoint at this path authenticates its caller. */
  provedBy(path: string): 'client' | 'grant' | 'bearer' | 'nothing';
  /**
   * Responds to a request whose path it owns; resolves when the response is complete. The body must not have been read. With
   * koa: set `ctx.respond = false`, then await this.
   */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    context: { origin: RequestOrigin; logged?: LoggedFacts },
  ): Promise<void>;
  /**
   * Issues an access token without OAuth, for `arsia server bootstrap`. It can be introspected and revoked. The caller records the
   * event.
   */
  issueAccessToken(request: AccessTokenRequest): Promise<string>;
}

/** Creates oidc-provider at `<issuer>/oauth2`. Throws when oidc-provider refuses its configuration or the keys. */
export function createAuthorizationServer(parts: AuthorizationServerParts): AuthorizationServer {
  const { keys, log } = parts;
  const issuer = `${parts.issuer}/oauth2`;
  const pathname = issuerPath(issuer);
  const routeAt = createRouteLookup(issuer, parts.signIn !== undefined);
  const requestContexts = createRequestContexts();
  let current = build();
  // Requests in progress end on the provider that they started on.
  keys.onChange(() => {
    try {
      current = build();
    } catch (error) {
      log.error({ err: error }, 'the authorization server keeps its former keys: oidc-provider refused the new ones');
    }
  });

  function build() {
    const state = readKeyState(parts);
    if (state === undefined) return undefined;
    const provider = buildProvider({ ...parts, authorizationIssuer: issuer, requestContexts }, state);
    return { provider, callback: provider.callback() };
  }

  /** Returns the route of the keys with their current cache time, or the refusal while they must not be published. */
  function findKeysRoute(route: Route): Route | PlainRefusal {
    try {
      return { ...route, cache: `public, max-age=${keys.publication().maximum_age}` };
    } catch (error) {
      return toRefusal(asArsiaError(error));
    }
  }

  return {
    issuer,
    owns: (path) => path === pathname || path.startsWith(`${pathname}/`) || routeAt(path) !== undefined,
    isDocument: (path) => routeAt(path)?.action === 'metadata.read',
    provedBy: (path) => proofs[routeAt(path)?.action ?? 'metadata.read'] ?? 'nothing',
    async handle(request, response, { origin, logged = {} }) {
      const { url = '', method = '' } = request;
      const route = routeAt(parsePath(url));
      const refuse = (refusal: PlainRefusal, code: ErrorCode): void => {
        logged.error_code = code;
        answer(response, refusal);
      };
      if (route === undefined) return refuse(notOffered, 'not_found');
      logged.route = route.template;
      if (!route.methods.includes(method)) return refuse(refuseMethod(route), 'method_not_allowed');
      if (current === undefined) return refuse(toRefusal(createNoKeysError()), 'unavailable');
      const offered = route.path === endpoints.jwks ? findKeysRoute(route) : route;
      if ('error' in offered) return refuse(offered, 'unavailable');
      requestContexts.set(request, { origin, logged, route: offered });
      // oidc-provider expects its own paths, without the path at which it is mounted.
      request.url = route.isPage ? route.path + parseQuery(url) : route.path;
      try {
        await current.callback(request, response);
      } finally {
        request.url = url;
      }
    },
    async issueAccessToken({ principal_id, lifetime }) {
      if (current === undefined) throw createNoKeysError();
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

function readKeyState({ keys, signIn }: Pick<AuthorizationServerParts, 'keys' | 'signIn'>): PublishedKeys | undefined {
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
  // oidc-provider issues these under a grant. Without one, introspection does not look for it; there was no consent here.
  const token = { client, accountId: principal_id, expiresIn: lifetime, gty: 'arsia' } as unknown;
  return await new AccessToken(token as ConstructorParameters<typeof AccessToken>[0]).save();
}

function createNoKeysError(): ArsiaError {
  return new ArsiaError('unavailable', 'The keys of the authorization server are not loaded yet.');
}

type PlainRefusal = Pick<Refusal, 'status' | 'error' | 'description' | 'retry_after'> & { allow?: string };

const notOffered: PlainRefusal = {
  status: 404,
  error: 'invalid_request',
  description: 'there is no such endpoint: the metadata of the authorization server lists the endpoints',
  retry_after: undefined,
};

function refuseMethod(route: Route): PlainRefusal {
  const allow = route.methods.join(', ');
  return {
    ...notOffered,
    status: 405,
    description: `the method is not allowed for this endpoint: use ${allow}`,
    allow,
  };
}

function answer(response: ServerResponse, { status, error, description, retry_after, allow }: PlainRefusal): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  if (allow !== undefined) response.setHeader('Allow', allow);
  if (retry_after !== undefined) response.setHeader('Retry-After', String(retry_after));
  response.end(JSON.stringify({ error, error_description: sanitizeDescription(description) }));
}
