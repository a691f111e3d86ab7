-- A flood of made-up client secrets is told from live ones by one look-up of their hashes (src/store/livecredentials.ts).
CREATE INDEX service_account_secrets_by_hash ON service_account_secrets (secret_hash);
