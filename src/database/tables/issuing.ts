import type { KeyState } from '../../core/keystates.ts';
import type { Json } from './json.ts';

export interface OidcArtifactsTable {
  model: string;
  id_hash: Uint8Array;
  grant_hash: Uint8Array | null;
  uid_hash: Uint8Array | null;
  user_code_hash: Uint8Array | null;
  principal_id: string | null;
  payload: Uint8Array;
  consumed_at: Date | null;
  expires_at: Date | null;
  /** For a device code: seconds between polls, and the time from which the next poll is allowed. */
  poll_interval: number | null;
  poll_after: Date | null;
  /** For an access token: the trust rule by which it was issued. */
  trust_rule_id: string | null;
}

export interface SharedSecretsTable {
  name: string;
  sealed: Uint8Array;
}

/** Facts of the whole installation, by name: `issuer`. */
export interface InstallationFactsTable {
  name: string;
  value: string;
}

export interface IdempotencyKeysTable {
  key_hash: Uint8Array;
  organization_id: string | null;
  content_hash: Uint8Array;
  answer: Json;
  expires_at: Date;
}

export interface KeySetsTable {
  name: string;
  version: number;
}

export interface SigningKeysTable {
  kid: string;
  key_set: string;
  alg: string;
  state: KeyState;
  public_jwk: Json;
  sealed_private: Uint8Array;
  published_at: Date;
  activated_at: Date | null;
  retired_at: Date | null;
}
