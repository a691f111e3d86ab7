import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Database } from '../../../src/database/connections.ts';
import { type ArtifactStore, createArtifactStore, hashToken } from '../../../src/store/issuing/artifacts.ts';
import {
  deleteTrustRule,
  endTokensOfOtherIssuers,
  insertTrustRule,
  listTrustRules,
  type TrustRuleRow,
} from '../../../src/store/machines/trustrules.ts';
import { saveSettings } from '../../../src/store/namespaces/settings.ts';
import { databaseKinds, freshDatabase, type TestDatabase } from '../../support/databases.ts';

const sealer = { seal: async (plaintext: Uint8Array) => plaintext, open: async (sealed: Uint8Array) => sealed };
const at = new Date('2026-11-21T12:00:00Z');

describe.each(databaseKinds)('trust rules: %s', (kind) => {
  let database: Database;
  let another: TestDatabase['another'];
  let artifacts: ArtifactStore;

  beforeAll(async () => {
    ({ database, another } = await freshDatabase(kind));
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
    jwks: null,
    single_use: false,
    maximum_lifetime: 86_400,
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
  const holder = (token: string) => artifacts.findPrincipal(hashToken(token), at.getTime());

  test('are listed for their account only, unchanged, oldest first', async () => {
    await insertTrustRule(database.query, rule('trust_b'));
    await insertTrustRule(database.query, rule('trust_a'));
    await insertTrustRule(database.query, rule('trust_c', 'sa_2'));
    expect(await listTrustRules(database.query, 'sa_1')).toEqual([rule('trust_a'), rule('trust_b')]);
    expect(await deleteTrustRule(database.query, 'sa_1', 'trust_c')).toBe(false);
    expect(await listTrustRules(database.query, 'sa_2')).toHaveLength(1);
  });

  test('are deleted with the access tokens that they let in, and no others', async () => {
    await insertTrustRule(database.query, rule('trust_d'));
    await save('given', 'trust_d');
    await save('other', 'trust_a');
    expect(await holder('given')).toMatchObject({ principal_id: 'sa_1' });
    expect(await deleteTrustRule(database.query, 'sa_1', 'trust_d')).toBe(true);
    expect(await holder('given')).toBeUndefined();
    expect(await holder('other')).toMatchObject({ principal_id: 'sa_1' });
  });

  test('let no token in after their deletion', async () => {
    await expect(save('late', 'trust_d')).rejects.toMatchObject({ code: 'outside_token_untrusted' });
    expect(await holder('late')).toBeUndefined();
  });

  const allow = (
    allowed_issuers: string[] | null,
    over = database,
    meanwhile: () => Promise<unknown> = async () => {},
  ) =>
    over.transaction(async (tx) => {
      if (allowed_issuers !== null) await endTokensOfOtherIssuers(tx, 'grp_1', allowed_issuers);
      await meanwhile();
      await saveSettings(tx, 'grp_1', { allowed_issuers });
    });

  test('N78 let no token in while their issuer is not allowed or their account is not active', async () => {
    await allow(['https://other.example']);
    await expect(save('late', 'trust_a')).rejects.toMatchObject({ code: 'outside_token_untrusted' });
    await allow(['https://id.example']);
    await save('allowed', 'trust_a');
    const activate = (is_active: boolean) =>
      database.query.updateTable('service_accounts').set({ is_active }).where('id', '=', 'sa_1').execute();
    await activate(false);
    await expect(save('late', 'trust_a')).rejects.toMatchObject({ code: 'outside_token_untrusted' });
    await activate(true);
    await allow(null);
    await save('again', 'trust_a');
    expect(await holder('late')).toBeUndefined();
    expect(await holder('again')).toMatchObject({ principal_id: 'sa_1' });
  });

  // The embedded database makes one transaction at a time.
  if (kind === 'postgres')
    test('N78 let no token in while their issuer is being disallowed', async () => {
      let attempts = 0;
      await allow(['https://other.example'], await another(), async () => {
        if (attempts++ === 0) await save('between', 'trust_a');
      });
      expect(await holder('between')).toBeUndefined();
      expect(attempts).toBe(2);
    });
});
