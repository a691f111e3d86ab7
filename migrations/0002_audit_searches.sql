-- What auditors ask for: everything by, for, in or about one of these, newest first.
CREATE INDEX audit_events_actor ON audit_events (actor_id, id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_events_user ON audit_events (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_events_workspace ON audit_events (workspace_id, id) WHERE workspace_id IS NOT NULL;
CREATE INDEX audit_events_identity ON audit_events (identity_id, id) WHERE identity_id IS NOT NULL;
CREATE INDEX audit_events_job ON audit_events (job_id, id) WHERE job_id IS NOT NULL;
