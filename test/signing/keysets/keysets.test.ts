import { expect, test } from '@jest/globals';
import { keySets } from '../../../src/signing/keysets/keysets.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';

test('the registry names each key set by its own name', () => {
  expect(Object.values(keySets).map(({ name }) => name)).toEqual(Object.keys(keySets));
});

test.each(databaseKinds)(
  'the migrated database has a row for each key set of the registry, and no other: %s',
  async (kind) => {
    const { database } = await freshDatabase(kind);
    const rows = await database.query.selectFrom('key_sets').select('name').orderBy('name').execute();
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(keySets).sort());
  },
  90_000,
);
