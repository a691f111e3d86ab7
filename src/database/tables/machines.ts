export interface ServiceAccountSecretsTable {
  id: string;
  service_account_id: string;
  secret_hash: Uint8Array;
  expires_at: Date;
  created_at: Date;
}
