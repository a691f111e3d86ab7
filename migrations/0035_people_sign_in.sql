-- Owners rename, merge and delete users, and tie them to the people who sign in as them (docs/decisions/0036). Columns are
-- nullable, so that a replica of the release before can write on.

-- The row of a deleted user stays: audit events and jobs name its id. `merged_into` is set where another user took over what
-- the user had.
ALTER TABLE users ADD COLUMN deleted_at timestamptz, ADD COLUMN merged_into text REFERENCES users (id);
-- A replica of the release before knows no deleted users, and must not activate one.
ALTER TABLE users ADD CONSTRAINT users_deleted_are_inactive
  CHECK (deleted_at IS NULL AND merged_into IS NULL OR deleted_at IS NOT NULL AND NOT is_active AND NOT is_operator);

-- The logins that users had before they were renamed. Nobody else gets one before it expires.
CREATE TABLE former_logins (
  organization_id text NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  login           text NOT NULL,
  user_id         text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  expires_at      timestamptz NOT NULL,
  PRIMARY KEY (organization_id, login)
);
CREATE INDEX former_logins_of_user ON former_logins (user_id);
CREATE INDEX former_logins_expiry ON former_logins (expires_at);

-- Who may sign in as a user that an owner created, once: the subject of an identity provider, or whoever signs in there next
-- with this verified address (lower-case), before `expires_at`. Deleted when it was used.
CREATE TABLE user_ties (
  id              text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  user_id         text NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
  iss             text NOT NULL,
  sub             text,
  email           text,
  created_by      text NOT NULL,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz,
  CHECK ((sub IS NULL) <> (email IS NULL)),
  CHECK (email IS NULL OR expires_at IS NOT NULL)
);
CREATE INDEX user_ties_of_subject ON user_ties (sub) WHERE sub IS NOT NULL;
CREATE INDEX user_ties_of_email ON user_ties (email) WHERE email IS NOT NULL;
CREATE INDEX user_ties_of_organization ON user_ties (organization_id);

-- Whether the holder of an address is a user of the organisation already.
CREATE INDEX CONCURRENTLY IF NOT EXISTS user_identities_of_email ON user_identities (email) WHERE email IS NOT NULL;

-- The jobs that end with their user, and the rules that name a user.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_running_of_user ON jobs (user_id) WHERE ended_at IS NULL AND user_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS access_rules_of_users ON access_rules (organization_id) WHERE kind = 'user';
