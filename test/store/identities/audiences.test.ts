import { describe, expect, test } from '@jest/globals';
import { claimAudience, findClaim, sweepAudiences } from '../../../src/store/identities/audiences.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';

const lapsed = new Date('2026-01-31T00:00:00Z');
const before = new Date('2026-01-30T23:59:59Z');
const after = new Date('2026-01-31T00:00:01Z');

describe.each(databaseKinds)('claims on audiences: %s', (kind) => {
  test('N74: outlive their organisation, and are swept when the tombstone period is over', async () => {
    const { query } = (await freshDatabase(kind)).database;
    // No row of the organisation is there (any more).
    const claims = { used: null, freed: after, over: before };
    for (const [audience, freed_at] of Object.entries(claims))
      await query.insertInto('audiences').values({ audience, organization_id: 'grp_gone', freed_at }).execute();
    await sweepAudiences(query, lapsed);
    for (const audience of Object.keys(claims))
      expect([audience, await findClaim(query, audience)]).toEqual([
        audience,
        audience === 'over' ? undefined : expect.objectContaining({ organization_id: 'grp_gone' }),
      ]);
    expect(await claimAudience(query, 'over', 'grp_other', lapsed)).toBe(true);
    expect(await claimAudience(query, 'freed', 'grp_other', lapsed)).toBe(false);
    expect(await claimAudience(query, 'freed', 'grp_gone', lapsed)).toBe(true);
  });
});
