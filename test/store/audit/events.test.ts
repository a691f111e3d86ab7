import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { AuditEvent } from '../../../src/core/audit.ts';
import type { Database } from '../../../src/database/connections.ts';
import { type AuditStore, createAuditStore, isReceipt } from '../../../src/store/audit/events.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';
import { auditKeys, event } from '../events.ts';
import { id } from '../organization.ts';

/** A database whose statements are counted, and fail while `fails` is set. */
function watched(database: Database) {
  const watch = { statements: 0, fails: false };
  const affected: Database['affected'] = async (name, text, values) => {
    watch.statements++;
    if (watch.fails) throw new Error('disk on fire');
    return await database.affected(name, text, values);
  };
  return { ...database, affected, watch };
}

describe.each(databaseKinds)('the audit: %s', (kind) => {
  let database: Database;
  let audit: AuditStore;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    audit = createAuditStore(database, auditKeys);
  }, 90_000);

  /** Leaves out the positions, which the database gives. */
  const list: (...asked: Parameters<AuditStore['list']>) => Promise<AuditEvent[]> = async (...asked) =>
    (await audit.list(...asked)).map(({ position: _, ...one }) => one);

  const stored = async (events: AuditEvent[]) => {
    const ids = events.map((one) => one.id);
    const rows = await database.query.selectFrom('audit_events').select('id').where('id', 'in', ids).execute();
    return rows.length;
  };

  test('keeps every field of an event', async () => {
    const full: AuditEvent = {
      ...event({ at: 1_800_000_000_123 }),
      outcome: 'refused',
      code: 'identity_not_assigned',
      organization_id: id('group'),
      actor_kind: 'user',
      actor_id: id('user'),
      user_id: id('user'),
      workspace_id: id('workspace'),
      identity_id: id('managed_identity'),
      job_id: id('job'),
      target_id: id('group'),
      jti: 'a jti',
      signing_input_sha256: 'ab'.repeat(32),
      request_id: 'request',
      parent_id: id('event'),
      detail: { claims: { sub: 'mi:ws', n: 1.5, on: true, none: null }, list: ['a', '"\\\n'] },
    };
    await audit.record(full);
    expect(await audit.find(full.organization_id, full.id)).toEqual(full);
    const empty = event();
    await audit.record(empty);
    expect(await audit.find(null, empty.id)).toEqual(empty);
  });

  test('keeps any text in any field', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }).filter((one) => !one.includes('\0')),
      fc.constantFrom('', 'NULL', 'null', '"', '\\', '\\"', '{a,"b"}', 'a\nb', '\\\\x41', ' ', ',', '\u2028'),
    );
    const texts = ['actor_id', 'user_id', 'job_id', 'target_id', 'jti', 'request_id', 'parent_id'] as const;
    const fields = fc.record(Object.fromEntries(texts.map((name) => [name, fc.option(text)])));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ fields, detail: fc.record({ value: text, 'a "key"': text }) }), { maxLength: 5 }),
        async (all) => {
          const events = all.map((one) => event({ ...one.fields, detail: one.detail }));
          await Promise.all(events.map((one) => audit.record(one)));
          for (const one of events) expect(await audit.find(null, one.id)).toEqual(one);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('returns a receipt that cannot be forged', async () => {
    const one = event();
    const receipt = await audit.record(one);
    expect(receipt).toEqual({ event_id: one.id });
    expect(isReceipt(receipt)).toBe(true);
    expect(Object.isFrozen(receipt)).toBe(true);
    for (const forged of [
      { event_id: one.id },
      { ...receipt },
      structuredClone(receipt),
      Object.create(receipt),
      null,
      'x',
    ])
      expect(isReceipt(forged)).toBe(false);
  });

  test('records concurrent events with few INSERTs', async () => {
    const counted = watched(database);
    const grouped = createAuditStore(counted, { ...auditKeys, maximumBatch: 100 });
    const events = Array.from({ length: 300 }, () => event());
    await Promise.all(events.map((one) => grouped.record(one)));
    expect(counted.watch.statements).toBe(3);
    expect(await stored(events)).toBe(300);
  });

  test('rejects every event of a failed INSERT as unavailable, and records those after it', async () => {
    const failing = watched(database);
    const grouped = createAuditStore(failing, auditKeys);
    failing.watch.fails = true;
    const lost = Array.from({ length: 5 }, () => event());
    const outcomes = await Promise.allSettled(lost.map((one) => grouped.record(one)));
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable', more: { retry_after: 1 } } });
    failing.watch.fails = false;
    expect(isReceipt(await grouped.record(event()))).toBe(true);
    expect(await stored(lost)).toBe(0);
  });

  test('gives no receipt for any event of an INSERT that the database refused', async () => {
    const known = event();
    await audit.record(known);
    const events = [event(), known, event()];
    const outcomes = await Promise.allSettled(events.map((one) => audit.record(one)));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await stored(events)).toBe(1);
  });

  test('records text that PostgreSQL cannot store in a form that it can', async () => {
    const hostile = event({
      actor_id: 'nul \0 in text',
      detail: { 'key \0': 'half \ud800 pair', deep: [{ '\udc00': '\0' }], fine: '\\u0000 and 😀' },
    });
    const neighbour = event();
    await Promise.all([audit.record(hostile), audit.record(neighbour)]);
    expect(await stored([hostile, neighbour])).toBe(2);
    expect(await audit.find(null, hostile.id)).toMatchObject({
      actor_id: 'nul \uFFFD in text',
      detail: { 'key \uFFFD': 'half \uFFFD pair', deep: [{ '\uFFFD': '\uFFFD' }], fine: '\\u0000 and 😀' },
    });
  });

  test('F25 refuses events of one organisation beyond its half of the queue at once', async () => {
    const small = createAuditStore(database, { ...auditKeys, maximumBatch: 2, maximumWaiting: 8 });
    const recorded = Array.from({ length: 6 }, () => small.record(event()));
    await expect(small.record(event({ organization_id: 'grp_other' }))).resolves.toBeDefined();
    const outcomes = await Promise.allSettled(recorded);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      ...Array(4).fill('fulfilled'),
      ...Array(2).fill('rejected'),
    ]);
    expect(outcomes[5]).toMatchObject({ reason: { code: 'unavailable' } });
  });

  test('records the event of a change only with the change', async () => {
    const kept = event();
    const undone = event();
    await database.transaction((tx) => audit.insert(tx, kept));
    await expect(
      database.transaction(async (tx) => {
        await audit.insert(tx, undone);
        throw new Error('undo');
      }),
    ).rejects.toThrow('undo');
    expect(await audit.find(null, kept.id)).toEqual(kept);
    expect(await audit.find(null, undone.id)).toBeUndefined();
  });

  test('lists newest first, in pages without gaps or repeats', async () => {
    const organization_id = id('group');
    const events = Array.from({ length: 25 }, (_, index) => event({ organization_id, at: 1_800_000_000_000 + index }));
    await Promise.all(events.map((one) => audit.record(one)));
    const seen: AuditEvent[] = [];
    for (let after: string | undefined, pages = 0; pages < 4; pages++) {
      const page = await list({ organization_id }, { limit: 10, after });
      seen.push(...page);
      after = page.at(-1)?.id;
    }
    expect(seen).toEqual(events.toReversed());
  });

  test('lists by each filter', async () => {
    const organization_id = id('group');
    const wanted = event({
      organization_id,
      jti: 'jti-1',
      action: 'group.create',
      outcome: 'failed',
      actor_id: 'usr_a',
      user_id: 'usr_b',
      workspace_id: 'ws_a',
      identity_id: 'mi_a',
      job_id: 'job_a',
      at: 1_800_000_000_000,
    });
    const other = event({ organization_id, at: 1_700_000_000_000 });
    await Promise.all([audit.record(wanted), audit.record(other)]);
    const filters = [
      { jti: 'jti-1' },
      { action: 'group.create' },
      { outcome: 'failed' as const },
      { actor_id: 'usr_a' },
      { user_id: 'usr_b' },
      { workspace_id: 'ws_a' },
      { identity_id: 'mi_a' },
      { job_id: 'job_a' },
      { since: 1_800_000_000_000 },
    ];
    for (const filter of filters) expect(await list({ organization_id, ...filter }, { limit: 10 })).toEqual([wanted]);
    expect(await list({ organization_id, until: 1_800_000_000_000 }, { limit: 10 })).toEqual([other]);
    expect(await list({ organization_id, since: 1_700_000_000_000, until: 1_800_000_000_001 }, { limit: 10 })).toEqual([
      wanted,
      other,
    ]);
    expect(await list({ organization_id, jti: 'jti-1', action: 'x.y' }, { limit: 10 })).toEqual([]);
  });

  test('shows an organisation its own events only', async () => {
    const mine = event({ organization_id: id('group') });
    const theirs = event({ organization_id: id('group') });
    const installations = event();
    await Promise.all([mine, theirs, installations].map((one) => audit.record(one)));
    expect(await list({ organization_id: mine.organization_id }, { limit: 100 })).toEqual([mine]);
    expect(await audit.find(mine.organization_id, theirs.id)).toBeUndefined();
    expect(await audit.find(null, theirs.id)).toBeUndefined();
    const own = await list({ organization_id: null }, { limit: 1000 });
    expect(own).toContainEqual(installations);
    expect(own.filter((one) => one.organization_id !== null)).toEqual([]);
  });
});

describe('N63: the owner of the table cannot alter audit events', () => {
  test.each(databaseKinds)('%s', async (kind) => {
    const { database, ownerUrl, another } = await freshDatabase(kind);
    const owner = ownerUrl === undefined ? database : await another({ url: ownerUrl });
    const one = event();
    await createAuditStore(database, auditKeys).record(one);
    const statements = [
      "UPDATE audit_events SET outcome = 'failed'",
      "UPDATE audit_events SET outcome = 'failed' WHERE false",
      'DELETE FROM audit_events',
      'TRUNCATE audit_events',
      `INSERT INTO audit_events OVERRIDING SYSTEM VALUE SELECT * FROM audit_events ON CONFLICT (id) DO UPDATE SET outcome = 'failed'`,
    ];
    for (const statement of statements)
      await expect(sql.raw(statement).execute(owner.query)).rejects.toThrow('never altered or removed');
    expect(await createAuditStore(owner, auditKeys).list({ organization_id: null }, { limit: 10 })).toEqual([
      { ...one, position: 1 },
    ]);
  });
});

describe('group commit on PostgreSQL', () => {
  test('resolves after the commit, and puts what arrives meanwhile into one INSERT', async () => {
    const { database, another, ownerUrl } = await freshDatabase('postgres');
    const counted = watched(database);
    const audit = createAuditStore(counted, auditKeys);
    const replica = await another({ url: ownerUrl! });
    const release = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    // Holds every INSERT before its COMMIT.
    const holding = replica.transaction(async (tx) => {
      await sql`LOCK TABLE audit_events IN SHARE MODE`.execute(tx);
      locked.resolve();
      await release.promise;
    });
    await locked.promise;

    let resolved = 0;
    const record = (one: AuditEvent) =>
      audit.record(one).then(async () => {
        resolved++;
        // Seen by another replica from the moment that the caller hears of it.
        expect(await createAuditStore(await another(), auditKeys).find(null, one.id)).toEqual(one);
      });
    const first = record(event());
    const watcher = await another();
    for (let waiting = 0; waiting === 0; ) {
      const { rows } = await sql<{ waiting: number }>`SELECT count(*) AS waiting FROM pg_locks
        WHERE NOT granted AND relation = 'audit_events'::regclass`.execute(watcher.query);
      waiting = rows[0]!.waiting;
    }
    const others = Array.from({ length: 50 }, () => record(event()));
    await watcher.now();
    expect(resolved).toBe(0);
    expect(counted.watch.statements).toBe(1);

    release.resolve();
    await Promise.all([holding, first, ...others]);
    expect(resolved).toBe(51);
    expect(counted.watch.statements).toBe(2);
  }, 60_000);

  test('plans its INSERT once, however many events it carries', async () => {
    const { database } = await freshDatabase('postgres', { poolSize: 1 });
    const audit = createAuditStore(database, auditKeys);
    const counts = [1, 1, 2, 1, 1, 1, 2, 1, 400, 1, 30, 1];
    for (const count of counts) await Promise.all(Array.from({ length: count }, () => audit.record(event())));
    const { rows } = await sql<object>`SELECT custom_plans, generic_plans FROM pg_prepared_statements
      WHERE name = 'audit-insert'`.execute(database.query);
    // PostgreSQL makes five plans for the values it is given, then keeps one for any values where that looks no worse.
    expect(rows).toEqual([{ custom_plans: 5, generic_plans: counts.length - 5 }]);
  });
});
