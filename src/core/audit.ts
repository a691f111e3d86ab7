import type { ArsiaError, ErrorCode } from './errors.ts';
import { type Origin, serverOrigin } from './origin.ts';

export type AuditOutcome = 'success' | 'refused' | 'failed';

/**
 * Returns `failed` for an error with a 5xx status: Arsia, the database, a cloud or an outside issuer failed, and the request
 * may have been correct. Returns `refused` for all others, which are decisions against the request. A cloud that denies
 * access (`cloud_denied`, 403) has refused; one that cannot use the token (`cloud_refused`, 502) has failed.
 */
export function classifyOutcome(error: ArsiaError): 'refused' | 'failed' {
  return error.row.status >= 500 ? 'failed' : 'refused';
}

/**
 * An audit event, recorded on success and on refusal (contract.md: who could do what, and who did). It never holds a token, a
 * secret or cloud credentials: `jti` and the hash of the signing input identify a token without revealing it.
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
  /** The entity that was changed. */
  target_id: string | null;
  jti: string | null;
  /** SHA-256 of the JWS signing input, hex. */
  signing_input_sha256: string | null;
  /** The event that this one completes: for an exchange, its mint. */
  parent_id: string | null;
  /** Facts for people, without nesting: the claims of a mint, the outcome of an exchange, the fields of a change. */
  detail: Record<string, unknown>;
}

/**
 * All fields, in the order of the text that the MAC of an event covers (`canonicalText`). Fields may be added, but never
 * reordered or removed. The type requires every field.
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

/** Proof that an event is committed. Only the audit store creates it, and the signer requires it. */
export interface AuditReceipt {
  readonly event_id: string;
}
