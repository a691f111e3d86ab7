import { claimNames } from '../../core/claims.ts';
import { wellKnown } from '../../core/issuerurl.ts';
import { jwksMaximumAge } from '../../core/lifetimes.ts';
import { jsonType } from '../../web/securityheaders.ts';
import type { Answer, Handler } from '../kernel/request.ts';
import { answerDocument, type Readables, type StaticDocument, staticDocument } from './document.ts';

/** The discovery document (OpenID Connect Discovery 1.0, section 3) with the members that the clouds need. */
export function discoveryDocument(issuer: string): StaticDocument {
  const metadata = {
    issuer,
    jwks_uri: `${issuer}${wellKnown.jwks}`,
    token_endpoint: `${issuer}/oauth2/token`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
    claims_supported: claimNames,
  };
  return staticDocument(JSON.stringify(metadata), jsonType);
}

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
    const document = read();
    request.headers['access-control-allow-origin'] = '*';
    request.headers['cache-control'] = `public, max-age=${document.maximum_age ?? jwksMaximumAge}`;
    return answerDocument(request, document);
  };
}

function json(headers: Record<string, string>, status: number, value: object): Answer {
  headers['content-type'] = jsonType;
  return { status, body: JSON.stringify(value) };
}
