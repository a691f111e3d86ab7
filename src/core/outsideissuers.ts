import { findForeignIssuerFault, wellKnown } from './issuerurl.ts';
import { developmentHosts } from './loopback.ts';

/** The one message for every fault of an issuer URL, so that refusals cannot be used to probe internal addresses. */
export const issuerRule =
  'must be the https URL of a public host, on port 443 or one from 1024 on, without user name, query or fragment, such as https://token.actions.githubusercontent.com';

const maximumLength = 512;
/**
 * A host name with a dot whose last label is not numeric: never an IP address in any notation (RFC 1123 2.1). Underscores are
 * for hosts that exist with them in the field.
 */
const hostPattern = /^(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Returns whether a URL may be the issuer of outside tokens. Issuers are compared byte for byte as they are spelled here.
 * `allowLoopback` is for development only.
 */
export function isOutsideIssuer(value: string, allowLoopback: boolean): boolean {
  return findForeignIssuerFault(value) === undefined && isDocumentUrl(value, allowLoopback);
}

export const unfetchedIssuerRule =
  'must be an https URL without user name, query or fragment, such as https://kubernetes.default.svc';

/** Returns whether a URL may be the issuer of a rule with uploaded keys: it may be internal, since nothing is fetched. */
export function isUnfetchedIssuer(value: string, allowLoopback: boolean): boolean {
  const isInternal = findForeignIssuerFault(value) === undefined && URL.parse(value)?.protocol === 'https:';
  return isInternal || isOutsideIssuer(value, allowLoopback);
}

/**
 * Returns whether Arsia may fetch from a URL. Checks the text only; the fetch checks the addresses that the host resolves to.
 */
export function isDocumentUrl(value: string, allowLoopback: boolean): boolean {
  const url = value.length <= maximumLength ? URL.parse(value) : null;
  if (url === null || url.username !== '' || url.password !== '' || value.includes('#')) return false;
  if (Object.hasOwn(developmentHosts, url.hostname)) return allowLoopback && /^https?:$/.test(url.protocol);
  return url.protocol === 'https:' && hostPattern.test(url.hostname) && (url.port === '' || Number(url.port) >= 1024);
}

/** Returns the URL of an issuer's discovery document (OpenID Connect Discovery 1.0, section 4). */
export function formatDiscoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}${wellKnown.openid}`;
}
