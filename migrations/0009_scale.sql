-- What a mint or a change asks for costs the same in a large organisation as in a small one.

-- Read with every mint: the rights of a launcher along one lineage, though it may have one in each of 10,000 groups.
CREATE INDEX may_act_of_account_in ON may_act (service_account_id, namespace_id);
DROP INDEX may_act_of_account;
-- A team that ends takes its choices and grants with it: a pass over all of them would also make every other change of them,
-- in a serializable transaction, begin again.
CREATE INDEX assignments_of_principal ON assignments (principal_id) WHERE principal_id <> '';
CREATE INDEX use_grants_of_principal ON use_grants (principal_id);
-- The jobs that run, among all that ever ran: what is overdue, and what keeps a workspace from being deleted.
CREATE INDEX jobs_running ON jobs (workspace_id, id) WHERE ended_at IS NULL;

-- Deleting a namespace looks for rows that refer to it, in each of these.
CREATE INDEX may_act_of_namespace ON may_act (namespace_id);
CREATE INDEX audiences_of_organization ON audiences (organization_id);
CREATE INDEX invitations_of_namespace ON invitations (namespace_id) WHERE namespace_id IS NOT NULL;
-- The organisation of a job is that of its workspace, which is held by a key of its own: this one cost a look-up with every
-- job, and a pass over all jobs with every workspace that is deleted.
ALTER TABLE jobs DROP CONSTRAINT jobs_organization_id_fkey;
