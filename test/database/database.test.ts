import { beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { coalesce } from '../../src/database/coalesce.ts';
import type { Database } from '../../src/database/connections.ts';
import { id, insertOrganization, now } from '../store/organization.ts';
import { databaseKinds, freshDatabase } from '../support/databases.ts';

const user = (login: string) => ({ id: id('user'), organization_id: null, login, created_at: new Date(now) });

describe.each(databaseKinds)('a database: %s', (kind) => {
  let database: Database;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
  }, 90_000);

  const logins = async (prefix: string) => {
    const rows = await database.query
      .selectFrom('users')
      .select('login')
      .where('login', 'like', `${prefix}%`)
      .execute();
    return rows.map((row) => row.login).sort();
  };

  test('returns its time and its kind', async () => {
    const before = Date.now();
    const now = await database.now();
    expect(now).toBeGreaterThanOrEqual(before - 1);
    expect(now).toBeLessThanOrEqual(Date.now() + 1);
    expect(database.kind).toBe(kind);
  });

  test('is asked for its time once by all concurrent callers', async () => {
    const asked = Array.from({ length: 3000 }, () => database.now());
    expect(await logins('nobody')).toEqual([]);
    await Promise.all(asked);
  });

  test('returns the same types on both databases', async () => {
    const at = new Date('2026-02-28T23:59:59.123Z');
    const values = [
      at,
      new Uint8Array([0, 1, 255]),
      9_007_199_254_740_991,
      { a: [1, 'q"\\,{}', null] },
      ['a', 'b"{,\\'],
      null,
    ];
    const text = `SELECT $1::timestamptz AS at, $2::bytea AS bytes, $3::int8 AS big, $4::jsonb AS json,
      $5::text[] AS texts, $6::text AS nothing, count(*) AS count, true AS yes, 7 AS int FROM (VALUES (1), (2)) AS t`;
    const [row] = await database.statement<Record<string, unknown>>('types', text, values);
    expect(row).toEqual({
      at,
      bytes: expect.any(Uint8Array),
      big: 9_007_199_254_740_991,
      json: { a: [1, 'q"\\,{}', null] },
      texts: ['a', 'b"{,\\'],
      nothing: null,
      count: 2,
      yes: true,
      int: 7,
    });
    expect([...(row!.bytes as Uint8Array)]).toEqual([0, 1, 255]);
  });

  test('returns rows of the tables with those types', async () => {
    const organization = await insertOrganization(database);
    const job = await database.query
      .selectFrom('jobs')
      .selectAll()
      .where('id', '=', organization.job)
      .executeTakeFirstOrThrow();
    expect(job.deadline).toEqual(new Date(now + 3_600_000));
    expect(Buffer.from(job.token_hash)).toEqual(Buffer.from(organization.token_hash));
    expect(job).toMatchObject({ labels: { branch: 'main' }, ended_at: null, version: 1 });
    const set = await database.query
      .selectFrom('key_sets')
      .selectAll()
      .where('name', '=', 'workload')
      .executeTakeFirst();
    expect(set).toEqual({ name: 'workload', version: 0 });
    const found = await database.query
      .selectFrom('jobs')
      .select('id')
      .where('token_hash', '=', organization.token_hash)
      .executeTakeFirst();
    expect(found?.id).toBe(organization.job);
  });

  test('counts the rows that a change touched', async () => {
    await database.query
      .insertInto('users')
      .values([user('count.1'), user('count.2')])
      .execute();
    const changed = await database.query
      .updateTable('users')
      .set({ display_name: 'x' })
      .where('login', 'like', 'count.%')
      .executeTakeFirst();
    expect(changed.numUpdatedRows).toBe(2n);
    const gone = await database.query.deleteFrom('users').where('login', '=', 'count.3').executeTakeFirst();
    expect(gone.numDeletedRows).toBe(0n);
  });

  test('commits a transaction wholly or not at all', async () => {
    await database.transaction(async (tx) => {
      await tx.insertInto('users').values(user('whole.1')).execute();
      await tx.insertInto('users').values(user('whole.2')).execute();
    });
    const failed = database.transaction(async (tx) => {
      await tx.insertInto('users').values(user('whole.3')).execute();
      throw new Error('stop');
    });
    await expect(failed).rejects.toThrow('stop');
    expect(await logins('whole.')).toEqual(['whole.1', 'whole.2']);
  });

  test('fails a transaction whose work ignored the error of a statement', async () => {
    const failed = database.transaction(async (tx) => {
      await tx.insertInto('users').values(user('swallow.1')).execute();
      await tx
        .insertInto('users')
        .values(user('swallow.1'))
        .execute()
        .catch(() => {});
    });
    await expect(failed).rejects.toThrow();
    expect(await logins('swallow.')).toEqual([]);
  });

  test('hides the changes of an open transaction from others', async () => {
    const sums = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        database.transaction(async (tx) => {
          await tx
            .insertInto('users')
            .values(user(`half.${index}.a`))
            .execute();
          await tx
            .insertInto('users')
            .values(user(`half.${index}.b`))
            .execute();
          const { rows } = await sql<{ own: number; all: number }>`
            SELECT count(*) FILTER (WHERE login LIKE ${`half.${index}.%`}) AS own, count(*) AS all
            FROM users WHERE login LIKE 'half.%'`.execute(tx);
          return rows[0]!;
        }),
      ),
    );
    for (const { own, all } of sums) {
      expect(own).toBe(2);
      expect(all % 2).toBe(0);
    }
  });

  test('refuses its own use inside a transaction at once, instead of waiting for itself', async () => {
    const batched = coalesce(async (keys: string[]) => keys, { maximumBatch: 10, concurrency: 1 });
    for (const misuse of [
      () => database.now(),
      () => database.query.selectFrom('users').select('id').execute(),
      () => database.transaction(async () => {}),
      () => batched('key'),
    ])
      await expect(database.transaction(misuse as () => Promise<unknown>)).rejects.toThrow('use the `tx`');
    await database.now();
  });

  test('tells a unique violation from a missing reference', async () => {
    const row = user('unique.1');
    await database.query.insertInto('users').values(row).execute();
    const again = (await database.query
      .insertInto('users')
      .values(user('unique.1'))
      .execute()
      .catch((error) => error)) as unknown;
    expect(again).toMatchObject({ code: '23505', constraint: 'users_login_of_operators' });
    const orphan = (await database.query
      .insertInto('users')
      .values({ ...user('unique.2'), organization_id: 'grp_nowhere' })
      .execute()
      .catch((error) => error)) as unknown;
    expect(orphan).toMatchObject({ code: '23503', constraint: 'users_organization_id_fkey' });
  });

  test('stays usable after the error of a statement', async () => {
    await expect(sql`SELECT nonsense`.execute(database.query)).rejects.toMatchObject({ code: '42703' });
    await expect(database.statement('nonsense', 'SELECT nonsense', [])).rejects.toMatchObject({ code: '42703' });
    await database.now();
  });

  test('is unavailable after close, and may be closed twice', async () => {
    const { database: closing } = await freshDatabase(kind);
    await closing.close();
    await closing.close();
    await expect(closing.now()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(closing.query.selectFrom('users').select('id').execute()).rejects.toMatchObject({
      code: 'unavailable',
    });
    await expect(closing.transaction(async () => {})).rejects.toMatchObject({ code: 'unavailable' });
  });
});
