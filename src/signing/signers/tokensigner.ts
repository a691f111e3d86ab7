import { hash } from 'node:crypto';
import type { AuditReceipt } from '../../core/audit.ts';
import { lintClaims, type WorkloadClaims } from '../../core/claims.ts';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { SigningKeyring } from '../keysets/keyring.ts';
import { createPermitVault, type TokenSigner } from './permits.ts';
import type { Signer } from './signer.ts';

export interface TokenSignerOptions {
  keyring: Pick<SigningKeyring, 'signer' | 'isPublished'>;
  clock: Clock;
  /** The workload issuer, the only `iss` that is signed. */
  issuer: string;
  /** Returns whether the audit store created the receipt. */
  isReceipt(receipt: AuditReceipt): boolean;
}

export function createTokenSigner({ keyring, clock, issuer, isReceipt }: TokenSignerOptions): TokenSigner {
  const vault = createPermitVault();
  const headers = new WeakMap<Signer, string>();

  function encodeHeader(signer: Signer): string {
    let header = headers.get(signer);
    if (header === undefined) {
      header = base64url(JSON.stringify({ alg: signer.alg, typ: 'JWT', kid: signer.kid }));
      headers.set(signer, header);
    }
    return header;
  }

  return {
    prepare(claims) {
      const payload = JSON.stringify(claims);
      const now = clock.now();
      const { jti } = lintPayload(payload, issuer, now);
      const signer = keyring.signer();
      // Base64url is ASCII, one byte per character.
      const signingInput = Buffer.from(`${encodeHeader(signer)}.${base64url(payload)}`, 'latin1');
      const signing_input_sha256 = hash('sha256', signingInput, 'hex');
      return vault.issue({ jti, kid: signer.kid, signing_input_sha256 }, { signingInput, signer }, now);
    },

    async sign(permit, receipt) {
      const eventId = isReceipt(receipt) ? receipt.event_id : undefined;
      const { signingInput, signer } = vault.redeem(permit, eventId, clock.now());
      // The key may have been revoked since the permit was made.
      if (!keyring.isPublished(signer.kid))
        throw new ArsiaError('unavailable', 'The signing key was withdrawn while the token was being recorded.');
      const signature = await signer.sign(signingInput);
      return `${asText(signingInput, 'latin1')}.${asText(signature, 'base64url')}`;
    },
  };
}

/** Lints the text that is signed, not the source object, whose getters, `toJSON` or inherited members could differ. */
function lintPayload(payload: string | undefined, issuer: string, now: number): WorkloadClaims {
  const claims: unknown = payload === undefined ? undefined : JSON.parse(payload);
  const faults = isObject(claims)
    ? [...lintClaims(claims, issuer), ...findTimeFaults(claims, now)]
    : ['they are not an object'];
  if (faults.length > 0)
    throw new ArsiaError('claims_refused', `The claims were refused before signing: ${faults.join('; ')}.`);
  return claims as WorkloadClaims;
}

/** AWS refuses tokens with an `iat` in its future, and Ceph RGW does so for a second. Expired tokens are useless. */
function findTimeFaults(claims: Readonly<Record<string, unknown>>, now: number): string[] {
  const faults: string[] = [];
  if (Number(claims.iat) * 1000 > now) faults.push('iat is in the future');
  if (Number(claims.exp) * 1000 <= now) faults.push('exp is past');
  return faults;
}

function asText(bytes: Uint8Array, encoding: 'latin1' | 'base64url'): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding);
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
