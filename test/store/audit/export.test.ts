import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { AuditEvent } from '../../../src/core/audit.ts';
import type { Database } from '../../../src/database/connections.ts';
import { systemClock } from '../../../src/server/clock.ts';
import {
  type AuditFilter,
  type AuditStore,
  createAuditStore,
  type RecordedEvent,
} from '../../../src/store/audit/events.ts';
import { databaseKinds, freshDatabase, type TestDatabase } from '../../support/databases.ts';
import { auditKeys, event } from '../events.ts';
import { id } from '../organization.ts';

async function exported(audit: AuditStore, filter: AuditFilter, after?: number, size = 100): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of audit.pages(filter, size, after)) events.push(...page);
  return events;
}

const idsOf = (events: Pick<AuditEvent, 'id'>[]) => events.map((one) => one.id);

describe.each(databaseKinds)('an export of the audit by position: %s', (kind) => {
  let fresh: TestDatabase;
  let database: Database;
  let audit: AuditStore;

  beforeAll(async () => {
    fresh = await freshDatabase(kind);
    ({ database } = fresh);
    audit = createAuditStore(database, auditKeys);
  }, 90_000);

  test('F32 returns each of 5,000 events of two replicas once, one with a clock that is 4 s behind', async () => {
    const organization_id = id('group');
    const behind = await fresh.another();
    const replicas = [
      { database, audit, ahead: 0 },
      { database: behind, audit: createAuditStore(behind, auditKeys), ahead: -4_000 },
    ];
    let left = 5_000;
    const write = async (replica: (typeof replicas)[number], inTransaction: boolean) => {
      while (left-- > 0) {
        const one = event({ organization_id, at: systemClock.now() + replica.ahead });
        if (!inTransaction) await replica.audit.record(one);
        else
          await replica.database.transaction(async (tx) => {
            await replica.audit.insert(tx, one);
            // Events with later positions are committed meanwhile.
            await sleep(3);
          });
      }
    };
    let isDone = false;
    const writers = Promise.all(
      replicas.flatMap((replica) => Array.from({ length: 40 }, (_, index) => write(replica, index === 0))),
    ).finally(() => {
      isDone = true;
    });
    const read: RecordedEvent[] = [];
    for (let isLast = false; !isLast; ) {
      isLast = isDone;
      read.push(...(await exported(audit, { organization_id }, read.at(-1)?.position)));
    }
    await writers;
    const stored = await database.query
      .selectFrom('audit_events')
      .select('id')
      .where('organization_id', '=', organization_id)
      .orderBy('position')
      .execute();
    expect(stored).toHaveLength(5_000);
    expect(idsOf(read)).toEqual(idsOf(stored));
  }, 120_000);

  test('F32 ends before a position while an earlier one can still appear, and has both afterwards', async () => {
    if (kind === 'embedded') return;
    const organization_id = id('group');
    const [early, late] = [event({ organization_id }), event({ organization_id })];
    const { promise: gate, resolve: commit } = Promise.withResolvers<void>();
    const { promise: inserted, resolve: isInserted } = Promise.withResolvers<void>();
    const change = database.transaction(async (tx) => {
      await audit.insert(tx, early);
      isInserted();
      await gate;
    });
    await inserted;
    await audit.record(late);
    const waiting = exported(audit, { organization_id });
    await sleep(200);
    commit();
    await change;
    expect(idsOf(await waiting)).toEqual(idsOf([early, late]));
  });

  test('F32 answers unavailable while a transaction that has written an event does not end', async () => {
    if (kind === 'embedded') return;
    const { promise: gate, resolve: commit } = Promise.withResolvers<void>();
    const { promise: inserted, resolve: isInserted } = Promise.withResolvers<void>();
    const change = database.transaction(async (tx) => {
      await audit.insert(tx, event());
      isInserted();
      await gate;
    });
    await inserted;
    await expect(exported(audit, { organization_id: null })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('has not ended'),
    });
    commit();
    await change;
    expect((await exported(audit, { organization_id: null })).length).toBeGreaterThan(0);
  }, 30_000);

  test('by time returns what is in the window by the clocks of the replicas', async () => {
    const organization_id = id('group');
    const hour = 3_600_000;
    const begin = systemClock.now() + 1_000 * hour;
    const events = Array.from({ length: 120 }, (_, index) =>
      event({ organization_id, at: begin + index * hour + (index % 3) * 4_000 }),
    );
    for (const one of events) await audit.record(one);
    for (const [since, until] of [
      [30, 60],
      [0, 1],
      [119, 200],
      [50, 50],
    ] as const) {
      const window = { since: begin + since * hour, until: begin + until * hour };
      const expected = events.filter(({ at }) => at >= window.since && at < window.until);
      expect(idsOf(await exported(audit, { organization_id, ...window }, 0, 7))).toEqual(idsOf(expected));
    }
    const [, ...rest] = await exported(audit, { organization_id });
    const after = rest[0]!.position;
    const late = await exported(audit, { organization_id, since: begin + 100 * hour }, after);
    expect(idsOf(late)).toEqual(idsOf(events.slice(100)));
  });
});
