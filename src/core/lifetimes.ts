/** Lifetimes and limits of contract.md, in seconds. Key rotation is computed from the token lifetimes of this table. */
export const minute = 60;
export const hour = 60 * minute;
export const day = 24 * hour;

export const tokenLifetime = { default: 10 * minute, minimum: minute, maximum: hour } as const;

/** Subtracted from now for `iat` and `nbf`: Ceph RGW has no leeway and refuses an `iat` 3 s ahead (cloud-facts.md 10). */
export const issuedAtBackdate = 5;

export const jobDeadline = { default: day, minimum: minute, maximum: 7 * day } as const;

/** Access tokens of `arsia server bootstrap` and of client credentials. */
export const accessTokenLifetime = hour;
export const adminLinkLifetime = 15 * minute;
/** The result of a create is kept this long for requests that repeat its `Idempotency-Key`. */
export const idempotencyLifetime = day;

/**
 * An audience stays reserved this long after an organisation gave it up. It is much longer than any token lives, so that the
 * operator of the relying party can remove the trust in this issuer before another organisation uses the audience.
 */
export const audienceTombstone = 30 * day;

/**
 * The login of a user who was renamed, merged or deleted stays reserved this long: tokens, session names and logs that name it
 * must not mean another person.
 */
export const loginTombstone = 30 * day;

/** Limits of tokens of outside issuers, which service accounts trust. */
export const outsideTokens = {
  /** Allowed clock skew of `exp`, `nbf` and `iat`. */
  clockTolerance: minute,
  /** Time from `iat` to `exp` that a trust rule may allow. EKS issues pod tokens for 24 h. */
  lifetime: { minimum: minute, default: day, maximum: 7 * day },
  /** Bounds of the `Cache-Control` max-age of an issuer's documents. */
  documentCache: { minimum: minute, default: 5 * minute, maximum: hour },
  /** Deadline of discovery and JWKS together, including DNS and connections. */
  fetchDeadline: 5,
  /** Wait before a failed fetch is tried again. */
  failureCache: 30,
  /** Minimum interval of fetches for an unknown `kid`. */
  refetch: minute,
} as const;

/** A permit is signed immediately or never: a longer wait means that its request is gone. */
export const permitLifetime = 5;

/**
 * Entra caches a JWKS for 24 h and does not refetch for an unknown `kid` (threats.md 3.2); one hour more for slow replicas
 * and clocks.
 */
export const jwksPropagation = 25 * hour;
export const signingKeyRotation = 30 * day;
/** `Cache-Control: max-age` of the JWKS and the discovery documents. */
export const jwksMaximumAge = 5 * minute;
/** Interval at which a replica reloads its keys, even without a notification. */
export const keyReloadInterval = 10;
/** Interval after a failed reload. */
export const keyRetryInterval = 2;
/** A replica that has not read its keys for this long is not ready, and serves no JWKS that it knows to be outdated. */
export const keyReadLimit = 30;
/**
 * A JWKS that the database has not confirmed for this long is not served. A replica without a database signs nothing, so by
 * then every token that it signed has expired.
 */
export const jwksUnconfirmedAge = tokenLifetime.maximum;

/** Lifetimes of the tokens and sessions of people. */
export const signInLifetimes = {
  /** From the first page to the response of the identity provider. */
  interaction: 15 * minute,
  code: minute,
  accessToken: 10 * minute,
  deviceCode: 10 * minute,
  /** A browser session, counted from sign-in and not extended by use. The console's tokens end with it. */
  session: 12 * hour,
  /** A command line that is not used for this long is signed out. */
  refreshToken: 7 * day,
  /** A command line is signed out after this long, even when it is used. */
  grant: 30 * day,
  invitation: 14 * day,
  /** Until somebody signs in with the verified address that a tie names. */
  tie: 14 * day,
} as const;

/** Seconds between the polls of a device, and the increase after each poll that comes too early (RFC 8628 3.2, 3.5). */
export const devicePollInterval = 5;
