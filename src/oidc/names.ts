/** Names on the wire that several files of the authorization server share. */

/** RFC 8693 2.1. */
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** RFC 8693 3. A job token is an opaque access token of Arsia; a workload token is a JWT. */
export const tokenTypes = {
  access_token: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  id_token: 'urn:ietf:params:oauth:token-type:id_token',
} as const;

/** Introspection tells by which trust rule a service account got its token; without a token of an outside issuer it is absent. */
export const trustRuleClaim = 'trust_rule_id';

/** The public client of jobs and pipelines, which hold nothing but their token: token exchange alone. */
export const workloadClient = 'workload';

/**
 * The client of access tokens that Arsia gives out by itself (`arsia server bootstrap`). It has no grant; being public, it lets
 * whoever holds such a token revoke it (RFC 7009 2.1) and nothing else.
 */
export const ownClient = 'arsia';

/** The command line: by a device code, or by the browser of the same machine (RFC 8252). */
export const commandLineClient = 'cli';

/** The web console. */
export const consoleClient = 'console';

/** RFC 8628 3.4. */
export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** Tells people and secret scanners what they have found. */
export const accessTokenPrefix = 'arsia_at_';
export const refreshTokenPrefix = 'arsia_rt_';

/** Seconds of clock difference that client assertions may show; also the tolerance of oidc-provider itself. */
export const clockTolerance = 60;
