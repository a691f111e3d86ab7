/** Names on the wire that several files of the authorization server share. */

/** RFC 8693 2.1. */
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** RFC 8693 3. A job token is an opaque access token of Arsia; a workload token is a JWT. */
export const tokenTypes = {
  access_token: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  id_token: 'urn:ietf:params:oauth:token-type:id_token',
} as const;

/**
 * Member of the introspection response: the trust rule by which a service account got its token. Absent without an outside
 * token.
 */
export const trustRuleClaim = 'trust_rule_id';

/** The public client of jobs and pipelines, which have no credential but their token. It may only use token exchange. */
export const workloadClient = 'workload';

/**
 * The client of access tokens that Arsia issues without OAuth (`arsia bootstrap`). It is public and has no grant type, so that
 * the holder of such a token can use the client only to revoke it (RFC 7009 2.1).
 */
export const ownClient = 'arsia';

/** The command line. It signs in by a device code or by the browser of the same machine (RFC 8252). */
export const commandLineClient = 'cli';

/** The web console. */
export const consoleClient = 'console';

/** RFC 8628 3.4. */
export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** Prefixes by which people and secret scanners recognise tokens. */
export const accessTokenPrefix = 'arsia_at_';
export const refreshTokenPrefix = 'arsia_rt_';

/** Seconds of clock skew that client assertions may have; also the tolerance of oidc-provider. */
export const clockTolerance = 60;
