import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { MeasuredArsia } from './arsia.ts';
import { formPost, jsonPost, type Target } from './load.ts';
import { peerClient } from './peerclient.ts';

export interface Targets {
  tokens: Target;
  oauth2: Target;
  peer: Target;
}

/** Arsia's two doors to one mint, every job with every identity in turn; and the peer, which has one client. */
export function targetsOf(arsia: MeasuredArsia, peerUrl: string): Targets {
  const pairs = arsia.jobTokens.flatMap((job) => arsia.identities.map((identity) => ({ job, identity })));
  return {
    tokens: {
      name: 'POST /api/v1/tokens',
      url: arsia.issuer,
      requests: pairs.map(({ job, identity }) => jsonPost('/api/v1/tokens', job, { managed_identity: identity })),
    },
    oauth2: {
      name: 'POST /oauth2/token',
      url: arsia.issuer,
      requests: pairs.map(({ job, identity }) =>
        formPost('/oauth2/token', {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          client_id: 'workload',
          subject_token: job,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          audience: identity,
        }),
      ),
    },
    peer: {
      name: 'bare oidc-provider',
      url: peerUrl,
      requests: [
        formPost('/token', {
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

/** Like is compared with like only where every contestant answers with a JWT of RS256 that its own key set verifies. */
export async function verifyAnswer({ name, url, requests }: Target, jwksPath: string): Promise<void> {
  const { path, ...request } = requests[0]!;
  const answer = await fetch(url + path, request);
  const body = (await answer.json()) as { token?: string; access_token?: string };
  const token = body.token ?? body.access_token;
  if (token === undefined) throw new Error(`${name} answers ${answer.status} ${JSON.stringify(body)}`);
  await jwtVerify(token, createRemoteJWKSet(new URL(url + jwksPath)), { issuer: url, algorithms: ['RS256'] });
}
