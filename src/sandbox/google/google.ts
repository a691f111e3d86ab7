import type { JWK } from 'jose';
import type { Clock } from '../../core/clock.ts';
import { makeKeyCache } from '../keycache.ts';
import type { Answer, Cloud, Request } from '../listener.ts';
import { Refusal } from '../refusal.ts';
import {
  createApiAnswer,
  createApiRefusal,
  createFaultRefusal,
  createJsonAnswer,
  createOauthAnswer,
  createOauthRefusal,
} from './errors.ts';
import { exchangeToken, type Google, readParameters } from './exchange.ts';
import { makeGrants } from './grants.ts';
import { googleCachePolicy } from './idtoken.ts';
import { findBearerGrant, generateAccessToken } from './impersonation.ts';
import { makeResources, type Resources } from './resources.ts';

interface Route {
  operation: string;
  method: string;
  path: RegExp;
  answer(google: Google, request: Request, parts: string[]): Answer | Promise<Answer>;
  /** Renders a refusal in the form of this API. */
  refuse(refusal: Refusal): Answer;
  /** Returns the parameters for the request log, without tokens. */
  parameters(request: Request, parts: string[]): Record<string, string>;
}

const routes: readonly Route[] = [
  {
    operation: 'Token',
    method: 'POST',
    path: /^\/v1\/token$/,
    answer: (google, request) => exchangeToken(google, request),
    refuse: createOauthAnswer,
    parameters(request) {
      const { audience = '', scope = '' } = readParameters(request);
      return { audience, scope };
    },
  },
  {
    operation: 'GenerateAccessToken',
    method: 'POST',
    path: /^\/v1\/projects\/([^/]+)\/serviceAccounts\/([^/:]+):generateAccessToken$/,
    answer: (google, request, [project = '', email = '']) => generateAccessToken(google, project, email, request),
    refuse: createApiAnswer,
    parameters: (_, [project = '', email = '']) => ({ project, email }),
  },
  {
    operation: 'TokenInfo',
    method: 'GET',
    path: /^\/oauth2\/v3\/tokeninfo$/,
    answer: getTokenInfo,
    refuse: createOauthAnswer,
    parameters: () => ({}),
  },
];

/** Creates Google's token service and IAM Credentials API on one endpoint (cloud-facts.md 3). */
export function makeGoogle(
  clock: Clock,
  fetchKeys: (issuer: string) => Promise<JWK[]>,
): { cloud: Cloud; resources: Resources } {
  const google: Google = {
    resources: makeResources(),
    grants: makeGrants(clock),
    keys: makeKeyCache(googleCachePolicy, clock, fetchKeys),
    clock,
  };
  const cloud: Cloud = {
    describe(request) {
      const { route, parts } = match(request);
      return { operation: route?.operation ?? 'Unknown', parameters: route?.parameters(request, parts) ?? {} };
    },
    async answer(request) {
      const { route, parts } = match(request);
      if (!route) return createApiAnswer(createApiRefusal('NOT_FOUND', 'Requested entity was not found.'));
      try {
        return await route.answer(google, request, parts);
      } catch (error) {
        if (error instanceof Refusal) return route.refuse(error);
        throw error;
      }
    },
    unavailable: (status) => createApiAnswer(createFaultRefusal(status)),
  };
  return { cloud, resources: google.resources };
}

/**
 * Returns the holder of an access token, given by `access_token` in the query or as bearer. It resembles Google's tokeninfo:
 * `sub` is the federated principal or the service account, `email` is present for a service account only.
 */
function getTokenInfo(google: Google, request: Request): Answer {
  const token = request.query.get('access_token');
  const grant = token === null ? findBearerGrant(google, request) : google.grants.find(token);
  if (!grant) throw createOauthRefusal('invalid_token', 'Invalid Value');
  return createJsonAnswer(200, {
    sub: grant.email ?? grant.principals[0],
    email: grant.email,
    scope: grant.scopes.join(' '),
    exp: String(grant.expires_at / 1000),
    expires_in: String(Math.floor((grant.expires_at - google.clock.now()) / 1000)),
  });
}

function match(request: Request): { route: Route | undefined; parts: string[] } {
  for (const route of routes) {
    const found = request.method === route.method ? route.path.exec(request.path) : null;
    if (found) return { route, parts: found.slice(1).map((part) => part.replace('%40', '@')) };
  }
  return { route: undefined, parts: [] };
}
