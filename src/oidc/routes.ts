import { issuerPath, wellKnown } from '../core/issuerurl.ts';
import { jwksMaximumAge } from '../core/lifetimes.ts';
import type { EndpointEvent } from '../services/issuing/endpointevent.ts';

/** Paths of the endpoints below the path of the authorization server. oidc-provider is configured with them. */
export const endpoints = {
  token: '/token',
  introspection: '/introspect',
  revocation: '/revoke',
  jwks: '/jwks',
} as const;

/** Endpoints for people. They exist only when an identity provider is configured. */
export const signInEndpoints = {
  authorization: '/authorize',
  device_authorization: '/device_authorization',
  code_verification: '/device',
  userinfo: '/userinfo',
  end_session: '/session/end',
} as const;

/** Endpoints that oidc-provider does not have. */
export const ownEndpoints = {
  interaction: '/interaction',
  /** The redirect URI at the identity provider, registered there as `<ARSIA_ISSUER>/oauth2/callback`. */
  callback: '/callback',
  /** The page of `arsia server admin link` posts the token of its URL here. */
  link: '/link',
  script: '/device.js',
} as const;

export interface Route {
  /** The path at oidc-provider. */
  path: string;
  /** The path without ids, for the log. */
  template: string;
  methods: readonly string[];
  cache: string;
  /** The action in the audit events of this route. */
  action: EndpointEvent['action'];
  /** True for routes of people: they return pages and redirects instead of JSON, and read the query. */
  isPage: boolean;
}

type Action = EndpointEvent['action'];

/** Path of the authorization server below that of the issuer. */
const mount = '/oauth2';

const documentRoute = (path: string): Route => ({
  path,
  template: mount + path,
  methods: ['GET', 'HEAD', 'OPTIONS'],
  cache: `public, max-age=${jwksMaximumAge}`,
  action: 'metadata.read',
  isPage: false,
});
const formRoute = (path: string, action: Action): Route => ({
  path,
  template: mount + path,
  methods: ['POST'],
  cache: 'no-store',
  action,
  isPage: false,
});
const pageRoute = (path: string, methods: string[], action: Action): Route => ({
  path,
  template: mount + path,
  methods,
  cache: 'no-store',
  action,
  isPage: true,
});

const { openid, oauth } = wellKnown;

/** Identifiers of interactions, as oidc-provider makes them. */
const uid = /^[\w-]{43}$/;

/**
 * Creates the look-up of routes by the path of a request. oidc-provider has further routes; a path that is not found here gets
 * 404 and does not reach it.
 */
export function createRouteLookup(issuer: string, isSignInOffered: boolean): (path: string) => Route | undefined {
  const pathname = issuerPath(issuer);
  const fixed = new Map([
    [`${pathname}${openid}`, documentRoute(openid)],
    // RFC 8414 3.1 inserts the well-known part before the path of the issuer; many clients append it instead.
    [`${oauth}${pathname}`, documentRoute(oauth)],
    [`${pathname}${oauth}`, documentRoute(oauth)],
    [`${pathname}${endpoints.jwks}`, documentRoute(endpoints.jwks)],
    ...below(pathname, [
      formRoute(endpoints.token, 'access_token.issue'),
      formRoute(endpoints.introspection, 'access_token.introspect'),
      formRoute(endpoints.revocation, 'access_token.revoke'),
      ...(isSignInOffered ? signInRoutes : []),
    ]),
  ]);
  return (path) => {
    const found = fixed.get(path);
    if (found !== undefined || !isSignInOffered) return found;
    const slash = path.lastIndexOf('/');
    const route = identified.find((one) => path.slice(0, slash) === `${pathname}${one.path}`);
    return route && uid.test(path.slice(slash + 1)) ? { ...route, path: path.slice(pathname.length) } : undefined;
  };
}

function below(pathname: string, routes: readonly Route[]): [string, Route][] {
  return routes.map((route) => [`${pathname}${route.path}`, route]);
}

const { authorization, device_authorization, code_verification, userinfo, end_session } = signInEndpoints;

const signInRoutes: readonly Route[] = [
  pageRoute(authorization, ['GET'], 'authorization.request'),
  pageRoute(code_verification, ['GET', 'POST'], 'device.approve'),
  pageRoute(ownEndpoints.callback, ['GET'], 'user.sign_in'),
  pageRoute(end_session, ['GET'], 'session.end'),
  pageRoute(`${end_session}/confirm`, ['POST'], 'session.end'),
  pageRoute(`${end_session}/success`, ['GET'], 'session.end'),
  formRoute(device_authorization, 'device.request'),
  formRoute(ownEndpoints.link, 'user.sign_in'),
  { ...formRoute(userinfo, 'userinfo.read'), methods: ['GET', 'POST'] },
  documentRoute(ownEndpoints.script),
];

/** Routes whose path ends in the id of an interaction. */
const identified = [
  pageRoute(authorization, ['GET'], 'authorization.request'),
  pageRoute(code_verification, ['GET'], 'device.approve'),
  pageRoute(ownEndpoints.interaction, ['GET', 'POST'], 'user.sign_in'),
].map((route) => ({ ...route, template: `${route.template}/:id` }));

/**
 * Returns the path of a request target (RFC 9112 3.2) and ignores its authority. Returns '' for `*` and for invalid targets.
 */
export function parsePath(target: string): string {
  if (target.startsWith('/')) return target.split(/[?#]/, 1)[0]!;
  return /^https?:\/\/[^/?#]*(\/[^?#]*)/i.exec(target)?.[1] ?? '';
}

/** Returns the query of a request target with its question mark, or '' without one. */
export function parseQuery(target: string): string {
  return /\?[^#]*/.exec(target)?.[0] ?? '';
}
