-- How long a token of an outside issuer may live, from `iat` to `exp`, in seconds: 24 h for the rules that exist. From one
-- minute to 7 days (src/core/lifetimes.ts).
ALTER TABLE service_account_trust_rules ADD COLUMN maximum_lifetime integer NOT NULL DEFAULT 86400
  CHECK (maximum_lifetime BETWEEN 60 AND 604800);
ALTER TABLE service_account_trust_rules ALTER COLUMN maximum_lifetime DROP DEFAULT;
