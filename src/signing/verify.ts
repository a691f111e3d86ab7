import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import type { Clock } from '../clock.ts';
import { claimNames, claimRegistry, lintClaims, type WorkloadClaims } from '../core/claims.ts';
import { ArsiaError } from '../core/errors.ts';

/** AWS takes no longer token (cloud-facts.md 1.2); one of 5 MB would cost 79 ms (threats.md M14). */
export const maximumTokenLength = 20_000;

export interface WorkloadVerifierOptions {
  /** The served JWK Set; asked at every verification, parsed when it changed. */
  jwks(): string;
  issuer: string;
  clock: Clock;
}

export interface WorkloadVerifier {
  /** The claims of a live workload token for this audience. Throws ArsiaError `unauthenticated` for anything else. */
  verify(token: string, audience: string): Promise<WorkloadClaims>;
}

const requiredClaims = claimNames.filter((name) => claimRegistry[name].required);
const compactPattern = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Verifies as a relying party would, with everything fixed that a token could otherwise choose (RFC 8725). */
export function createWorkloadVerifier({ jwks, issuer, clock }: WorkloadVerifierOptions): WorkloadVerifier {
  let parsed: { text: string; getKey: ReturnType<typeof createLocalJWKSet> } | undefined;

  function keyResolver(): ReturnType<typeof createLocalJWKSet> {
    const text = jwks();
    if (parsed?.text !== text) parsed = { text, getKey: createLocalJWKSet(JSON.parse(text) as JSONWebKeySet) };
    return parsed.getKey;
  }

  return {
    async verify(token, audience) {
      if (token.length > maximumTokenLength || !compactPattern.test(token) || !isCanonical(token)) throw refused();
      const verified = await jwtVerify(token, keyResolver(), {
        algorithms: ['RS256', 'ES256'],
        typ: 'JWT',
        issuer,
        audience,
        requiredClaims,
        clockTolerance: 0,
        currentDate: new Date(clock.now()),
      }).catch((cause: unknown) => {
        throw refused(cause);
      });
      // What we sign passes the linter; so must what claims to be ours (one audience, no member of somebody else's).
      const faults = lintClaims(verified.payload, issuer);
      if (faults.length > 0) throw refused(faults);
      return verified.payload as unknown as WorkloadClaims;
    },
  };
}

/** One signature has four spellings in base64url; only the one that decoding and encoding gives back counts (M14). */
function isCanonical(token: string): boolean {
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

/** One constant text: why a token was refused helps only who forged it. The cause is for the log. */
function refused(cause?: unknown): ArsiaError {
  return new ArsiaError('unauthenticated', 'The workload token is not valid.', { cause });
}
