/** Names on the wire that several files of the authorization server share. */

/** RFC 8693 2.1. */
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** RFC 8693 3. A job token is an opaque access token of Arsia; a workload token is a JWT. */
export const tokenTypes = {
  access_token: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
} as const;

/** The public client of jobs, which hold nothing but their token: token exchange alone. */
export const workloadClient = 'workload';

/**
 * The client of access tokens that Arsia gives out by itself (`arsia bootstrap`). It has no grant; being public, it lets
 * whoever holds such a token revoke it (RFC 7009 2.1) and nothing else.
 */
export const ownClient = 'arsia';

/** Tells people and secret scanners what they have found. */
export const accessTokenPrefix = 'arsia_at_';

/** Seconds of clock difference that client assertions may show; also the tolerance of oidc-provider itself. */
export const clockTolerance = 60;
