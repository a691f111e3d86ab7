import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Clock } from '../../core/clock.ts';
import { createUuid } from '../issued.ts';
import type { Application } from './directory.ts';

/** Signs the access tokens of this Entra with a key that is created for the sandbox. */
export interface AccessTokens {
  jwks: { keys: JWK[] };
  /** Signs a token. `resource` is the scope without `/.default`. */
  sign(application: Application, resource: string): Promise<string>;
}

/** Seconds, as in `expires_in` (cloud-facts.md 2.2). */
export const accessTokenLifetime = 3599;
const backdate = 300;

export async function makeAccessTokens(clock: Clock, formatIssuer: (tenant: string) => string): Promise<AccessTokens> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    jwks: { keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] },
    sign({ tenant, client_id, object_id }, resource) {
      const now = Math.floor(clock.now() / 1000);
      return new SignJWT({ appid: client_id, azp: client_id, idtyp: 'app', oid: object_id, tid: tenant, ver: '2.0' })
        .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid })
        .setIssuer(formatIssuer(tenant))
        .setAudience(resource)
        .setSubject(object_id)
        .setIssuedAt(now - backdate)
        .setNotBefore(now - backdate)
        .setExpirationTime(now + accessTokenLifetime)
        .setJti(createUuid(clock))
        .sign(privateKey);
    },
  };
}
