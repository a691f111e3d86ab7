-- A claim on an audience holds while an identity of the organisation uses the audience. `freed_at` is set when the last one
-- goes: from then on the organisation may take it again at once, and another one after the tombstone period.
ALTER TABLE managed_identities ADD COLUMN audience text;
UPDATE managed_identities AS identity SET audience = claim.audience FROM audiences AS claim
  WHERE claim.organization_id = identity.organization_id AND identity.type IN ('oidc', 'kubernetes')
    AND claim.audience = identity.settings ->> 'audience';
CREATE INDEX managed_identities_of_audience ON managed_identities (audience) WHERE audience IS NOT NULL;

ALTER TABLE audiences ADD COLUMN freed_at timestamptz;
UPDATE audiences SET freed_at = now()
  WHERE NOT EXISTS (SELECT FROM managed_identities AS identity WHERE identity.audience = audiences.audience);
CREATE INDEX audiences_freed ON audiences (organization_id, freed_at) WHERE freed_at IS NOT NULL;

-- The claims of a deleted organisation stay for the tombstone period.
ALTER TABLE audiences DROP CONSTRAINT audiences_organization_id_fkey;
DROP INDEX audiences_of_organization;
