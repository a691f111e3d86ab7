-- Whose tokens speak for a service account: those of an outside issuer, for this audience, with these claims. Rules are
-- alternatives and never change, so that the id in an audit event always means the same one.
CREATE TABLE service_account_trust_rules (
  id                 text PRIMARY KEY,
  service_account_id text NOT NULL REFERENCES service_accounts (id) ON DELETE CASCADE,
  organization_id    text NOT NULL,
  issuer             text NOT NULL,
  audience           text NOT NULL,
  -- {"all": [{"claim", "equals" or "matches"}]}
  conditions         jsonb NOT NULL,
  single_use         boolean NOT NULL,
  description        text NOT NULL DEFAULT '',
  created_at         timestamptz NOT NULL
);
CREATE INDEX service_account_trust_rules_of_account ON service_account_trust_rules (service_account_id, id);

-- The rule that an access token was given by: a rule that goes takes its tokens with it, and no token comes after it.
ALTER TABLE oidc_artifacts ADD COLUMN trust_rule_id text REFERENCES service_account_trust_rules (id) ON DELETE CASCADE;
CREATE INDEX oidc_artifacts_of_trust_rule ON oidc_artifacts (trust_rule_id) WHERE trust_rule_id IS NOT NULL;
