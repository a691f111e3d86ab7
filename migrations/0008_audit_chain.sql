-- The audit is sealed in stretches (docs/decisions/0006). `position` is given by the database in the order of the inserts;
-- `mac` is the HMAC of the event, made by the replica that recorded it.
ALTER TABLE audit_events ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
-- Empty for what was recorded before this migration, and for nothing after it.
ALTER TABLE audit_events ADD COLUMN mac bytea NOT NULL DEFAULT '';
ALTER TABLE audit_events ALTER COLUMN mac DROP DEFAULT;
CREATE UNIQUE INDEX audit_events_position ON audit_events (position);

-- One row a checkpoint: `signed` says what stood in a stretch of positions when no more events could come into it, and
-- names the checkpoint before it. `event_ids` are those of the stretch, so that one that is missing can be named.
CREATE TABLE audit_checkpoints (
  number    bigint PRIMARY KEY,
  -- A compact JWS (RFC 7515 3.1).
  signed    text NOT NULL,
  event_ids text NOT NULL
);

CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_append_only;
