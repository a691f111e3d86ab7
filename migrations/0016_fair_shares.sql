-- Deleting a service account looks for the jobs that it launched, in every row of the table without this.
CREATE INDEX jobs_of_launcher ON jobs (launcher_id) WHERE launcher_id IS NOT NULL;
CREATE INDEX admin_links_of_user ON admin_links (user_id);

-- With its list of pending entries every reader of this index would conflict, in a serializable transaction, with every
-- namespace that is made meanwhile (PostgreSQL manual, 13.3.5 and 70.4.1).
ALTER INDEX namespaces_lineage SET (fastupdate = off);

-- Pages by id within what they are about (0007): a page costs the same wherever it begins and however long the list is.
CREATE INDEX may_act_page ON may_act (service_account_id, id);
CREATE INDEX access_rules_page ON access_rules (identity_id, id);
DROP INDEX access_rules_of_identity;
CREATE INDEX identity_aliases_page ON identity_aliases (identity_id, id);
DROP INDEX identity_aliases_of_identity;
-- What a job of one user gets in a workspace: the choices for everyone and those for the user and their teams.
CREATE INDEX assignments_of_runner ON assignments (workspace_id, principal_id, identity_id);

-- The owners of an organisation, among all its members: whether the last one would go is asked with every change of a role.
CREATE INDEX memberships_owners ON memberships (namespace_id, principal_id) WHERE role = 'owner';
