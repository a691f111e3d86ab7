-- Logins are unique in their organisation, and among the users of none (operators): a login that is taken says nothing about
-- other organisations.
ALTER TABLE users DROP CONSTRAINT users_login_key;
CREATE UNIQUE INDEX users_login_in_organization ON users (organization_id, login);
CREATE UNIQUE INDEX users_login_of_operators ON users (login) WHERE organization_id IS NULL;

-- One person of an identity provider may be a user in several organisations: one row for each of them.
ALTER TABLE user_identities DROP CONSTRAINT user_identities_pkey;
ALTER TABLE user_identities ADD PRIMARY KEY (iss, sub, user_id);

-- A link for the owner of an organisation lets in, and makes no operator of anybody.
ALTER TABLE admin_links ADD COLUMN makes_operator boolean NOT NULL DEFAULT true;
