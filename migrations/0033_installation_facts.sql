-- Facts of the whole installation, by name. `issuer`: the first start stores ARSIA_ISSUER, and no server starts with another one.
CREATE TABLE installation_facts (
  name  text PRIMARY KEY,
  value text NOT NULL
);
