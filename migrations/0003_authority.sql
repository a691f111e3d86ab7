-- Teams: principals of memberships, use grants, access rules and choices, as users are.
CREATE TABLE teams (
  id              text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES namespaces (id),
  name            text NOT NULL,
  description     text NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL,
  version         integer NOT NULL DEFAULT 1,
  UNIQUE (organization_id, name)
);

-- `source`: by hand, or by the groups claim at sign-in, which takes away only what it gave.
CREATE TABLE team_members (
  team_id    text NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  user_id    text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  source     text NOT NULL CHECK (source IN ('manual', 'sign_in')),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_of_user ON team_members (user_id);

-- What an organisation chooses for itself.
CREATE TABLE organization_settings (
  organization_id          text PRIMARY KEY REFERENCES namespaces (id) ON DELETE CASCADE,
  identities_without_rules text NOT NULL DEFAULT 'open' CHECK (identities_without_rules IN ('open', 'closed')),
  -- Outside issuers that its service accounts may trust; null: any.
  allowed_issuers          text[],
  version                  integer NOT NULL DEFAULT 1
);

CREATE TABLE access_rules (
  id              text PRIMARY KEY,
  identity_id     text NOT NULL REFERENCES managed_identities (id) ON DELETE CASCADE,
  organization_id text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('stage', 'user', 'team', 'service_account', 'label')),
  values          text[] NOT NULL,
  created_at      timestamptz NOT NULL,
  version         integer NOT NULL DEFAULT 1
);
CREATE INDEX access_rules_of_identity ON access_rules (identity_id);

-- An alias makes a source identity usable below another group of the same organisation. Rules and subject are the source's.
CREATE TABLE identity_aliases (
  id              text PRIMARY KEY,
  identity_id     text NOT NULL REFERENCES managed_identities (id) ON DELETE CASCADE,
  group_id        text NOT NULL REFERENCES namespaces (id),
  organization_id text NOT NULL,
  name            text NOT NULL,
  created_at      timestamptz NOT NULL,
  UNIQUE (group_id, name),
  UNIQUE (group_id, identity_id)
);
CREATE INDEX identity_aliases_of_identity ON identity_aliases (identity_id);

-- A group or workspace masks an identity that it would inherit.
CREATE TABLE identity_masks (
  namespace_id    text NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  identity_id     text NOT NULL REFERENCES managed_identities (id) ON DELETE CASCADE,
  organization_id text NOT NULL,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (identity_id, namespace_id)
);
CREATE INDEX identity_masks_of_namespace ON identity_masks (namespace_id);

-- Users, teams and service accounts may have an identity of their own in a workspace; the empty principal is everyone.
ALTER TABLE assignments ADD COLUMN principal_id text NOT NULL DEFAULT '';
ALTER TABLE assignments DROP CONSTRAINT assignments_workspace_id_identity_id_key;
ALTER TABLE assignments DROP CONSTRAINT assignments_workspace_id_type_profile_key;
ALTER TABLE assignments ADD CONSTRAINT assignments_one_of_identity UNIQUE (workspace_id, identity_id, principal_id);
ALTER TABLE assignments ADD CONSTRAINT assignments_one_of_type UNIQUE (workspace_id, type, profile, principal_id);

-- Array tasks are jobs below a job; a heartbeat that stays away ends a job.
ALTER TABLE jobs ADD COLUMN parent_id text REFERENCES jobs (id);
ALTER TABLE jobs ADD COLUMN task_index integer;
ALTER TABLE jobs ADD COLUMN heartbeat_seconds integer;
ALTER TABLE jobs ADD COLUMN heartbeat_at timestamptz;
CREATE UNIQUE INDEX jobs_tasks ON jobs (parent_id, task_index) WHERE parent_id IS NOT NULL;
