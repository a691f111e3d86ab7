-- Quotas that an operator changed for one organisation (docs/decisions/0018). The defaults are in src/core/quotas.ts.
CREATE TABLE organization_quotas (
  organization_id text NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  name            text NOT NULL,
  value           bigint NOT NULL CHECK (value >= 0),
  PRIMARY KEY (organization_id, name)
);

-- Indexes by which the rows of a quota are counted.
CREATE INDEX memberships_of_organization ON memberships (organization_id);
CREATE INDEX may_act_of_organization ON may_act (organization_id);
CREATE INDEX assignments_of_organization ON assignments (organization_id);
CREATE INDEX jobs_running_of_organization ON jobs (organization_id) WHERE ended_at IS NULL;
CREATE INDEX jobs_running_of_starter ON jobs (started_by) WHERE ended_at IS NULL;

-- Whose key it is; null for an operator of no organisation.
ALTER TABLE idempotency_keys ADD COLUMN organization_id text;
CREATE INDEX idempotency_keys_of_organization ON idempotency_keys (organization_id) WHERE organization_id IS NOT NULL;
