import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ruleKinds } from '../../../src/core/accessrules.ts';
import type { Database } from '../../../src/database/connections.ts';
import { createMintFactsReader, type MintFactsReader } from '../../../src/store/issuing/mintfacts.ts';
import type { MintFactsKey } from '../../../src/store/issuing/mintstatement.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';
import { assign, id, insertIdentity, insertOrganization, now, type Organization } from '../organization.ts';

const kibibyte = 1024;

/** The most access rules that an identity may have, each with the most values. */
async function insertRules(database: Database, { root }: Organization, identity_id: string): Promise<void> {
  for (let rule = 0; rule < 50; rule++)
    await database.query
      .insertInto('access_rules')
      .values({
        id: id('access_rule'),
        identity_id,
        organization_id: root,
        kind: ruleKinds[0],
        values: ['*', ...Array.from({ length: 99 }, () => id('user'))],
        created_at: new Date(now),
      })
      .execute();
}

describe.each(databaseKinds)('N67 facts with 50 access rules of 100 values: %s', (kind) => {
  let database: Database;
  let reader: MintFactsReader;
  let acme: Organization;
  let identity: string;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
  }, 90_000);

  beforeEach(async () => {
    reader = createMintFactsReader(database, { keySet: 'workload' });
    acme = await insertOrganization(database);
    identity = await insertIdentity(database, acme, acme.lab, 'sim');
    await insertRules(database, acme, identity);
    await database.query
      .insertInto('identity_aliases')
      .values({
        id: id('alias'),
        identity_id: identity,
        group_id: acme.other,
        organization_id: acme.root,
        name: 'alias',
        created_at: new Date(now),
      })
      .execute();
  });

  const names = () => ({
    id: identity,
    path: `${acme.name}/lab/sim`,
    'path of an alias': `${acme.name}/other/alias`,
    type: 'aws',
  });
  const read = async (key: Partial<MintFactsKey>) =>
    (await reader.read({ token_hash: acme.token_hash, identity, ...key }))!;

  test('are not kept for a refused request, whatever it names', async () => {
    await assign(database, acme, identity);
    for (const named of Object.values(names()))
      for (let count = 0; count < 10; count++) await read({ identity: named, profile: `p${count}` });
    expect(reader.held()).toEqual({ entries: 0, bytes: 0 });
  });

  test('are kept once for all profiles and names of one identity', async () => {
    const profiles = ['of-all', 'of-user', 'of-launcher'];
    for (const [index, principal] of ['', acme.user, acme.launcher].entries())
      await assign(database, acme, identity, profiles[index], principal);
    for (const named of Object.values(names()))
      for (const profile of profiles) {
        const found = await read({ identity: named, profile });
        expect(found.facts.identity?.rules).toHaveLength(50);
        found.keep();
      }
    // One copy of the facts, the job, both paths, and the type under each profile.
    const { entries, bytes } = reader.held();
    expect(entries).toBeLessThanOrEqual(7);
    expect(bytes).toBeLessThan(600 * kibibyte);
    expect(bytes).toBeGreaterThan(200 * kibibyte);
  });

  test('are found by each name of the identity', async () => {
    await assign(database, acme, identity);
    for (const [kindOfName, named] of Object.entries(names())) {
      (await read({ identity: named })).keep();
      const kept = reader.kept({ token_hash: acme.token_hash, identity: named });
      if (kept === undefined && kind === 'postgres') continue;
      expect([kindOfName, kept?.facts.identity?.id]).toEqual([kindOfName, identity]);
      expect(kept?.facts.job.id).toBe(acme.job);
    }
    expect(reader.kept({ token_hash: acme.token_hash, identity: 'aws', profile: 'other' })).toBeUndefined();
  });

  test('stay below their bound for any number of jobs and users', async () => {
    reader = createMintFactsReader(database, {
      keySet: 'workload',
      maximumBytes: 1024 * kibibyte,
      shareBytes: 512 * kibibyte,
    });
    for (let count = 0; count < 6; count++) {
      const organization = await insertOrganization(database);
      const heavy = await insertIdentity(database, organization, organization.lab, 'sim');
      await insertRules(database, organization, heavy);
      await assign(database, organization, heavy);
      (await reader.read({ token_hash: organization.token_hash, identity: heavy }))!.keep();
    }
    expect(reader.held().bytes).toBeLessThanOrEqual(1024 * kibibyte);
    expect(reader.held().entries).toBeGreaterThan(1);
  });

  test('are read a few at a time, and small ones are read beside them', async () => {
    await assign(database, acme, identity);
    const light = await insertIdentity(database, acme, acme.lab, 'light');
    const sizes: number[] = [];
    const watched: Database = {
      ...database,
      async statement<Answer>(name: string, text: string, values: readonly unknown[]) {
        const rows = await database.statement<Answer>(name, text, values);
        sizes.push(JSON.stringify(rows).length);
        return rows;
      },
    };
    reader = createMintFactsReader(watched, { keySet: 'workload' });
    const named = Array.from({ length: 60 }, (_, index) => (index % 6 === 0 ? light : identity));
    const found = await Promise.all(named.map((one) => read({ identity: one, profile: 'unknown' })));
    expect(found.map(({ facts }) => facts.identity?.id)).toEqual(named);
    expect(found.map(({ facts }) => facts.identity?.rules.length)).toEqual(
      named.map((one) => (one === light ? 0 : 50)),
    );
    expect(Math.max(...sizes)).toBeLessThan(2 ** 20);
  });

  test('of a name end when it means another identity, also where the facts of the first are newer', async () => {
    if (kind === 'postgres') return;
    const other = await insertIdentity(database, acme, acme.lab, 'other');
    await assign(database, acme, identity);
    await assign(database, acme, identity, 'second', acme.user);
    (await read({ identity: 'aws' })).keep();
    await database.query
      .deleteFrom('assignments')
      .where('workspace_id', '=', acme.workspace)
      .where('profile', '=', '')
      .execute();
    await assign(database, acme, other);
    // Facts of the first identity that are newer than the change of what the type means.
    (await read({ identity, profile: 'second' })).keep();
    expect((await read({ identity: 'aws' })).facts.identity?.id).toBe(other);
  });
});
