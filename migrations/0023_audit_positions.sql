-- An export reads the events of one organisation in the order of their positions (docs/decisions/0024).
CREATE INDEX audit_events_organization_position ON audit_events (organization_id, position);
