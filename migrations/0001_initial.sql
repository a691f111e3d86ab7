-- Namespaces: groups and workspaces in one tree. `lineage` holds the ids from the root group to the row itself, so that
-- roles and inheritance are one index look-up; `organization_id` is lineage[1].
CREATE TABLE namespaces (
  id              text PRIMARY KEY,
  kind            text NOT NULL CHECK (kind IN ('group', 'workspace')),
  parent_id       text REFERENCES namespaces (id),
  organization_id text NOT NULL,
  name            text NOT NULL,
  path            text NOT NULL UNIQUE,
  lineage         text[] NOT NULL,
  description     text NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL,
  version         integer NOT NULL DEFAULT 1,
  CHECK (parent_id IS NOT NULL OR kind = 'group')
);
CREATE UNIQUE INDEX namespaces_name_in_parent ON namespaces (parent_id, name);
CREATE INDEX namespaces_of_organization ON namespaces (organization_id, kind, id);

-- People. An operator belongs to no organisation by being one.
CREATE TABLE users (
  id              text PRIMARY KEY,
  organization_id text REFERENCES namespaces (id),
  login           text NOT NULL UNIQUE,
  display_name    text NOT NULL DEFAULT '',
  is_operator     boolean NOT NULL DEFAULT false,
  is_active       boolean NOT NULL DEFAULT true,
  created_at      timestamptz NOT NULL,
  version         integer NOT NULL DEFAULT 1
);
CREATE INDEX users_of_organization ON users (organization_id, id);

-- Machines: launchers among them. An OAuth client each, its id the client_id.
CREATE TABLE service_accounts (
  id              text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES namespaces (id),
  group_id        text NOT NULL REFERENCES namespaces (id),
  name            text NOT NULL,
  description     text NOT NULL DEFAULT '',
  is_active       boolean NOT NULL DEFAULT true,
  -- Public keys for private_key_jwt (RFC 7523); an account with keys authenticates by them alone.
  jwks            jsonb,
  created_at      timestamptz NOT NULL,
  version         integer NOT NULL DEFAULT 1,
  UNIQUE (group_id, name)
);
CREATE INDEX service_accounts_of_organization ON service_accounts (organization_id, id);

CREATE TABLE service_account_secrets (
  id                 text PRIMARY KEY,
  service_account_id text NOT NULL REFERENCES service_accounts (id) ON DELETE CASCADE,
  secret_hash        bytea NOT NULL,
  expires_at         timestamptz NOT NULL,
  created_at         timestamptz NOT NULL
);
CREATE INDEX service_account_secrets_of_account ON service_account_secrets (service_account_id);

-- Roles. A principal is a user or a service account (its prefix says which).
CREATE TABLE memberships (
  id              text PRIMARY KEY,
  namespace_id    text NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  principal_id    text NOT NULL,
  role            text NOT NULL CHECK (role IN ('viewer', 'deployer', 'owner')),
  organization_id text NOT NULL,
  created_at      timestamptz NOT NULL,
  version         integer NOT NULL DEFAULT 1,
  UNIQUE (principal_id, namespace_id)
);
CREATE INDEX memberships_of_namespace ON memberships (namespace_id, id);

-- The right of a service account to start jobs for users (RFC 8693 4.4).
CREATE TABLE may_act (
  id                 text PRIMARY KEY,
  service_account_id text NOT NULL REFERENCES service_accounts (id) ON DELETE CASCADE,
  namespace_id       text NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  organization_id    text NOT NULL,
  users              text[] NOT NULL,
  stages             text[] NOT NULL,
  labels             jsonb NOT NULL,
  created_at         timestamptz NOT NULL
);
CREATE INDEX may_act_of_account ON may_act (service_account_id);

CREATE TABLE managed_identities (
  id              text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES namespaces (id),
  group_id        text NOT NULL REFERENCES namespaces (id),
  name            text NOT NULL,
  type            text NOT NULL,
  description     text NOT NULL DEFAULT '',
  settings        jsonb NOT NULL,
  subject_scope   text NOT NULL CHECK (subject_scope IN ('identity', 'workspace', 'user', 'workspace_user')),
  delivery        text NOT NULL CHECK (delivery IN ('credentials', 'token', 'both')),
  token_lifetime  integer NOT NULL,
  created_at      timestamptz NOT NULL,
  version         integer NOT NULL DEFAULT 1,
  UNIQUE (group_id, name)
);
CREATE INDEX managed_identities_of_organization ON managed_identities (organization_id, id);

-- An audience that an admin chose freely belongs to one organisation.
CREATE TABLE audiences (
  audience        text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES namespaces (id)
);

-- The right to `use` an identity, for principals below deployer at its group; principal `*` is everyone below the group.
CREATE TABLE use_grants (
  id              text PRIMARY KEY,
  identity_id     text NOT NULL REFERENCES managed_identities (id) ON DELETE CASCADE,
  principal_id    text NOT NULL,
  organization_id text NOT NULL,
  created_at      timestamptz NOT NULL,
  UNIQUE (identity_id, principal_id)
);

-- A workspace has at most one identity of a type and profile; the empty profile is the unnamed one.
CREATE TABLE assignments (
  id              text PRIMARY KEY,
  workspace_id    text NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  identity_id     text NOT NULL REFERENCES managed_identities (id) ON DELETE CASCADE,
  organization_id text NOT NULL,
  type            text NOT NULL,
  profile         text NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL,
  UNIQUE (workspace_id, identity_id),
  UNIQUE (workspace_id, type, profile)
);
CREATE INDEX assignments_of_identity ON assignments (identity_id);

CREATE TABLE jobs (
  id              text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES namespaces (id),
  workspace_id    text NOT NULL REFERENCES namespaces (id),
  user_id         text REFERENCES users (id),
  launcher_id     text REFERENCES service_accounts (id),
  started_by      text NOT NULL,
  stage           text NOT NULL,
  labels          jsonb NOT NULL,
  reference       text,
  -- SHA-256 of the job token: the token itself is told once and kept nowhere.
  token_hash      bytea NOT NULL UNIQUE,
  deadline        timestamptz NOT NULL,
  ended_at        timestamptz,
  created_at      timestamptz NOT NULL,
  version         integer NOT NULL DEFAULT 1,
  CHECK (user_id IS NOT NULL OR launcher_id IS NOT NULL)
);
CREATE INDEX jobs_of_workspace ON jobs (workspace_id, id);

-- What oidc-provider stores: ids as SHA-256, payloads sealed. `principal_id` lets the API authorise an access token by itself.
CREATE TABLE oidc_artifacts (
  model        text NOT NULL,
  id_hash      bytea NOT NULL,
  grant_hash   bytea,
  uid_hash     bytea,
  user_code_hash bytea,
  principal_id text,
  payload      bytea NOT NULL,
  consumed_at  timestamptz,
  expires_at   timestamptz,
  PRIMARY KEY (model, id_hash)
);
CREATE INDEX oidc_artifacts_grant ON oidc_artifacts (grant_hash) WHERE grant_hash IS NOT NULL;
CREATE INDEX oidc_artifacts_uid ON oidc_artifacts (uid_hash) WHERE uid_hash IS NOT NULL;
CREATE INDEX oidc_artifacts_user_code ON oidc_artifacts (user_code_hash) WHERE user_code_hash IS NOT NULL;
CREATE INDEX oidc_artifacts_expiry ON oidc_artifacts (expires_at);

-- The link that makes the first operator: one hashed row, single use.
CREATE TABLE admin_links (
  token_hash bytea PRIMARY KEY,
  user_id    text NOT NULL REFERENCES users (id),
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);

-- Named sets of signing keys. `version` moves with every change: a mint reads it with its facts and reloads when it moved.
CREATE TABLE key_sets (
  name    text PRIMARY KEY,
  version bigint NOT NULL
);
INSERT INTO key_sets (name, version) VALUES ('workload', 0), ('authorization', 0);

CREATE TABLE signing_keys (
  kid            text PRIMARY KEY,
  key_set        text NOT NULL REFERENCES key_sets (name),
  alg            text NOT NULL,
  state          text NOT NULL CHECK (state IN ('next', 'active', 'retiring')),
  public_jwk     jsonb NOT NULL,
  sealed_private bytea NOT NULL,
  published_at   timestamptz NOT NULL,
  activated_at   timestamptz,
  retired_at     timestamptz
);
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (key_set) WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys (key_set) WHERE state = 'next';

CREATE TABLE audit_events (
  id                   text PRIMARY KEY,
  at                   timestamptz NOT NULL,
  action               text NOT NULL,
  outcome              text NOT NULL CHECK (outcome IN ('success', 'refused', 'failed')),
  code                 text,
  organization_id      text,
  actor_kind           text NOT NULL,
  actor_id             text,
  user_id              text,
  workspace_id         text,
  identity_id          text,
  job_id               text,
  target_id            text,
  jti                  text,
  signing_input_sha256 text,
  request_id           text,
  parent_id            text,
  detail               jsonb NOT NULL
);
CREATE INDEX audit_events_of_organization ON audit_events (organization_id, id);
CREATE INDEX audit_events_jti ON audit_events (jti) WHERE jti IS NOT NULL;

-- Events are inserted and read, never altered or removed: not by a bug, and not by the owner of the table in passing.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit events are never altered or removed' USING ERRCODE = 'insufficient_privilege';
END $$;
-- By statement, so that one which happens to match no row is refused as well.
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_append_only;
