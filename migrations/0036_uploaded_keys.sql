-- The public keys of an outside issuer that Arsia cannot reach: {"keys": [JWK]}. NULL: the keys that the issuer publishes. A
-- replica of an older release does not know the column and fetches.
ALTER TABLE service_account_trust_rules ADD COLUMN jwks jsonb;
