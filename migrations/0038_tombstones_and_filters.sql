-- A service account that was deleted stays as a row that nothing uses, so that the jobs it started and the audit can say who it
-- was. Its name is its id, so that the name is free, and an older replica does not find it by its path.
ALTER TABLE service_accounts ADD COLUMN deleted_at timestamptz, ADD COLUMN deleted_path text;
-- Also for an older replica, which does not know the columns.
ALTER TABLE service_accounts ADD CONSTRAINT service_accounts_deleted_are_inactive
  CHECK (deleted_at IS NULL OR (NOT is_active AND jwks IS NULL AND deleted_path IS NOT NULL));

-- Pages of the workspaces that use an identity, and of the masks of a namespace.
CREATE INDEX assignments_page ON assignments (identity_id, id);
DROP INDEX assignments_of_identity;
CREATE INDEX identity_masks_page ON identity_masks (namespace_id, identity_id);
DROP INDEX identity_masks_of_namespace;
