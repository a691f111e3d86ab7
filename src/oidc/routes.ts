import { jwksMaximumAge } from '../core/lifetimes.ts';

/** Where the endpoints are, below the authorization server's own path. oidc-provider is told the same. */
export const endpoints = {
  token: '/token',
  introspection: '/introspect',
  revocation: '/revoke',
  jwks: '/jwks',
} as const;

export interface Route {
  /** The path that oidc-provider knows it by. */
  path: string;
  methods: readonly string[];
  cache: string;
}

const documentRoute = (path: string): Route => ({
  path,
  methods: ['GET', 'HEAD', 'OPTIONS'],
  cache: `public, max-age=${jwksMaximumAge}`,
});
const formRoute = (path: string): Route => ({ path, methods: ['POST'], cache: 'no-store' });

const openid = '/.well-known/openid-configuration';
const oauth = '/.well-known/oauth-authorization-server';

/**
 * Everything that is offered, by the path that clients ask for. oidc-provider has routes of its own beside these
 * (authorization, logout); what is not here answers 404 and never reaches it.
 */
export function routesOf(issuer: string): ReadonlyMap<string, Route> {
  const { pathname } = new URL(issuer);
  return new Map([
    [`${pathname}${openid}`, documentRoute(openid)],
    // RFC 8414 3.1 inserts the well-known part before the path of the issuer; many clients append it all the same.
    [`${oauth}${pathname}`, documentRoute(oauth)],
    [`${pathname}${oauth}`, documentRoute(oauth)],
    [`${pathname}${endpoints.jwks}`, documentRoute(endpoints.jwks)],
    [`${pathname}${endpoints.token}`, formRoute(endpoints.token)],
    [`${pathname}${endpoints.introspection}`, formRoute(endpoints.introspection)],
    [`${pathname}${endpoints.revocation}`, formRoute(endpoints.revocation)],
  ]);
}

/** The path of a request target (RFC 9112 3.2), whose authority is never looked at; `*` and garbage give ''. */
export function pathOf(target: string): string {
  if (target.startsWith('/')) return target.split(/[?#]/, 1)[0]!;
  return /^https?:\/\/[^/?#]*(\/[^?#]*)/i.exec(target)?.[1] ?? '';
}
