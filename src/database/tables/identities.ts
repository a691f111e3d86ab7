import type { ColumnType, Generated } from 'kysely';
import type { RuleKind } from '../../core/accessrules.ts';
import type { Delivery } from '../../core/mintfacts.ts';
import type { SubjectScope } from '../../core/subject.ts';

export interface ManagedIdentitiesTable {
  id: string;
  organization_id: string;
  group_id: string;
  name: string;
  type: string;
  description: Generated<string>;
  /** Read it with `settingsOf` (services): a row may have the form of an older release. */
  settings: ColumnType<unknown, Record<string, unknown>, Record<string, unknown>>;
  audience: string | null;
  subject_scope: SubjectScope;
  delivery: Delivery;
  /** Seconds. */
  token_lifetime: number;
  created_at: Date;
  version: Generated<number>;
}

export interface AudiencesTable {
  audience: string;
  organization_id: string;
  freed_at: Date | null;
}

export interface UseGrantsTable {
  id: string;
  identity_id: string;
  principal_id: string;
  organization_id: string;
  created_at: Date;
}

export interface AssignmentsTable {
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

export interface AccessRulesTable {
  id: string;
  identity_id: string;
  organization_id: string;
  kind: RuleKind;
  values: string[];
  created_at: Date;
  version: Generated<number>;
}

export interface IdentityAliasesTable {
  id: string;
  identity_id: string;
  group_id: string;
  organization_id: string;
  name: string;
  created_at: Date;
}

export interface IdentityMasksTable {
  namespace_id: string;
  identity_id: string;
  organization_id: string;
  created_at: Date;
}

export interface SubjectGrantsTable {
  id: string;
  identity_id: string;
  organization_id: string;
  /** Null: every launcher. */
  launcher_id: string | null;
  /** Null: rights to act granted anywhere. */
  namespace_id: string | null;
  created_at: Date;
}
