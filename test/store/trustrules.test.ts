import { beforeAll, describe, expect, test } from '@jest/globals';
import { type ArtifactStore, createArtifactStore, hashOf } from '../../src/store/artifacts.ts';
import type { Database } from '../../src/store/database.ts';
import { deleteTrustRule, insertTrustRule, listTrustRules, type TrustRuleRow } from '../../src/store/trustrules.ts';
import { databaseKinds, freshDatabase } from '../support/databases.ts';

const sealer = { seal: async (plaintext: Uint8Array) => plaintext, open: async (sealed: Uint8Array) => sealed };
const at = new Date('2026-11-21T12:00:00Z');

describe.each(databaseKinds)('trust rules: %s', (kind) => {
  let database: Database;
  let artifacts: ArtifactStore;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    artifacts = createArtifactStore({ database, sealer });
    const place = { name: 'acme', path: 'acme', lineage: ['grp_1'], description: '', created_at: at, version: 1 };
    await database.query
      .insertInto('namespaces')
      .values({ id: 'grp_1', kind: 'group', parent_id: null, organization_id: 'grp_1', ...place })
      .execute();
    for (const id of ['sa_1', 'sa_2'])
      await database.query
        .insertInto('service_accounts')
        .values({ id, organization_id: 'grp_1', group_id: 'grp_1', name: id, jwks: null, created_at: at })
        .execute();
  }, 60_000);

  const rule = (id: string, service_account_id = 'sa_1'): TrustRuleRow => ({
    id,
    service_account_id,
    organization_id: 'grp_1',
    issuer: 'https://id.example',
    audience: 'https://arsia.example',
    conditions: { all: [{ claim: 'sub', equals: 'x' }] },
    single_use: false,
    description: '',
    created_at: at,
  });
  const save = (id: string, trust_rule_id: string) =>
    artifacts.save({
      model: 'ClientCredentials',
      id,
      payload: {},
      principal_id: 'sa_1',
      trust_rule_id,
      expires_at: at.getTime() + 60_000,
    });
  const holder = (token: string) => artifacts.findPrincipal(hashOf(token), at.getTime());

  test('come back as they were made, of their account alone, oldest first', async () => {
    await insertTrustRule(database.query, rule('trust_b'));
    await insertTrustRule(database.query, rule('trust_a'));
    await insertTrustRule(database.query, rule('trust_c', 'sa_2'));
    expect(await listTrustRules(database.query, 'sa_1')).toEqual([rule('trust_a'), rule('trust_b')]);
    expect(await deleteTrustRule(database.query, 'sa_1', 'trust_c')).toBe(false);
    expect(await listTrustRules(database.query, 'sa_2')).toHaveLength(1);
  });

  test('take the access tokens that they gave with them, and none else', async () => {
    await insertTrustRule(database.query, rule('trust_d'));
    await save('given', 'trust_d');
    await save('other', 'trust_a');
    expect(await holder('given')).toMatchObject({ principal_id: 'sa_1' });
    expect(await deleteTrustRule(database.query, 'sa_1', 'trust_d')).toBe(true);
    expect(await holder('given')).toBeUndefined();
    expect(await holder('other')).toMatchObject({ principal_id: 'sa_1' });
  });

  test('that are gone give no token any more', async () => {
    await expect(save('late', 'trust_d')).rejects.toMatchObject({ code: 'outside_token_untrusted' });
    expect(await holder('late')).toBeUndefined();
  });
});
