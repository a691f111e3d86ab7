import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Database } from '../../../src/database/connections.ts';
import { estimateFactsCost, factsCost } from '../../../src/store/issuing/mintcost.ts';
import { createMintFactsReader } from '../../../src/store/issuing/mintfacts.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';
import { assign, id, insertIdentity, insertOrganization, now } from '../organization.ts';

describe.each(databaseKinds)('F25 the cost of the facts of a mint: %s', (kind) => {
  let database: Database;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
  }, 90_000);

  /** Reads the facts of an identity with so many rules of a hundred values. */
  async function readWith(rules: number) {
    const organization = await insertOrganization(database);
    const identity = await insertIdentity(database, organization, organization.lab, 'sim');
    await assign(database, organization, identity);
    for (let n = 0; n < rules; n++)
      await database.query
        .insertInto('access_rules')
        .values({
          id: id('access_rule'),
          identity_id: identity,
          organization_id: organization.root,
          kind: 'stage',
          values: Array.from({ length: 100 }, (_, value) => `pattern-of-nothing-${n}-*-${value}`),
          created_at: new Date(now),
        })
        .execute();
    const reader = createMintFactsReader(database, { keySet: 'workload' });
    const key = { token_hash: organization.token_hash, identity };
    return await reader.read(key);
  }

  test('is small for most organisations', async () => {
    expect(estimateFactsCost(await readWith(1))).toBeLessThan(factsCost.unknown / 10);
  });

  test('of one organisation delays no job of another', async () => {
    const [evil, acme] = [await insertOrganization(database), await insertOrganization(database)];
    await database.query
      .insertInto('may_act')
      .values({
        id: id('may_act'),
        service_account_id: evil.launcher,
        namespace_id: evil.lab,
        organization_id: evil.root,
        users: Array.from({ length: 3_000 }, () => id('user')),
        stages: [],
        labels: {},
        created_at: new Date(now),
      })
      .execute();
    const reader = createMintFactsReader(database, { keySet: 'workload' });
    let served = 0;
    const show = async ({ token_hash }: typeof evil) => {
      await reader.read({ token_hash, identity: null });
      return ++served;
    };
    // Four seconds of what the organisation may spend.
    const flood = Array.from({ length: 100 }, () => show(evil).catch(() => {}));
    expect(await show(acme)).toBeLessThan(50);
    await Promise.all(flood);
  });

  test('counts every value of every rule', async () => {
    expect(estimateFactsCost(await readWith(50))).toBeGreaterThan(50 * 100 * 'pattern-of-nothing-1-*-1'.length);
  });
});
