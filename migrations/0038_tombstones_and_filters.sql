-- A service account that was deleted stays as a row that nothing uses, so that the jobs it started and the audit can say who it
-- was. Its name is `deleted:` and its id, so that the name is free, and an older replica does not find it by its path.
ALTER TABLE service_accounts ADD COLUMN deleted_at timestamptz, ADD COLUMN deleted_path text;
-- Also for an older replica, which does not know the columns.
ALTER TABLE service_accounts ADD CONSTRAINT service_accounts_deleted_are_inactive
  CHECK (deleted_at IS NULL OR (NOT is_active AND jwks IS NULL AND deleted_path IS NOT NULL));

-- Pages of the workspaces that use an identity, and of the masks of a namespace.
CREATE INDEX CONCURRENTLY IF NOT EXISTS assignments_page ON assignments (identity_id, id);
DROP INDEX assignments_of_identity;
CREATE INDEX CONCURRENTLY IF NOT EXISTS identity_masks_page ON identity_masks (namespace_id, identity_id);
DROP INDEX identity_masks_of_namespace;

-- Lists by the beginning of a name, in the order of names: bytes, whatever the collation of the database.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_by_login ON users (organization_id, (login COLLATE "C"), id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS namespaces_by_name ON namespaces (organization_id, kind, (name COLLATE "C"), id);
-- Lists of the active or inactive ones, and of groups and workspaces with an identity of a type.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_by_state ON users (organization_id, is_active, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS assignments_by_type ON assignments (organization_id, type, workspace_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS managed_identities_by_type ON managed_identities (organization_id, type, group_id);
