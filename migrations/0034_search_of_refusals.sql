-- What an admin asks who looks for the reason of a refusal. The success of a mint is in neither index, so that a mint costs no
-- more: its record has its `jti` as `id`, as in migration 0011, and no code. By organisation: a caller chooses the id of its
-- request, and can send that of another one a million times. The indexes are built while requests go on.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_request ON audit_events (organization_id, request_id, id)
  WHERE jti IS NULL OR jti <> id;
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_code ON audit_events (organization_id, code, id) WHERE code IS NOT NULL;

-- The jobs of a workspace that somebody started, that run for a user, or that have a reference, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_of_starter ON jobs (workspace_id, started_by, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_of_user ON jobs (workspace_id, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_of_reference ON jobs (workspace_id, reference, id) WHERE reference IS NOT NULL;

-- Why a job ended: `deadline`, `heartbeat`, `parent`, or the id of who ended it. Null while it runs, and for jobs that ended
-- before this migration or that a replica of the release before ended. Without a default, so that no row is rewritten.
ALTER TABLE jobs ADD COLUMN ended_by text;
