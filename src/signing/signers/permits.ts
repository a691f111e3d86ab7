import type { AuditReceipt } from '../../core/audit.ts';
import type { WorkloadClaims } from '../../core/claims.ts';
import { ArsiaError } from '../../core/errors.ts';
import { permitLifetime } from '../../core/lifetimes.ts';
import type { Signer } from './signer.ts';

/**
 * The permission for one signature over fixed bytes. The bytes are private to the vault that issued the permit, so that no
 * code can change them between the audit record and the signature.
 */
export interface Permit {
  /** The id of the token and of its audit record (docs/decisions/0013). */
  readonly jti: string;
  readonly kid: string;
  /** SHA-256 of the JWS signing input, hex, as in the audit record. */
  readonly signing_input_sha256: string;
  /** Milliseconds since 1970. */
  readonly expires_at: number;
}

/** Signs workload tokens. The order is fixed: decision, linter, permit, audit record, signature. */
export interface TokenSigner {
  /**
   * Lints the claims and fixes the bytes to sign. Throws ArsiaError `claims_refused` with every fault, and
   * `unavailable` when no key may sign.
   */
  prepare(claims: WorkloadClaims): Permit;
  /** Returns the compact JWS (RFC 7515 3.1) for a live, unused permit whose audit record is committed. */
  sign(permit: Permit, receipt: AuditReceipt): Promise<string>;
}

export interface PermittedBytes {
  /** The JWS signing input (RFC 7515 2), ASCII. */
  signingInput: Uint8Array;
  signer: Signer;
}

type PermitFacts = Omit<Permit, 'expires_at'>;

export interface PermitVault {
  issue(permit: PermitFacts, bytes: PermittedBytes, now: number): Permit;
  /**
   * Returns the bytes once. The permit is spent even if this throws (N65). `eventId` is the event that the receipt proves.
   */
  redeem(permit: Permit, eventId: string | undefined, now: number): PermittedBytes;
}

export function createPermitVault(): PermitVault {
  /** The bytes are in a private field, which only this vault reads and only its own permits have. */
  class Issued implements Permit {
    #held: (PermittedBytes & { issued_at: number }) | undefined;
    readonly jti: string;
    readonly kid: string;
    readonly signing_input_sha256: string;
    readonly expires_at: number;

    constructor(facts: PermitFacts, bytes: PermittedBytes, now: number) {
      this.jti = facts.jti;
      this.kid = facts.kid;
      this.signing_input_sha256 = facts.signing_input_sha256;
      this.expires_at = now + permitLifetime * 1000;
      this.#held = { ...bytes, issued_at: now };
      Object.freeze(this);
    }

    static spend(permit: Permit) {
      if (!(#held in permit)) return undefined;
      const held = permit.#held;
      permit.#held = undefined;
      return held;
    }
  }

  return {
    issue: (facts, bytes, now) => new Issued(facts, bytes, now),
    redeem(permit, eventId, now) {
      const held = Issued.spend(permit);
      if (held === undefined)
        throw new ArsiaError('internal', 'A permit was used twice, or was not made by this signer.');
      if (eventId !== permit.jti)
        throw new ArsiaError('internal', 'A permit was used without the receipt of its own audit record.');
      // A clock that was set back must not lengthen the life of a permit.
      if (now < held.issued_at || now >= permit.expires_at)
        throw new ArsiaError('unavailable', `The token was not signed within ${permitLifetime} s of its decision.`);
      return { signingInput: held.signingInput, signer: held.signer };
    },
  };
}
