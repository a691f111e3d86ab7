import type { Generated } from 'kysely';

export interface AdminLinksTable {
  token_hash: Uint8Array;
  user_id: string;
  expires_at: Date;
  used_at: Date | null;
  /** False for a link that signs in the owner of an organisation. */
  makes_operator: Generated<boolean>;
}

export interface FormerLoginsTable {
  organization_id: string;
  login: string;
  user_id: string;
  expires_at: Date;
}

export interface UserIdentitiesTable {
  iss: string;
  sub: string;
  user_id: string;
  email: string | null;
  created_at: Date;
  signed_in_at: Date;
}
