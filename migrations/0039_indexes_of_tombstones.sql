-- Indexes of the columns of migrations 0035 and 0038. In a file of their own: the indexes of a file are built before its columns
-- are added.

-- The users that were merged into another one.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_merged_into ON users (merged_into) WHERE merged_into IS NOT NULL;
-- The quota of users counts those that are deleted until their login is free.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_deleted ON users (organization_id, deleted_at) WHERE deleted_at IS NOT NULL;
-- Lists of service accounts by the beginning of the name, and of the active or inactive ones.
CREATE INDEX CONCURRENTLY IF NOT EXISTS service_accounts_by_name
  ON service_accounts (organization_id, (name COLLATE "C"), id) WHERE deleted_at IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS service_accounts_by_state
  ON service_accounts (organization_id, is_active, id) WHERE deleted_at IS NULL;
