-- The record of a mint is found by its own id, which is the `jti` of its token (docs/decisions/0013). By `jti` go the others: what
-- was done with a token that has a record of its own already, tokens of outside issuers, and mints from before this migration.
DROP INDEX audit_events_jti;
CREATE INDEX audit_events_of_other_token ON audit_events (jti) WHERE jti <> id;
