import type { Generated } from 'kysely';

export interface AdminLinksTable {
  token_hash: Uint8Array;
  user_id: string;
  expires_at: Date;
  used_at: Date | null;
  /** False for the link of an organisation's owner. */
  makes_operator: Generated<boolean>;
}

export interface UserIdentitiesTable {
  iss: string;
  sub: string;
  user_id: string;
  email: string | null;
  created_at: Date;
  signed_in_at: Date;
}
