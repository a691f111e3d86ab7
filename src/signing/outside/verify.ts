import {
  type CryptoKey,
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from 'jose';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { outsideTokens } from '../../core/lifetimes.ts';
import { findTimeFault } from '../../core/numericdates.ts';
import { isCanonical } from '../compact.ts';
import type { IssuerKeys, KeyFinder } from './documents.ts';
import { readUsableKeys } from './keys.ts';

/** The claims of a token whose signature and times are valid. `iat` and `exp` in seconds since 1970. */
export interface OutsideClaims extends Record<string, unknown> {
  iss: string;
  sub: string;
  iat: number;
  exp: number;
  jti?: string;
}

export interface OutsideVerifier {
  /**
   * Verifies a token with the keys that the issuer publishes. `asker` is the organisation that trusts the issuer. Throws
   * ArsiaError `outside_token_refused` where it is not a live token of this issuer, and `issuer_unavailable`.
   */
  verify(token: string, issuer: string, asker: string): Promise<OutsideClaims>;
  /**
   * Verifies a token with uploaded keys alone, and fetches nothing. Returns those of the keys that verify it. Throws ArsiaError
   * `outside_token_refused` where none does.
   */
  verifyWith<Key>(
    uploaded: readonly Key[],
    token: string,
    issuer: string,
  ): Promise<{ claims: OutsideClaims; keys: Key[] }>;
}

/** Asymmetric algorithms only (RFC 7518 3.1): with a MAC, every verifier could sign. */
const outsideAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];

/**
 * Refused headers: only published keys of the issuer may verify, never a key in the token (RFC 8725 3.10, threats.md N5, N6).
 */
const keyHeaders = ['jku', 'jwk', 'x5u', 'x5c'];

/** Characters. AWS has the same limit (cloud-facts.md 1.2). Verifying 5 MB would take 79 ms (threats.md M14). */
const maximumTokenLength = 20_000;

const compactPattern = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Returns the unverified `iss` of a token. Throws ArsiaError `outside_token_refused` where it is not a JWT. */
export function readClaimedIssuer(token: string): string {
  const { iss } = decoded(token).claims;
  if (typeof iss !== 'string') throw refused('The subject token has no iss.');
  return iss;
}

export function createOutsideVerifier({
  keys,
  clock,
}: {
  keys: IssuerKeys;
  clock: Pick<Clock, 'now'>;
}): OutsideVerifier {
  function checkClaims(claims: JWTPayload, issuer: string): OutsideClaims {
    if (claims.iss !== issuer) throw refused('The subject token is of another issuer.');
    checkTimes(claims, Math.floor(clock.now() / 1000));
    return checkedClaims(claims);
  }

  return {
    async verify(token, issuer, asker) {
      const { header, claims } = decoded(token);
      checkHeader(header);
      const finder = await keys.find(issuer, header.kid, asker);
      await verifySignature(token, finder).catch(async (thrown: unknown) => {
        const newer = await keys.findNewer(issuer, finder, asker);
        if (newer === undefined) throw refused(explainVerifyError(thrown), thrown);
        await verifySignature(token, newer).catch((again: unknown) => {
          throw refused(explainVerifyError(again), again);
        });
      });
      return checkClaims(claims, issuer);
    },
    async verifyWith<Key>(uploaded: readonly Key[], token: string, issuer: string) {
      const { header, claims } = decoded(token);
      checkHeader(header);
      const keys: Key[] = [];
      let fault: unknown;
      for (const key of uploaded) {
        const finder = createLocalJWKSet({ keys: readUsableKeys({ keys: [key] }) });
        await verifySignature(token, finder).then(
          () => keys.push(key),
          (thrown: unknown) => {
            if (fault === undefined || fault instanceof errors.JWKSNoMatchingKey) fault = thrown;
          },
        );
      }
      if (keys.length > 0) return { claims: checkClaims(claims, issuer), keys };
      throw fault instanceof errors.JWKSNoMatchingKey
        ? unknownUpload(fault)
        : refused(explainVerifyError(fault), fault);
    },
  };
}

function decoded(token: string): { header: ProtectedHeaderParameters; claims: JWTPayload } {
  try {
    if (token.length <= maximumTokenLength && compactPattern.test(token) && isCanonical(token))
      return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    // Not a JWT: refused below.
  }
  throw refused(`The subject token is not a signed JWT in compact form of at most ${maximumTokenLength} characters.`);
}

/**
 * Verifies with each key that fits the header: an issuer may list several keys under one `kid` (RFC 7517 4.5), as GitHub
 * Enterprise Server does, and a token may have no `kid`.
 */
async function verifySignature(token: string, finder: KeyFinder): Promise<void> {
  try {
    await compactVerify(token, finder, { algorithms: outsideAlgorithms });
  } catch (thrown) {
    if (!(thrown instanceof errors.JWKSMultipleMatchingKeys)) throw thrown;
    for await (const key of thrown) if (await isVerifiedBy(token, key)) return;
    throw new errors.JWSSignatureVerificationFailed();
  }
}

async function isVerifiedBy(token: string, key: CryptoKey): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: outsideAlgorithms });
    return true;
  } catch (thrown) {
    if (thrown instanceof errors.JWSSignatureVerificationFailed) return false;
    throw thrown;
  }
}

function checkHeader(header: ProtectedHeaderParameters): void {
  if (keyHeaders.some((name) => name in header))
    throw refused('The header of the subject token contains a key or the URL of one.');
  // Other kinds, such as logout tokens, have another typ (RFC 8725 3.11). Kubernetes sends none. An access token (RFC 9068) is
  // accepted, since every trust rule has an audience and a condition.
  if (header.typ !== undefined && !/^(?:application\/)?(?:at\+)?jwt$/i.test(String(header.typ)))
    throw refused('The subject token is not a JWT for this purpose: its typ is neither JWT nor at+jwt.');
  // No extension is supported (RFC 7515 4.1.11). With `b64`, the signed payload would differ from the decoded one.
  if ('crit' in header) throw refused('The header of the subject token has a crit, and no extension is supported.');
  if (header.kid !== undefined && typeof header.kid !== 'string')
    throw refused('The kid of the subject token is not a string.');
  if (!outsideAlgorithms.includes(String(header.alg)))
    throw refused(`The subject token is signed by none of ${outsideAlgorithms.join(', ')}.`);
}

/**
 * Checks the times against the maximum that a trust rule may allow. `decideTrust` applies the limits of the rule. `now` in
 * seconds since 1970.
 */
function checkTimes(claims: JWTPayload, now: number): void {
  const { clockTolerance: tolerance, lifetime } = outsideTokens;
  // Without `iat`, a token with a lifetime of a year would be accepted on its last day.
  if (claims.iat === undefined) throw refused('The iat of the subject token is missing: its age must be known.');
  const fault = findTimeFault(claims, { now, tolerance, lifetime: lifetime.maximum });
  if (fault === undefined) return;
  const { claim, actual, expected } = fault;
  throw refused(`The ${claim} of the subject token is ${actual}; it must be ${expected}.`);
}

function checkedClaims(claims: JWTPayload): OutsideClaims {
  const { sub, aud, jti } = claims;
  if (aud === undefined) throw refused('The aud of the subject token is missing.');
  if (typeof sub !== 'string' || sub === '')
    throw refused('The sub of the subject token is missing, empty or not a string.');
  if (jti !== undefined && (typeof jti !== 'string' || jti === ''))
    throw refused('The jti of the subject token is empty or not a string.');
  return claims as OutsideClaims;
}

/** Returns the reason for people who set up a pipeline. Messages of jose are not used, since they may quote the token. */
function explainVerifyError(thrown: unknown): string {
  if (thrown instanceof errors.JWKSNoMatchingKey)
    return 'The issuer publishes no key for the kid and alg of the subject token.';
  return 'The signature of the subject token is not valid.';
}

function unknownUpload(cause: unknown): ArsiaError {
  return new ArsiaError('outside_token_refused', 'No key of the trust rule has the kid and alg of the subject token.', {
    advice: 'If the issuer has a new key, ask an owner to create another rule with its keys.',
    cause,
  });
}

function refused(detail: string, cause?: unknown): ArsiaError {
  return new ArsiaError('outside_token_refused', detail, {
    advice: 'Ask the issuer for a new token, for the audience of the trust rule, and send it unchanged.',
    cause,
  });
}
