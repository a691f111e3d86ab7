import { beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { Database, Queries } from '../../src/database/connections.ts';
import { id, now } from '../store/organization.ts';
import { freshDatabase } from '../support/databases.ts';

describe('transactions of two replicas on PostgreSQL', () => {
  let one: Database;
  let two: Database;

  beforeAll(async () => {
    const fresh = await freshDatabase('postgres');
    one = fresh.database;
    two = await fresh.another();
  }, 90_000);

  /** Each adds a user only while there is none: run after one another, they make exactly one. */
  const addFirst = async (tx: Queries, login: string, gate: () => Promise<void>) => {
    const { rows } = await sql<{
      count: number;
    }>`SELECT count(*) AS count FROM users WHERE login LIKE 'first.%'`.execute(tx);
    await gate();
    if (rows[0]!.count > 0) return false;
    await tx
      .insertInto('users')
      .values({ id: id('user'), organization_id: null, login, created_at: new Date(now) })
      .execute();
    return true;
  };

  test('that conflict are run again until one sees the other', async () => {
    let arrived = 0;
    let runs = 0;
    const both = Promise.withResolvers<void>();
    const gate = async () => {
      runs++;
      if (++arrived === 2) both.resolve();
      await both.promise;
    };
    const results = await Promise.all([
      one.transaction((tx) => addFirst(tx, 'first.1', gate)),
      two.transaction((tx) => addFirst(tx, 'first.2', gate)),
    ]);
    expect(results.sort()).toEqual([false, true]);
    expect(runs).toBe(3);
  });

  test('that deadlock are run again, and both commit', async () => {
    const rows = ['dead.1', 'dead.2'].map((login) => ({
      id: id('user'),
      organization_id: null,
      login,
      created_at: new Date(now),
    }));
    await one.query.insertInto('users').values(rows).execute();
    const lock = (tx: Queries, login: string) =>
      tx.updateTable('users').set({ display_name: 'locked' }).where('login', '=', login).execute();
    const bothHold = Promise.withResolvers<void>();
    let holding = 0;
    const cross = (database: Database, first: string, second: string) =>
      database.transaction(
        async (tx) => {
          await lock(tx, first);
          if (++holding === 2) bothHold.resolve();
          await bothHold.promise;
          await lock(tx, second);
        },
        { isolation: 'read committed' },
      );
    await Promise.all([cross(one, 'dead.1', 'dead.2'), cross(two, 'dead.2', 'dead.1')]);
    // More often where the one that was run again takes its lock back before the other one wakes.
    expect(holding).toBeGreaterThanOrEqual(3);
  });

  test('F26 of one tenant that lose repeatedly delay no other tenant', async () => {
    let isOver = false;
    const conflict = Object.assign(new Error('could not serialize access'), { code: '40001' });
    const losing = Array.from({ length: 20 }, () =>
      one.transaction(
        async () => {
          if (!isOver) throw conflict;
        },
        { tenant: 'hostile' },
      ),
    );
    let runs = 0;
    const other = one.transaction(
      async () => {
        if (++runs === 1) throw conflict;
      },
      { tenant: 'other' },
    );
    const first = await Promise.race([other.then(() => 'other'), ...losing.map((one) => one.then(() => 'hostile'))]);
    isOver = true;
    expect(first).toBe('other');
    await Promise.all(losing);
  });

  test('F26 that lose a name to another are run again and see it', async () => {
    const row = { id: id('user'), organization_id: null, login: 'taken.meanwhile', created_at: new Date(now) };
    let runs = 0;
    const result = await one.transaction(async (tx) => {
      // Begins the snapshot of the transaction, which does not see what comes after.
      await tx.selectFrom('key_sets').select('name').execute();
      if (++runs === 1) await two.query.insertInto('users').values(row).execute();
      const found = await tx.selectFrom('users').select('id').where('login', '=', row.login).execute();
      if (found.length > 0) return 'taken';
      await tx
        .insertInto('users')
        .values({ ...row, id: id('user') })
        .execute();
      return 'made';
    });
    expect([result, runs]).toEqual(['taken', 2]);
  });

  test('that lose every time end as unavailable', async () => {
    let runs = 0;
    const losing = one.transaction(async () => {
      runs++;
      throw Object.assign(new Error('could not serialize access'), { code: '40001' });
    });
    await expect(losing).rejects.toMatchObject({ code: 'unavailable', more: { retry_after: expect.any(Number) } });
    expect(runs).toBeGreaterThan(5);
  });

  test('that fail for another reason are not run again', async () => {
    let runs = 0;
    const failing = one.transaction(async () => {
      runs++;
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(runs).toBe(1);
  });
});
