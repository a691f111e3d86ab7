import type { Clock } from '../../core/clock.ts';
import { createOpaqueText, type Issued, makeIssued } from '../issued.ts';

/** The grant of an access token. */
export interface Grant {
  /** Names of the holder in policies; the first is the principal, the others are the sets that contain it. */
  principals: readonly string[];
  /** The service account of an impersonation. */
  email?: string;
  scopes: readonly string[];
  /** Milliseconds since 1970. */
  expires_at: number;
}

export interface Grants {
  /** Issues a token. `lifetime` is in seconds. */
  issue(grant: Omit<Grant, 'expires_at'>, lifetime: number): { access_token: string; expires_at: number };
  /** Returns the grant of a token, or undefined when the token is unknown or has expired. */
  find(accessToken: string): Grant | undefined;
}

export function makeGrants(clock: Clock): Grants {
  const issued: Issued<Grant> = makeIssued();
  return {
    issue(grant, lifetime) {
      const access_token = `ya29.${createOpaqueText(clock, 120)}`;
      const expires_at = Math.floor(clock.now() / 1000 + lifetime) * 1000;
      issued.put(access_token, { ...grant, expires_at });
      return { access_token, expires_at };
    },
    find(accessToken) {
      const grant = issued.get(accessToken);
      return grant && clock.now() < grant.expires_at ? grant : undefined;
    },
  };
}
