import { jwksMaximumAge } from '../core/lifetimes.ts';
import type { EndpointEvent } from './ports.ts';

/** Where the endpoints are, below the authorization server's own path. oidc-provider is told the same. */
export const endpoints = {
  token: '/token',
  introspection: '/introspect',
  revocation: '/revoke',
  jwks: '/jwks',
} as const;

/** Those of people; there are none of them without an identity provider to send people to. */
export const signInEndpoints = {
  authorization: '/authorize',
  device_authorization: '/device_authorization',
  code_verification: '/device',
  userinfo: '/userinfo',
  end_session: '/session/end',
} as const;

/** Ours, where oidc-provider has none. */
export const ownEndpoints = {
  interaction: '/interaction',
  /** Where the identity provider sends people back to: registered there as `<ARSIA_ISSUER>/oauth2/callback`. */
  callback: '/callback',
  /** Where the page of `arsia server admin link` sends what its address had in it. */
  link: '/link',
  script: '/device.js',
} as const;

export interface Route {
  /** The path that oidc-provider knows it by. */
  path: string;
  methods: readonly string[];
  cache: string;
  /** What the audit calls a refusal here. */
  action: EndpointEvent['action'];
  /** Answers people: pages and redirects instead of JSON, and the query counts. */
  isPage: boolean;
}

type Action = EndpointEvent['action'];

const documentRoute = (path: string): Route => ({
  path,
  methods: ['GET', 'HEAD', 'OPTIONS'],
  cache: `public, max-age=${jwksMaximumAge}`,
  action: 'metadata.read',
  isPage: false,
});
const formRoute = (path: string, action: Action): Route => ({
  path,
  methods: ['POST'],
  cache: 'no-store',
  action,
  isPage: false,
});
const pageRoute = (path: string, methods: string[], action: Action): Route => ({
  path,
  methods,
  cache: 'no-store',
  action,
  isPage: true,
});

const openid = '/.well-known/openid-configuration';
const oauth = '/.well-known/oauth-authorization-server';

/** Identifiers of interactions, as oidc-provider makes them. */
const uid = /^[\w-]{43}$/;

/**
 * Everything that is offered, by the path that clients ask for. oidc-provider has routes of its own beside these; what is
 * not here answers 404 and never reaches it.
 */
export function routesOf(issuer: string, isSignInOffered: boolean): (path: string) => Route | undefined {
  const { pathname } = new URL(issuer);
  const fixed = new Map([
    [`${pathname}${openid}`, documentRoute(openid)],
    // RFC 8414 3.1 inserts the well-known part before the path of the issuer; many clients append it all the same.
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

/** With the identifier of an interaction behind. */
const identified: readonly Route[] = [
  pageRoute(authorization, ['GET'], 'authorization.request'),
  pageRoute(code_verification, ['GET'], 'device.approve'),
  pageRoute(ownEndpoints.interaction, ['GET', 'POST'], 'user.sign_in'),
];

/** The path of a request target (RFC 9112 3.2), whose authority is never looked at; `*` and garbage give ''. */
export function pathOf(target: string): string {
  if (target.startsWith('/')) return target.split(/[?#]/, 1)[0]!;
  return /^https?:\/\/[^/?#]*(\/[^?#]*)/i.exec(target)?.[1] ?? '';
}

/** Its query, with the question mark; '' without one. */
export function queryOf(target: string): string {
  return /\?[^#]*/.exec(target)?.[0] ?? '';
}
