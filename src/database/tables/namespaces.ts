import type { Generated } from 'kysely';
import type { WithoutRules } from '../../core/accessrules.ts';

export interface NamespacesTable {
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

export interface OrganizationSettingsTable {
  organization_id: string;
  identities_without_rules: Generated<WithoutRules>;
  allowed_issuers: string[] | null;
  version: Generated<number>;
}

export interface OrganizationQuotasTable {
  organization_id: string;
  name: string;
  value: number;
}
