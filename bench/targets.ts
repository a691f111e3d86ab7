import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { MeasuredArsia } from './arsia.ts';
import type { BareReady } from './bare.ts';
import { form, json, type Target } from './load.ts';
import type { PeerReady } from './peer.ts';
import { peerClient } from './peerclient.ts';

export interface Targets {
  tokens: Target;
  oauth2: Target;
  bare: Target;
  peer: Target;
}

/** Returns the targets: Arsia's two mint endpoints with a job and an identity per connection, the bare path, and the peer. */
export function makeTargets(
  arsia: Pick<MeasuredArsia, 'issuer' | 'jobTokens' | 'identities'>,
  bare: BareReady,
  peer: PeerReady,
): Targets {
  const pairs = arsia.identities.flatMap((identity) => arsia.jobTokens.map((job) => ({ job, identity })));
  return {
    tokens: {
      name: 'POST /api/v1/tokens',
      origin: arsia.issuer,
      path: '/api/v1/tokens',
      requests: pairs.map(({ job, identity }) => json(job, { managed_identity: identity })),
    },
    oauth2: {
      name: 'POST /oauth2/token',
      origin: arsia.issuer,
      path: '/oauth2/token',
      requests: pairs.map(({ job, identity }) =>
        form({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          client_id: 'workload',
          subject_token: job,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          audience: identity,
        }),
      ),
    },
    bare: {
      name: 'bare path',
      origin: `http://127.0.0.1:${bare.port}`,
      path: '/',
      requests: bare.jobTokens.map((job) => json(job, { managed_identity: arsia.identities[0] })),
    },
    peer: {
      name: 'bare oidc-provider',
      origin: `http://127.0.0.1:${peer.port}`,
      path: '/token',
      requests: [
        form({
          grant_type: 'client_credentials',
          client_id: peerClient.id,
          client_secret: peerClient.secret,
          resource: peerClient.resource,
          scope: peerClient.scope,
        }),
      ],
    },
  };
}

/** Throws where a target does not answer with an RS256 JWT that its key set verifies: the comparison would be unfair. */
export async function verifyAnswer({ name, origin, path, requests }: Target, jwksPath: string): Promise<void> {
  const answer = await fetch(origin + path, { method: 'POST', ...requests[0]! });
  const body = (await answer.json()) as { token?: string; access_token?: string };
  const token = body.token ?? body.access_token;
  if (token === undefined) throw new Error(`${name} answers ${answer.status} ${JSON.stringify(body)}`);
  await jwtVerify(token, createRemoteJWKSet(new URL(origin + jwksPath)), { issuer: origin, algorithms: ['RS256'] });
}
