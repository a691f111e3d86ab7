import type { AuditCheckpointsTable, AuditEventsTable, MigrationsTable } from './tables/audit.ts';
import type {
  AccessRulesTable,
  AssignmentsTable,
  AudiencesTable,
  IdentityAliasesTable,
  IdentityMasksTable,
  ManagedIdentitiesTable,
  SubjectGrantsTable,
  UseGrantsTable,
} from './tables/identities.ts';
import type {
  IdempotencyKeysTable,
  KeySetsTable,
  OidcArtifactsTable,
  SharedSecretsTable,
  SigningKeysTable,
} from './tables/issuing.ts';
import type { JobsTable } from './tables/jobs.ts';
import type {
  MayActTable,
  ServiceAccountSecretsTable,
  ServiceAccountsTable,
  ServiceAccountTrustRulesTable,
} from './tables/machines.ts';
import type { NamespacesTable, OrganizationQuotasTable, OrganizationSettingsTable } from './tables/namespaces.ts';
import type {
  AdminLinksTable,
  InvitationsTable,
  MembershipsTable,
  TeamMembersTable,
  TeamsTable,
  UserIdentitiesTable,
  UsersTable,
} from './tables/people.ts';

export type { Json } from './tables/json.ts';

/** The tables of `migrations/`, with the types that both databases read and write. */
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
  organization_quotas: OrganizationQuotasTable;
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
