import type { AuditReceipt } from '../../core/audit.ts';
import type { WorkloadClaims } from '../../core/claims.ts';
import { ArsiaError } from '../../core/errors.ts';
import { permitLifetime } from '../../core/lifetimes.ts';
import type { Signer } from './signer.ts';

/**
 * The right to one signature over exactly these bytes. What is to be signed lies in the vault that made the permit, out of
 * reach: nobody can change it between the audit record and the signature.
 */
export interface Permit {
  /** The id of the token and of its audit record (docs/decisions/0013). */
  readonly jti: string;
  readonly kid: string;
  /** SHA-256 of the JWS signing input, hex: what the audit record holds. */
  readonly signing_input_sha256: string;
  /** Milliseconds since 1970. */
  readonly expires_at: number;
}

/** Signs workload tokens: decision, linter, permit, audit record, signature, in this order and in no other. */
export interface TokenSigner {
  /**
   * Lints the claims and fixes the bytes that will be signed. Throws ArsiaError `claims_refused` with every fault, and
   * `unavailable` when no key may sign.
   */
  prepare(claims: WorkloadClaims): Permit;
  /** The compact JWS (RFC 7515 3.1) of a live, unused permit whose audit record is committed. */
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
  /** Gives the bytes out once, and spends the permit whatever comes of it (N65). `eventId` is what the receipt proves. */
  redeem(permit: Permit, eventId: string | undefined, now: number): PermittedBytes;
}

export function createPermitVault(): PermitVault {
  /** What it permits is out of reach: a private field, which this vault alone reads and only its own permits have. */
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
        throw new ArsiaError('internal', 'A permit came without the receipt of its own audit record.');
      // A clock that was set back must not lengthen the life of a permit.
      if (now < held.issued_at || now >= permit.expires_at)
        throw new ArsiaError('unavailable', `The token was not signed within ${permitLifetime} s of its decision.`);
      return { signingInput: held.signingInput, signer: held.signer };
    },
  };
}
