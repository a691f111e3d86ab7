import type { Generated } from 'kysely';
import type { accessRules } from '../entities/accessrules.ts';
import type { aliases } from '../entities/aliases.ts';
import type { assignments } from '../entities/assignments.ts';
import type { Fields, Row } from '../entities/entity.ts';
import type { invitations } from '../entities/invitations.ts';
import type { jobs } from '../entities/jobs.ts';
import type { managedIdentities } from '../entities/managedidentities.ts';
import type { masks } from '../entities/masks.ts';
import type { mayAct } from '../entities/mayact.ts';
import type { memberships } from '../entities/memberships.ts';
import type { groups } from '../entities/namespaces.ts';
import type { organizationSettings } from '../entities/organizationsettings.ts';
import type { serviceAccounts } from '../entities/serviceaccounts.ts';
import type { subjectGrants } from '../entities/subjectgrants.ts';
import type { teamMembers, teams } from '../entities/teams.ts';
import type { trustRules } from '../entities/trustrules.ts';
import type { useGrants } from '../entities/usegrants.ts';
import type { users } from '../entities/users.ts';
import type { userTies } from '../entities/userties.ts';
import type { AuditCheckpointsTable, AuditEventsTable, MigrationsTable } from './tables/audit.ts';
import type { AudiencesTable } from './tables/identities.ts';
import type {
  IdempotencyKeysTable,
  InstallationFactsTable,
  KeySetsTable,
  OidcArtifactsTable,
  SharedSecretsTable,
  SigningKeysTable,
} from './tables/issuing.ts';
import type { ServiceAccountSecretsTable } from './tables/machines.ts';
import type { OrganizationQuotasTable } from './tables/namespaces.ts';
import type { AdminLinksTable, FormerLoginsTable, UserIdentitiesTable } from './tables/people.ts';

export type { Json } from './tables/json.ts';

/** The table of an entity. An insert may leave out a column that has a default. */
type TableOf<Entity extends { fields: Fields }> = {
  [Name in keyof Row<Entity>]: Entity['fields'][Name & string] extends { hasDefault: true }
    ? Generated<Row<Entity>[Name]>
    : Row<Entity>[Name];
};

/** The tables of `migrations/`, with the types that both databases read and write. */
export interface Tables {
  namespaces: TableOf<typeof groups>;
  users: TableOf<typeof users>;
  service_accounts: TableOf<typeof serviceAccounts>;
  service_account_secrets: ServiceAccountSecretsTable;
  service_account_trust_rules: TableOf<typeof trustRules>;
  memberships: TableOf<typeof memberships>;
  may_act: TableOf<typeof mayAct>;
  managed_identities: TableOf<typeof managedIdentities>;
  audiences: AudiencesTable;
  use_grants: TableOf<typeof useGrants>;
  subject_grants: TableOf<typeof subjectGrants>;
  assignments: TableOf<typeof assignments>;
  jobs: TableOf<typeof jobs>;
  oidc_artifacts: OidcArtifactsTable;
  admin_links: AdminLinksTable;
  user_identities: UserIdentitiesTable;
  invitations: TableOf<typeof invitations>;
  user_ties: TableOf<typeof userTies>;
  former_logins: FormerLoginsTable;
  shared_secrets: SharedSecretsTable;
  installation_facts: InstallationFactsTable;
  teams: TableOf<typeof teams>;
  team_members: TableOf<typeof teamMembers>;
  organization_settings: TableOf<typeof organizationSettings>;
  organization_quotas: OrganizationQuotasTable;
  access_rules: TableOf<typeof accessRules>;
  identity_aliases: TableOf<typeof aliases>;
  identity_masks: TableOf<typeof masks>;
  idempotency_keys: IdempotencyKeysTable;
  key_sets: KeySetsTable;
  signing_keys: SigningKeysTable;
  audit_events: AuditEventsTable;
  audit_checkpoints: AuditCheckpointsTable;
  migrations: MigrationsTable;
}
