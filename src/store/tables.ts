import type { ColumnType, Generated } from 'kysely';
import type { RuleKind, WithoutRules } from '../core/accessrules.ts';
import type { AuditOutcome } from '../core/audit.ts';
import type { KeyState } from '../core/keystates.ts';
import type { Delivery } from '../core/mint.ts';
import type { Condition } from '../core/outsidetrust.ts';
import type { Role } from '../core/permissions.ts';
import type { SubjectScope } from '../core/subject.ts';
import type { SubjectGrantsTable } from './subjectgrants.ts';

/** jsonb that holds an object. Never give it an array: pg would send a PostgreSQL array. */
export type Json<T extends object = Record<string, unknown>> = ColumnType<T, T, T>;

/** The tables of `migrations/`, as both databases give and take them. */
export interface Tables {
  namespaces: NamespacesTable;
  users: UsersTable;
  service_accounts: ServiceAccountsTable;
  service_account_secrets: ServiceAccountSecretsTable;
  service_account_trust_rules: ServiceAccountTrustRulesTable;
  memberships: MembershipsTable;
  may_act: MayActTable;
  managed_identities: ManagedIdentitiesTable;
  audiences: AudiencesTable;
  use_grants: UseGrantsTable;
  subject_grants: SubjectGrantsTable;
  assignments: AssignmentsTable;
  jobs: JobsTable;
  oidc_artifacts: OidcArtifactsTable;
  admin_links: AdminLinksTable;
  user_identities: UserIdentitiesTable;
  invitations: InvitationsTable;
  shared_secrets: SharedSecretsTable;
  teams: TeamsTable;
  team_members: TeamMembersTable;
  organization_settings: OrganizationSettingsTable;
  organization_quotas: { organization_id: string; name: string; value: number };
  access_rules: AccessRulesTable;
  identity_aliases: IdentityAliasesTable;
  identity_masks: IdentityMasksTable;
  idempotency_keys: IdempotencyKeysTable;
  key_sets: KeySetsTable;
  signing_keys: SigningKeysTable;
  audit_events: AuditEventsTable;
  audit_checkpoints: AuditCheckpointsTable;
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

interface ServiceAccountTrustRulesTable {
  id: string;
  service_account_id: string;
  organization_id: string;
  issuer: string;
  audience: string;
  conditions: Json<{ all: Condition[] }>;
  single_use: boolean;
  /** Seconds from `iat` to `exp` that a token may live. */
  maximum_lifetime: number;
  description: Generated<string>;
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
  /** Empty for everyone of the workspace. */
  principal_id: Generated<string>;
  created_at: Date;
}

interface TeamsTable {
  id: string;
  organization_id: string;
  name: string;
  description: Generated<string>;
  created_at: Date;
  version: Generated<number>;
}

interface TeamMembersTable {
  team_id: string;
  user_id: string;
  source: 'manual' | 'sign_in';
  created_at: Date;
}

interface OrganizationSettingsTable {
  organization_id: string;
  identities_without_rules: Generated<WithoutRules>;
  allowed_issuers: string[] | null;
  version: Generated<number>;
}

interface AccessRulesTable {
  id: string;
  identity_id: string;
  organization_id: string;
  kind: RuleKind;
  values: string[];
  created_at: Date;
  version: Generated<number>;
}

interface IdentityAliasesTable {
  id: string;
  identity_id: string;
  group_id: string;
  organization_id: string;
  name: string;
  created_at: Date;
}

interface IdentityMasksTable {
  namespace_id: string;
  identity_id: string;
  organization_id: string;
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
  /** The job whose array task this is. */
  parent_id: string | null;
  task_index: number | null;
  /** A job that misses its heartbeat this long is ended; null for one without. */
  heartbeat_seconds: number | null;
  heartbeat_at: Date | null;
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
  /** Of a device code: seconds between polls, and when the next is due. */
  poll_interval: number | null;
  poll_after: Date | null;
  /** Of an access token: the trust rule that it was given by. */
  trust_rule_id: string | null;
}

interface AdminLinksTable {
  token_hash: Uint8Array;
  user_id: string;
  expires_at: Date;
  used_at: Date | null;
  /** False for the link of an organisation's owner. */
  makes_operator: Generated<boolean>;
}

interface UserIdentitiesTable {
  iss: string;
  sub: string;
  user_id: string;
  email: string | null;
  created_at: Date;
  signed_in_at: Date;
}

interface InvitationsTable {
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

interface SharedSecretsTable {
  name: string;
  sealed: Uint8Array;
}

interface IdempotencyKeysTable {
  key_hash: Uint8Array;
  organization_id: string | null;
  content_hash: Uint8Array;
  answer: Json;
  expires_at: Date;
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
  /** Given by the database, in the order of the inserts. */
  position: ColumnType<number, never, never>;
  mac: Uint8Array;
}

interface AuditCheckpointsTable {
  number: number;
  signed: string;
  /** With blanks between. */
  event_ids: string;
}

interface MigrationsTable {
  name: string;
  checksum: string;
  applied_at: Date;
}
