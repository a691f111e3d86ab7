-- A right to act can be changed: If-Match compares its version.
ALTER TABLE may_act ADD COLUMN version integer NOT NULL DEFAULT 1;
