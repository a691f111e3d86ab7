/** Every life and limit that the contract fixes, in seconds. One table, so that rotation and tokens cannot disagree. */
export const minute = 60;
export const hour = 60 * minute;
export const day = 24 * hour;

export const tokenLifetime = { default: 10 * minute, minimum: minute, maximum: hour } as const;

/** `iat` = `nbf` = now - this: Ceph RGW has no leeway, and an `iat` 3 s ahead is refused (cloud-facts.md 10). */
export const issuedAtBackdate = 5;

export const jobDeadline = { default: day, minimum: minute, maximum: 7 * day } as const;

/** `arsia bootstrap` and client credentials. */
export const accessTokenLifetime = hour;
export const adminLinkLifetime = 15 * minute;

/** A permit is signed at once or never: what waits longer was not meant for this request. */
export const permitLifetime = 5;

/** Entra may keep a JWKS for 24 h and refetches for no `kid` (threats.md 3.2), plus an hour for slow replicas and clocks. */
export const jwksPropagation = 25 * hour;
export const signingKeyRotation = 30 * day;
/** Caches of the JWKS and discovery documents, as `Cache-Control: max-age`. */
export const jwksMaximumAge = 5 * minute;
/** A replica reloads its keys at least this often, whatever it heard. */
export const keyReloadInterval = 10;
