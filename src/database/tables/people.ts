import type { Generated } from 'kysely';
import type { Role } from '../../core/permissions.ts';

export interface UsersTable {
  id: string;
  organization_id: string | null;
  login: string;
  display_name: Generated<string>;
  is_operator: Generated<boolean>;
  is_active: Generated<boolean>;
  created_at: Date;
  version: Generated<number>;
}

export interface MembershipsTable {
  id: string;
  namespace_id: string;
  principal_id: string;
  role: Role;
  organization_id: string;
  created_at: Date;
  version: Generated<number>;
}

export interface TeamsTable {
  id: string;
  organization_id: string;
  name: string;
  description: Generated<string>;
  created_at: Date;
  version: Generated<number>;
}

export interface TeamMembersTable {
  team_id: string;
  user_id: string;
  source: 'manual' | 'sign_in';
  created_at: Date;
}

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

export interface InvitationsTable {
  id: string;
  organization_id: string;
  email: string;
  namespace_id: string | null;
  role: Role | null;
  invited_by: string;
  created_at: Date;
  expires_at: Date;
  accepted_at: Date | null;
  user_id: string | null;
}
