-- What a mint is decided on may be kept by a replica for as long as nothing of it was changed (docs/decisions/0009). Every
-- change of these tables leaves its transaction here, by the database itself: no code can forget it, or write past it.
CREATE TABLE authority_changes (
  organization_id text NOT NULL,
  -- pg_current_xact_id(): comparable with the oldest transaction that was under way when something was read.
  transaction_id  bigint NOT NULL,
  PRIMARY KEY (organization_id, transaction_id)
);

CREATE FUNCTION note_authority_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'team_members' THEN
    -- By the user: a team that is deleted is gone before its members are.
    INSERT INTO authority_changes
      SELECT DISTINCT users.organization_id, pg_current_xact_id()::text::bigint
      FROM changed JOIN users ON users.id = changed.user_id WHERE users.organization_id IS NOT NULL
      ON CONFLICT DO NOTHING;
  ELSE
    INSERT INTO authority_changes
      SELECT DISTINCT organization_id, pg_current_xact_id()::text::bigint FROM changed WHERE organization_id IS NOT NULL
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

DO $$
DECLARE
  of_table text;
  event text;
BEGIN
  FOREACH of_table IN ARRAY ARRAY['namespaces', 'users', 'service_accounts', 'memberships', 'team_members', 'may_act',
    'managed_identities', 'identity_aliases', 'identity_masks', 'access_rules', 'assignments', 'organization_settings']
  LOOP
    FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE']
    LOOP
      -- These three give and take nothing by beginning to exist; users and workspaces are made all day.
      CONTINUE WHEN event = 'INSERT' AND of_table IN ('namespaces', 'users', 'service_accounts');
      EXECUTE format('CREATE TRIGGER authority_%s AFTER %s ON %I REFERENCING %s TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION note_authority_change()',
        lower(event), event, of_table, CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END);
    END LOOP;
  END LOOP;
END $$;
