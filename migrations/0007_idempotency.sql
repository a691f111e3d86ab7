-- Answers of creates that carried an `Idempotency-Key`, for a day. `key_hash` is the SHA-256 of caller, route and key,
-- `content_hash` that of what was asked; the answer is without secrets.
CREATE TABLE idempotency_keys (
  key_hash     bytea PRIMARY KEY,
  content_hash bytea NOT NULL,
  answer       jsonb NOT NULL,
  expires_at   timestamptz NOT NULL
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- Lists page by id within what they are about: a page costs the same wherever it begins.
CREATE INDEX managed_identities_of_type ON managed_identities (organization_id, type, id);
CREATE INDEX managed_identities_of_group ON managed_identities (group_id, id);
CREATE INDEX teams_of_organization ON teams (organization_id, id);
CREATE INDEX use_grants_of_identity ON use_grants (identity_id, id);
-- What lies below some groups: for members of few of them, and for moves and deletions of a subtree.
CREATE INDEX namespaces_lineage ON namespaces USING gin (lineage);
