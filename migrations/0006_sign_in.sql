-- Who a person is at the identity provider. (iss, sub) is one user for ever: the e-mail address is a fact of the last
-- sign-in, for people to read, and never a key, since addresses change hands.
CREATE TABLE user_identities (
  iss          text NOT NULL,
  sub          text NOT NULL,
  user_id      text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  email        text,
  created_at   timestamptz NOT NULL,
  signed_in_at timestamptz NOT NULL,
  PRIMARY KEY (iss, sub)
);
CREATE INDEX user_identities_of_user ON user_identities (user_id);

-- A verified e-mail address (lower-case) that may become a user of the organisation, once.
CREATE TABLE invitations (
  id              text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  email           text NOT NULL,
  namespace_id    text REFERENCES namespaces (id) ON DELETE CASCADE,
  role            text CHECK (role IN ('viewer', 'deployer', 'owner')),
  invited_by      text NOT NULL,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  accepted_at     timestamptz,
  user_id         text REFERENCES users (id) ON DELETE SET NULL,
  CHECK ((namespace_id IS NULL) = (role IS NULL))
);
CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, email) WHERE accepted_at IS NULL;
CREATE INDEX invitations_open_email ON invitations (email) WHERE accepted_at IS NULL;
CREATE INDEX invitations_of_organization ON invitations (organization_id, id);

-- Secrets that the replicas of one installation share, sealed.
CREATE TABLE shared_secrets (
  name   text PRIMARY KEY,
  sealed bytea NOT NULL
);

-- RFC 8628 3.5: a device that polls too often is told to slow down, by whichever replica it asks.
ALTER TABLE oidc_artifacts ADD COLUMN poll_interval integer, ADD COLUMN poll_after timestamptz;

-- Sessions, grants and refresh tokens have a principal too: deactivating a user removes them all.
CREATE INDEX oidc_artifacts_principal ON oidc_artifacts (principal_id) WHERE principal_id IS NOT NULL;
