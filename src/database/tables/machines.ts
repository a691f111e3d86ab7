import type { Generated } from 'kysely';
import type { Condition } from '../../core/outsidetrust.ts';
import type { Json } from './json.ts';

export interface ServiceAccountsTable {
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

export interface ServiceAccountSecretsTable {
  id: string;
  service_account_id: string;
  secret_hash: Uint8Array;
  expires_at: Date;
  created_at: Date;
}

export interface ServiceAccountTrustRulesTable {
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

export interface MayActTable {
  id: string;
  service_account_id: string;
  namespace_id: string;
  organization_id: string;
  users: string[];
  stages: string[];
  labels: Json<Record<string, string>>;
  created_at: Date;
}
