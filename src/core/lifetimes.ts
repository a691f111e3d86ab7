/** Every life and limit that the contract fixes, in seconds. One table, so that rotation and tokens cannot disagree. */
export const minute = 60;
export const hour = 60 * minute;
export const day = 24 * hour;

export const tokenLifetime = { default: 10 * minute, minimum: minute, maximum: hour } as const;

/** `iat` = `nbf` = now - this: Ceph RGW has no leeway, and an `iat` 3 s ahead is refused (cloud-facts.md 10). */
export const issuedAtBackdate = 5;

export const jobDeadline = { default: day, minimum: minute, maximum: 7 * day } as const;

/** `arsia server bootstrap` and client credentials. */
export const accessTokenLifetime = hour;
export const adminLinkLifetime = 15 * minute;
/** How long the answer of a create is kept for whoever sends it again with the same `Idempotency-Key`. */
export const idempotencyLifetime = day;

/**
 * Nobody else may take an audience for so long after an organisation gave it up. It is much longer than any token lives, so
 * that the operator of the service can remove the trust in this issuer first.
 */
export const audienceTombstone = 30 * day;

/** Tokens of outside issuers, as service accounts trust them. */
export const outsideTokens = {
  /** Clock difference that `exp`, `nbf` and `iat` may show. */
  clockTolerance: minute,
  /** Time from `iat` to `exp` that a trust rule may allow. EKS gives the tokens of its pods 24 h. */
  lifetime: { minimum: minute, default: day, maximum: 7 * day },
  /** An issuer's documents are kept as their `Cache-Control` says, between these. */
  documentCache: { minimum: minute, default: 5 * minute, maximum: hour },
  /** Deadline of discovery and JWKS together, with name look-ups and connections. */
  fetchDeadline: 5,
  /** What could not be fetched is not tried again before this. */
  failureCache: 30,
  /** For a `kid` that is not known the keys are fetched again, at most this often. */
  refetch: minute,
} as const;

/** A permit is signed at once or never: what waits longer was not meant for this request. */
export const permitLifetime = 5;

/** Entra may keep a JWKS for 24 h and refetches for no `kid` (threats.md 3.2), plus an hour for slow replicas and clocks. */
export const jwksPropagation = 25 * hour;
export const signingKeyRotation = 30 * day;
/** Caches of the JWKS and discovery documents, as `Cache-Control: max-age`. */
export const jwksMaximumAge = 5 * minute;
/** A replica reloads its keys at least this often, whatever it heard. */
export const keyReloadInterval = 10;
/** After a failed read it tries again this soon. */
export const keyRetryInterval = 2;
/** A replica that has not read its keys for this long is not ready, and serves no JWKS that it knows to be outdated. */
export const keyReadLimit = 30;
/**
 * A JWKS that the database has not confirmed for this long is not served. A replica without a database signs nothing, so
 * that by then every token of the keys that it holds has expired.
 */
export const jwksUnconfirmedAge = tokenLifetime.maximum;

/** People: how long each thing of a sign-in lives. */
export const signInLifetimes = {
  /** From the first page to the identity provider's answer. */
  interaction: 15 * minute,
  code: minute,
  accessToken: 10 * minute,
  deviceCode: 10 * minute,
  /** A browser's session from sign-in on, however busy; the console's tokens end with it. */
  session: 12 * hour,
  /** A command line: so long unused, and so long altogether. */
  refreshToken: 7 * day,
  grant: 30 * day,
  invitation: 14 * day,
} as const;

/** RFC 8628 3.2: seconds between the polls of a device, and by how much that grows when it does not wait. */
export const devicePollInterval = 5;
