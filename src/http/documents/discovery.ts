import { claimNames } from '../../core/claims.ts';
import { clientAssertionAlgorithms, clientAuthMethods } from '../../core/clientkeys.ts';
import { wellKnown } from '../../core/issuerurl.ts';
import { jwksMaximumAge } from '../../core/lifetimes.ts';
import { jsonType } from '../../web/securityheaders.ts';
import type { Answer, Handler, HttpRequest } from '../kernel/request.ts';
import { answerDocument, crossOriginMethods, type Readables, type StaticDocument, staticDocument } from './document.ts';

/** The discovery document (OpenID Connect Discovery 1.0, section 3) with the members that the clouds need. */
export function discoveryDocument(issuer: string): StaticDocument {
  const metadata = {
    issuer,
    jwks_uri: `${issuer}${wellKnown.jwks}`,
    // Required by the specification. Workload tokens come from the token endpoint only; people sign in at this one.
    authorization_endpoint: `${issuer}/oauth2/authorize`,
    token_endpoint: `${issuer}/oauth2/token`,
    grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange'],
    token_endpoint_auth_methods_supported: clientAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
    claims_supported: claimNames,
  };
  return staticDocument(JSON.stringify(metadata), jsonType);
}

/** Documents that pages of any origin may read: relying parties can be browsers. */
export const crossOriginPaths: readonly string[] = [wellKnown.openid, wellKnown.jwks];

export interface DiscoveryParts {
  discovery: StaticDocument;
  /** Throws `unavailable` while the keys are withheld. */
  jwks(): StaticDocument;
  /** Returns why this replica may take no traffic, as a sentence; undefined when it may. */
  readiness(): Promise<string | undefined>;
}

/**
 * Discovery, JWKS and health. They are served from memory and without limits, since every cloud reads them before it accepts
 * a token; the database is asked for readiness only.
 */
export function discoveryPages({ discovery, jwks, readiness }: DiscoveryParts): Readables {
  return {
    [wellKnown.openid]: publicDocument(() => discovery),
    [wellKnown.jwks]: publicDocument(jwks),
    ...healthPages(readiness),
  };
}

/** The health of the process, and whether this replica may take traffic. */
export function healthPages(readiness: DiscoveryParts['readiness']): Readables {
  return {
    '/healthz': async ({ headers }) => json(headers, 200, { status: 'ok' }),
    '/readyz': async ({ headers }) => {
      const reason = await readiness();
      return reason === undefined
        ? json(headers, 200, { status: 'ready' })
        : json(headers, 503, { status: 'not ready', reason });
    },
  };
}

function publicDocument(read: () => StaticDocument): Handler {
  return async (request) => {
    request.headers['access-control-allow-origin'] = '*';
    if (request.message.method === 'OPTIONS') return answerPreflight(request);
    const document = read();
    request.headers['cache-control'] = `public, max-age=${document.maximum_age ?? jwksMaximumAge}`;
    return answerDocument(request, document);
  };
}

/** Answers the CORS preflight of a browser (Fetch standard 4.8), which comes before requests with headers such as `If-None-Match`. */
function answerPreflight({ headers }: HttpRequest): Answer {
  Object.assign(headers, {
    allow: crossOriginMethods.join(', '),
    'access-control-allow-methods': crossOriginMethods.join(', '),
    'access-control-allow-headers': '*',
    'access-control-max-age': '3600',
  });
  return { status: 204 };
}

function json(headers: Record<string, string>, status: number, value: object): Answer {
  headers['content-type'] = jsonType;
  return { status, body: JSON.stringify(value) };
}
