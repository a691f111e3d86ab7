import { beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { KeyChangeReason, KeyState, KeyStore, StoredKey } from '../../../src/core/keystates.ts';
import type { Database } from '../../../src/database/connections.ts';
import { createKeyStore, type RecordKeyChanges } from '../../../src/store/issuing/keys.ts';
import { databaseKinds, freshDatabase, type TestDatabase } from '../../support/databases.ts';
import { execute } from '../../support/postgres.ts';
import { now } from '../organization.ts';

let number = 0;

function key(state: KeyState, kid = `kid-${number++}`): StoredKey {
  return {
    kid,
    state,
    alg: 'RS256',
    public_jwk: { kty: 'RSA', kid, x5c: ['a', 'b'] },
    sealed_private: new Uint8Array([1, 2, 3]),
    published_at: now,
    activated_at: state === 'next' ? null : now + 1,
    retired_at: state === 'retiring' ? now + 2 : null,
  };
}

const reason: KeyChangeReason = { action: 'key.rotate', detail: {} };
const unrecorded: RecordKeyChanges = async () => {};

/** Stores as they were given, whatever bytes are called on this database. */
const plain = (keys: StoredKey[]) => keys.map((one) => ({ ...one, sealed_private: [...one.sealed_private] }));

describe('the key store', () => {
  const databases: Partial<Record<(typeof databaseKinds)[number], TestDatabase>> = {};

  describe.each(databaseKinds)('%s', (kind) => {
    let database: Database;
    let store: KeyStore;

    beforeEach(async () => {
      databases[kind] ??= await freshDatabase(kind);
      database = databases[kind].database;
      store = createKeyStore(database, unrecorded);
      await database.query.deleteFrom('signing_keys').execute();
      await database.query.updateTable('key_sets').set({ version: 0 }).execute();
    }, 90_000);

    test('F30 returns the version of a set also while its keys cannot be read', async () => {
      await store.change('workload', reason, async () => [{ do: 'insert', key: key('active') }]);
      const owner = databases[kind]!.ownerUrl;
      const rename = async (from: string, to: string) => {
        if (owner === undefined) await sql.raw(`ALTER TABLE ${from} RENAME TO ${to}`).execute(database.query);
        else await execute(owner, `ALTER TABLE ${from} RENAME TO ${to}`);
      };
      await rename('signing_keys', 'hidden_keys');
      try {
        await expect(store.load('workload')).rejects.toThrow(/signing_keys/);
        expect([await store.version('workload'), await store.version('authorization')]).toEqual([1, 0]);
      } finally {
        await rename('hidden_keys', 'signing_keys');
      }
      await expect(store.version('none')).rejects.toThrow('no key set none');
    });

    test('starts with empty sets', async () => {
      expect(await store.load('workload')).toEqual({ version: 0, keys: [] });
      expect(await store.load('authorization')).toEqual({ version: 0, keys: [] });
    });

    test('returns the keys of each set as they were stored', async () => {
      const keys = [key('active', 'a'), key('next', 'b'), key('retiring', 'c')];
      const changed = await store.change('workload', reason, async () =>
        keys.map((one) => ({ do: 'insert', key: one })),
      );
      const loaded = await store.load('workload');
      expect(loaded.version).toBe(1);
      expect(plain(loaded.keys)).toEqual(plain(keys));
      expect(plain(changed.keys)).toEqual(plain(keys));
      expect(await store.load('authorization')).toEqual({ version: 0, keys: [] });
    });

    test('rotates in one change, in any order of its parts', async () => {
      await store.change('workload', reason, async () => [
        { do: 'insert', key: key('active', 'old') },
        { do: 'insert', key: key('next', 'standby') },
        { do: 'insert', key: key('retiring', 'oldest') },
      ]);
      const after = await store.change('workload', reason, async (keys) => {
        expect(keys.map((one) => one.kid)).toEqual(['old', 'oldest', 'standby']);
        return [
          { do: 'insert', key: key('next', 'new') },
          { do: 'activate', kid: 'standby', at: now + 10 },
          { do: 'retire', kid: 'old', at: now + 10 },
          { do: 'remove', kid: 'oldest' },
        ];
      });
      const states = after.keys.map((one) => [one.kid, one.state, one.activated_at, one.retired_at]);
      expect(states).toEqual([
        ['new', 'next', null, null],
        ['old', 'retiring', now + 1, now + 10],
        ['standby', 'active', now + 10, null],
      ]);
      expect(after.version).toBe(2);
    });

    test('raises the version only when something changed', async () => {
      await store.change('workload', reason, async () => [{ do: 'insert', key: key('active') }]);
      expect((await store.change('workload', reason, async () => [])).version).toBe(1);
      expect((await store.load('workload')).version).toBe(1);
    });

    test('changes all or nothing', async () => {
      await store.change('workload', reason, async () => [{ do: 'insert', key: key('active', 'a') }]);
      const before = await store.load('workload');
      const impossible = [
        [
          { do: 'insert', key: key('next', 'b') },
          { do: 'activate', kid: 'nowhere', at: now },
        ],
        [
          { do: 'insert', key: key('next', 'b') },
          { do: 'activate', kid: 'a', at: now },
        ],
        [
          { do: 'remove', kid: 'a' },
          { do: 'retire', kid: 'a', at: now },
        ],
        [{ do: 'insert', key: key('active', 'b') }],
        [
          { do: 'insert', key: key('next', 'b') },
          { do: 'insert', key: key('next', 'c') },
        ],
      ] as const;
      for (const plan of impossible)
        await expect(store.change('workload', reason, async () => [...plan])).rejects.toThrow();
      await expect(
        store.change('workload', reason, async () => {
          throw new Error('no key made');
        }),
      ).rejects.toThrow('no key made');
      expect(await store.load('workload')).toEqual(before);
    });

    test('records a change in its transaction, or makes no change', async () => {
      const recorded: unknown[] = [];
      let isRefused = false;
      const recording = createKeyStore(database, async (tx, keySet, why, changes) => {
        const { version } = await tx
          .selectFrom('key_sets')
          .select('version')
          .where('name', '=', keySet)
          .executeTakeFirstOrThrow();
        const kids = (await tx.selectFrom('signing_keys').select('kid').execute()).map(({ kid }) => kid);
        recorded.push([keySet, why, changes.map((change) => change.do), version, kids]);
        if (isRefused) throw new Error('the audit is full');
      });
      await recording.change('workload', reason, async () => [{ do: 'insert', key: key('active', 'a') }]);
      await recording.change('workload', reason, async () => []);
      expect(recorded).toEqual([['workload', reason, ['insert'], 0, ['a']]]);
      isRefused = true;
      const revocation: KeyChangeReason = { action: 'key.revoke', detail: { kid: 'a' } };
      await expect(recording.change('workload', revocation, async () => [{ do: 'remove', kid: 'a' }])).rejects.toThrow(
        'the audit is full',
      );
      expect(recorded.at(-1)).toEqual(['workload', revocation, ['remove'], 1, []]);
      const { version, keys } = await store.load('workload');
      expect([version, keys.map(({ kid }) => kid)]).toEqual([1, ['a']]);
    });

    test('changes no other set', async () => {
      await store.change('authorization', reason, async () => [{ do: 'insert', key: key('active', 'theirs') }]);
      await expect(store.change('workload', reason, async () => [{ do: 'remove', kid: 'theirs' }])).rejects.toThrow(
        'theirs',
      );
      expect((await store.load('authorization')).keys).toHaveLength(1);
    });

    test('refuses a set that does not exist', async () => {
      await expect(store.load('nowhere')).rejects.toThrow('no key set nowhere');
      await expect(store.change('nowhere', reason, async () => [])).rejects.toThrow('no key set nowhere');
    });

    test('makes one key when twenty replicas rotate at once', async () => {
      const stores = await Promise.all(
        Array.from({ length: kind === 'postgres' ? 2 : 1 }, async () =>
          createKeyStore(await databases[kind]!.another(), unrecorded),
        ),
      );
      for (let round = 1; round <= 3; round++) {
        let made = 0;
        const snapshots = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            stores[index % stores.length]!.change('workload', reason, async (keys) => {
              // Making a key takes a while, in which the others arrive.
              await new Promise((resolve) => setTimeout(resolve, 5));
              if (keys.some((one) => one.state === 'next')) return [];
              made++;
              return [{ do: 'insert', key: key('next') }];
            }),
          ),
        );
        expect(made).toBe(1);
        for (const snapshot of snapshots) {
          expect(snapshot.keys.filter((one) => one.state === 'next')).toHaveLength(1);
          expect(snapshot.version).toBe(round * 2 - 1);
        }
        const { keys } = await stores[0]!.load('workload');
        await stores[0]!.change('workload', reason, async () => [{ do: 'remove', kid: keys[0]!.kid }]);
      }
    }, 60_000);
  });
});
