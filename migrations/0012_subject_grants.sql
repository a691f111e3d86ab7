-- Who may let tokens name a user beside the owners at and above the group of the identity (docs/decisions/0017).
CREATE TABLE subject_grants (
  id              text PRIMARY KEY,
  identity_id     text NOT NULL REFERENCES managed_identities (id) ON DELETE CASCADE,
  organization_id text NOT NULL,
  -- A service account whose rights to act count; null: those of every one.
  launcher_id     text REFERENCES service_accounts (id) ON DELETE CASCADE,
  -- Rights to act that were granted here or above count; null: those granted anywhere.
  namespace_id    text REFERENCES namespaces (id) ON DELETE CASCADE,
  created_at      timestamptz NOT NULL,
  CHECK (launcher_id IS NOT NULL OR namespace_id IS NOT NULL)
);
CREATE INDEX subject_grants_of_identity ON subject_grants (identity_id, id);
CREATE INDEX subject_grants_of_launcher ON subject_grants (launcher_id);
CREATE INDEX subject_grants_of_namespace ON subject_grants (namespace_id);

-- Kept facts of a mint end with a change of it (0010_authority_changes.sql).
CREATE TRIGGER authority_insert AFTER INSERT ON subject_grants REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_authority_change();
CREATE TRIGGER authority_update AFTER UPDATE ON subject_grants REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_authority_change();
CREATE TRIGGER authority_delete AFTER DELETE ON subject_grants REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_authority_change();
