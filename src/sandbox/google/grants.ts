import type { Clock } from '../../core/clock.ts';
import { type Issued, makeIssued, opaque } from '../issued.ts';

/** An access token of this Google, and whose it is. */
export interface Grant {
  /** Every name under which policies may know the holder; the first is its own. */
  principals: readonly string[];
  /** The service account, for a token that speaks for one. */
  email?: string;
  scopes: readonly string[];
  /** Milliseconds since 1970. */
  expires_at: number;
}

export interface Grants {
  /** `lifetime` in seconds. */
  issue(grant: Omit<Grant, 'expires_at'>, lifetime: number): { access_token: string; expires_at: number };
  /** A live grant; undefined for an unknown or expired token. */
  find(accessToken: string): Grant | undefined;
}

export function makeGrants(clock: Clock): Grants {
  const issued: Issued<Grant> = makeIssued();
  return {
    issue(grant, lifetime) {
      const access_token = `ya29.${opaque(clock, 120)}`;
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
