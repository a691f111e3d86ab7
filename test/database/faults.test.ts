import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { Database } from '../../src/database/connections.ts';
import { openDatabase } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createAuditStore } from '../../src/store/audit/events.ts';
import { auditKeys, event } from '../store/events.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { rounds } from '../support/rounds.ts';

describe('a failing PostgreSQL', () => {
  let server: PostgresServer;
  let url: string;
  const opened: Database[] = [];
  const faults: Error[] = [];

  const open = async (options: { poolSize?: number } = {}) => {
    const database = await openDatabase({ url, onFault: (error) => faults.push(error), ...options });
    opened.push(database);
    return database;
  };
  const terminate = () =>
    server.execute('arsia', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'door'");
  /** Until a statement with this text is running. */
  const running = async (text: string) => {
    const query = `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%${text}%'`;
    while ((await server.execute('arsia', query)).rowCount === 0);
  };
  const away = { code: 'unavailable', more: { retry_after: expect.any(Number) } };
  /** Until the breaker lets the next try through. */
  const answers = async (database: Database) => {
    for (;;) {
      try {
        return await database.now();
      } catch (error) {
        expect(error).toMatchObject(away);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };

  beforeAll(async () => {
    server = await startPostgres();
    await server.execute('postgres', 'CREATE DATABASE arsia');
    await migrate(server.url('arsia'));
    url = `${server.url('arsia')}?application_name=door`;
  }, 90_000);

  beforeEach(async () => {
    for (const database of opened.splice(0)) await database.close();
    faults.length = 0;
  });

  afterAll(async () => {
    for (const database of opened.splice(0)) await database.close();
    await server.remove();
  });

  test('M12: ends idle connections: the process stays, the fault is reported, the next statement works', async () => {
    const database = await open();
    await Promise.all(Array.from({ length: 5 }, () => sql`SELECT 1`.execute(database.query)));
    const { rowCount } = await terminate();
    while (faults.length < rowCount!) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(faults[0]).toMatchObject({ code: '57P01' });
    await database.now();
    expect(await database.query.selectFrom('users').select('id').execute()).toEqual([]);
  });

  test('M12: ends a connection inside a transaction, between two statements', async () => {
    const database = await open();
    const cut = database.transaction(async (tx) => {
      await tx.selectFrom('users').select('id').execute();
      await terminate();
      await tx.selectFrom('users').select('id').execute();
    });
    await expect(cut).rejects.toMatchObject(away);
    await database.now();
  });

  test('M12: ends a connection during a statement', async () => {
    const database = await open();
    const cut = sql`SELECT pg_sleep(30)`.execute(database.query).catch((error) => error);
    await running('pg_sleep(30)');
    await terminate();
    expect(await cut).toMatchObject(away);
    await database.now();
  });

  test('M12: ends a connection whose close comes late: that connection is not used again', async () => {
    const late = await closesLate(server);
    const database = await openDatabase({ url: late.url });
    const cut = sql`SELECT pg_sleep(30)`.execute(database.query).catch((error) => error);
    await running('pg_sleep(30)');
    await terminate();
    expect(await cut).toMatchObject(away);
    await database.now();
    await database.close();
    await late.close();
  });

  test('M13: is slow: the answer of an abandoned statement never reaches the next one', async () => {
    const database = await open({ poolSize: 1 });
    const slow = database.statement('slow', "SELECT pg_sleep(4), 'slow' AS word", []).catch((error) => error);
    await running('pg_sleep(4)');
    const words = ['a', 'b', 'c', 'd'];
    const say = (word: string) => database.statement<{ word: string }>('word', 'SELECT $1::text AS word', [word]);
    // They waited for the only connection longer than a caller should, and were told so.
    for (const outcome of await Promise.allSettled(words.map(say)))
      expect(outcome).toMatchObject({ status: 'rejected', reason: away });
    expect(await slow).toMatchObject(away);
    expect(await Promise.all(words.map(say))).toEqual(words.map((word) => [{ word }]));
  }, 30_000);

  test('has no connection left: callers get `unavailable`, and open connections go on', async () => {
    const database = await open({ poolSize: 2 });
    const release = Promise.withResolvers<void>();
    const held = [0, 1].map(() => Promise.withResolvers<void>());
    const holders = held.map(({ resolve }) =>
      database.transaction(async (tx) => {
        await tx.selectFrom('users').select('id').execute();
        resolve();
        await release.promise;
        return await tx.selectFrom('users').select('id').execute();
      }),
    );
    await Promise.all(held.map(({ promise }) => promise));
    await expect(database.now()).rejects.toMatchObject(away);
    release.resolve();
    expect(await Promise.all(holders)).toEqual([[], []]);
    await database.now();
  });

  test('F5: is away at the start: opening works, and statements are unavailable until it is there', async () => {
    await server.stop();
    const database = await open();
    await expect(database.now()).rejects.toMatchObject(away);
    await expect(database.query.selectFrom('users').select('id').execute()).rejects.toMatchObject(away);
    await server.start();
    await answers(database);
  });

  test('F6: goes away: every method is unavailable without waiting, and recovers', async () => {
    const database = await open();
    const audit = createAuditStore(database, auditKeys);
    await audit.record(event());
    await server.stop();
    for (let count = 0; count < 50; count++) {
      await expect(database.now()).rejects.toMatchObject(away);
      await expect(database.query.selectFrom('users').select('id').execute()).rejects.toMatchObject(away);
      await expect(database.transaction(async () => {})).rejects.toMatchObject(away);
      await expect(audit.record(event())).rejects.toMatchObject(away);
    }
    await server.start();
    await answers(database);
    await audit.record(event());
  }, 15_000);

  test('F6: freezes: callers get `unavailable`, also those that hold a connection, and it recovers', async () => {
    const database = await open({ poolSize: 2 });
    await Promise.all([database.now(), database.now()]);
    await server.freeze();
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => database.now()));
    for (const outcome of asked) expect(outcome).toMatchObject({ status: 'rejected', reason: away });
    // One connection timeout each would take minutes.
    for (let count = 0; count < 200; count++) await expect(database.now()).rejects.toMatchObject(away);
    await server.thaw();
    await answers(database);
  }, 30_000);

  test('has an unknown host, a refused role or no such database: unavailable, without the name of the host', async () => {
    for (const wrong of [
      'postgres://postgres@arsia.invalid:5432/arsia',
      server.url('arsia', 'stranger'),
      server.url('nowhere'),
    ]) {
      const database = await openDatabase({ url: wrong });
      const error = await database.now().catch((thrown) => thrown);
      expect(error).toMatchObject(away);
      expect(error.message).not.toMatch(/invalid|127\.0\.0\.1|stranger|nowhere/);
      await database.close();
    }
  });

  test('F3: is killed while events are recorded: no acknowledged event is lost, and the only error is unavailable', async () => {
    const database = await open();
    const audit = createAuditStore(database, { ...auditKeys, maximumBatch: 10 });
    for (let round = 0; round < rounds(2, 20); round++) {
      await answers(database);
      const acknowledged: string[] = [];
      let isKilled = false;
      const writers = Array.from({ length: 16 }, async () => {
        while (!isKilled) {
          const { event_id } = await audit.record(event());
          acknowledged.push(event_id);
        }
      });
      const outcomes = Promise.allSettled(writers);
      while (acknowledged.length < 300 + round * 17) await new Promise((resolve) => setTimeout(resolve, 1));
      await server.kill();
      isKilled = true;
      for (const outcome of await outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(away);
      await server.start();
      await answers(database);
      const { rows } = await sql<{ kept: number }>`SELECT count(*) AS kept FROM audit_events
        WHERE id = ANY (${acknowledged})`.execute(database.query);
      expect(rows[0]!.kept).toBe(acknowledged.length);
    }
  }, 180_000);
});

/** The server behind a relay that passes on every byte at once and the end of a connection never, until it is closed. */
async function closesLate(server: PostgresServer): Promise<{ url: string; close(): Promise<void> }> {
  const target = new URL(`${server.url('arsia')}?application_name=door`);
  const sockets: Socket[] = [];
  const relay = createServer((near) => {
    const far = connect(server.port, target.hostname);
    sockets.push(near, far);
    near.on('error', () => {}).on('data', (bytes) => far.write(bytes));
    far.on('error', () => {}).on('data', (bytes) => near.write(bytes));
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  target.port = String((relay.address() as AddressInfo).port);
  return {
    url: target.href,
    async close() {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await once(relay, 'close');
    },
  };
}
