-- Where a request came from (docs/decisions/0029). Null for what the server does by itself, and for events from before this
-- migration, whose rows and MACs stay as they are: columns without a default do not rewrite the table.
ALTER TABLE audit_events
  -- Rate-limit key of the client address: an IPv4 address, or the /64 prefix of an IPv6 address.
  ADD COLUMN client_address text,
  -- Products of the `User-Agent` header, at most 128 characters.
  ADD COLUMN user_agent text;
