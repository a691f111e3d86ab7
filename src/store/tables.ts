import type { ColumnType, Generated } from 'kysely';
import type { AuditOutcome } from '../core/audit.ts';
import type { KeyState } from '../core/keystates.ts';
import type { Delivery } from '../core/mint.ts';
import type { Role } from '../core/permissions.ts';
import type { SubjectScope } from '../core/subject.ts';

/** jsonb that holds an object. Never give it an array: pg would send a PostgreSQL array. */
export type Json<T extends object = Record<string, unknown>> = ColumnType<T, T, T>;

/** The tables of `migrations/`, as both databases give and take them. */
export interface Tables {
  namespaces: NamespacesTable;
  users: UsersTable;
  service_accounts: ServiceAccountsTable;
  service_account_secrets: ServiceAccountSecretsTable;
  memberships: MembershipsTable;
  may_act: MayActTable;
  managed_identities: ManagedIdentitiesTable;
  audiences: AudiencesTable;
  use_grants: UseGrantsTable;
  assignments: AssignmentsTable;
  jobs: JobsTable;
  oidc_artifacts: OidcArtifactsTable;
  admin_links: AdminLinksTable;
  key_sets: KeySetsTable;
  signing_keys: SigningKeysTable;
  audit_events: AuditEventsTable;
  migrations: MigrationsTable;
}

interface NamespacesTable {
  id: string;
  kind: 'group' | 'workspace';
  parent_id: string | null;
  organization_id: string;
  name: string;
  path: string;
  lineage: string[];
  description: Generated<string>;
  created_at: Date;
  version: Generated<number>;
}

interface UsersTable {
  id: string;
  organization_id: string | null;
  login: string;
  display_name: Generated<string>;
  is_operator: Generated<boolean>;
  is_active: Generated<boolean>;
  created_at: Date;
  version: Generated<number>;
}

interface ServiceAccountsTable {
  id: string;
  organization_id: string;
  group_id: string;
  name: string;
  description: Generated<string>;
  is_active: Generated<boolean>;
  jwks: Json<{ keys: Record<string, unknown>[] }> | null;
  created_at: Date;
  version: Generated<number>;
}

interface ServiceAccountSecretsTable {
  id: string;
  service_account_id: string;
  secret_hash: Uint8Array;
  expires_at: Date;
  created_at: Date;
}

interface MembershipsTable {
  id: string;
  namespace_id: string;
  principal_id: string;
  role: Role;
  organization_id: string;
  created_at: Date;
  version: Generated<number>;
}

interface MayActTable {
  id: string;
  service_account_id: string;
  namespace_id: string;
  organization_id: string;
  users: string[];
  stages: string[];
  labels: Json<Record<string, string>>;
  created_at: Date;
}

interface ManagedIdentitiesTable {
  id: string;
  organization_id: string;
  group_id: string;
  name: string;
  type: string;
  description: Generated<string>;
  settings: Json;
  subject_scope: SubjectScope;
  delivery: Delivery;
  /** Seconds. */
  token_lifetime: number;
  created_at: Date;
  version: Generated<number>;
}

interface AudiencesTable {
  audience: string;
  organization_id: string;
}

interface UseGrantsTable {
  id: string;
  identity_id: string;
  principal_id: string;
  organization_id: string;
  created_at: Date;
}

interface AssignmentsTable {
  id: string;
  workspace_id: string;
  identity_id: string;
  organization_id: string;
  type: string;
  profile: Generated<string>;
  created_at: Date;
}

interface JobsTable {
  id: string;
  organization_id: string;
  workspace_id: string;
  user_id: string | null;
  launcher_id: string | null;
  started_by: string;
  stage: string;
  labels: Json<Record<string, string>>;
  reference: string | null;
  token_hash: Uint8Array;
  deadline: Date;
  ended_at: Date | null;
  created_at: Date;
  version: Generated<number>;
}

interface OidcArtifactsTable {
  model: string;
  id_hash: Uint8Array;
  grant_hash: Uint8Array | null;
  uid_hash: Uint8Array | null;
  user_code_hash: Uint8Array | null;
  principal_id: string | null;
  payload: Uint8Array;
  consumed_at: Date | null;
  expires_at: Date | null;
}

interface AdminLinksTable {
  token_hash: Uint8Array;
  user_id: string;
  expires_at: Date;
  used_at: Date | null;
}

interface KeySetsTable {
  name: string;
  version: Generated<number>;
}

interface SigningKeysTable {
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

interface AuditEventsTable {
  id: string;
  at: Date;
  action: string;
  outcome: AuditOutcome;
  code: string | null;
  organization_id: string | null;
  actor_kind: string;
  actor_id: string | null;
  user_id: string | null;
  workspace_id: string | null;
  identity_id: string | null;
  job_id: string | null;
  target_id: string | null;
  jti: string | null;
  signing_input_sha256: string | null;
  request_id: string | null;
  parent_id: string | null;
  detail: Json;
}

interface MigrationsTable {
  name: string;
  checksum: string;
  applied_at: Date;
}
