import type { ArsiaError, ErrorCode } from './errors.ts';
import { type Origin, serverOrigin } from './origin.ts';

export type AuditOutcome = 'success' | 'refused' | 'failed';

/**
 * The one rule of what was refused and what failed: an error of the 500s failed. Then Arsia, the database, a cloud or an
 * outside issuer did not do its part, and the request may have been right. All else is a decision against the request. So a
 * cloud that denies (`cloud_denied`, 403) has refused, and one that cannot use the token (`cloud_refused`, 502) has failed.
 */
export function outcomeOf(error: ArsiaError): 'refused' | 'failed' {
  return error.row.status >= 500 ? 'failed' : 'refused';
}

/**
 * One value per event, filled on the way and recorded on success and on refusal (contract.md: who could do what, and who did).
 * Never a token, a secret or cloud credentials: `jti` and the hash of the signing input name a token without being one.
 */
export interface AuditEvent extends Origin {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
  /** `noun.verb`: `token.mint`, `credentials.exchange`, `workspace.create`. */
  action: string;
  outcome: AuditOutcome;
  code: ErrorCode | null;
  organization_id: string | null;
  actor_kind: string;
  actor_id: string | null;
  user_id: string | null;
  workspace_id: string | null;
  identity_id: string | null;
  job_id: string | null;
  /** What a change was made to. */
  target_id: string | null;
  jti: string | null;
  /** SHA-256 of the JWS signing input, hex. */
  signing_input_sha256: string | null;
  /** The event that this one concludes: the mint of an exchange. */
  parent_id: string | null;
  /** Claims of a mint, the outcome of an exchange, the fields of a change: flat facts for people. */
  detail: Record<string, unknown>;
}

/**
 * All fields, in the order of the text that the MAC of an event covers (`canonicalText`): fields are added, never put in
 * another order or removed. The type demands every field.
 */
export const eventFields = Object.keys({
  id: 0,
  at: 0,
  action: 0,
  outcome: 0,
  code: 0,
  organization_id: 0,
  actor_kind: 0,
  actor_id: 0,
  user_id: 0,
  workspace_id: 0,
  identity_id: 0,
  job_id: 0,
  target_id: 0,
  jti: 0,
  signing_input_sha256: 0,
  ...serverOrigin,
  parent_id: 0,
  detail: 0,
} satisfies Record<keyof AuditEvent, unknown>) as (keyof AuditEvent)[];

/** Proof that an event is committed: made by the audit store alone, asked for by the signer. */
export interface AuditReceipt {
  readonly event_id: string;
}
