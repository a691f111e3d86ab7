import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { quotaNames, quotas } from '../../../src/core/quotas.ts';
import type { Database } from '../../../src/database/connections.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { type Admission, createQuotaCounts, type QuotaCounts } from '../../../src/services/pipeline/quotacounts.ts';
import { insertNamespace } from '../../../src/store/namespaces/namespaces.ts';
import { readQuotaUse, saveQuotas } from '../../../src/store/namespaces/quotas.ts';
import { insertTeam } from '../../../src/store/people/teams.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';

const key = { name: 'teams', organization_id: 'grp_acme', holder: 'grp_acme' } as const;
const now = new Date();

describe.each(databaseKinds)('counts on the %s database', (kind) => {
  let database: Database;
  let counted: number;
  let counts: QuotaCounts;
  let countsOf: (many: number) => QuotaCounts;
  let made = 0;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    const organization = {
      ...{
        id: 'grp_acme',
        kind: 'group' as const,
        parent_id: null,
        organization_id: 'grp_acme',
        name: 'acme',
        path: 'acme',
      },
      ...{ lineage: ['grp_acme'], description: '', created_at: now, version: 1 },
    };
    await insertNamespace(database.query, organization);
  }, 60_000);

  beforeEach(async () => {
    await database.query.deleteFrom('teams').execute();
    await saveQuotas(database.query, 'grp_acme', { teams: 100 });
    counted = 0;
    // Every count goes through the one query.
    const query = new Proxy(database.query, {
      get(target, member) {
        if (member === 'executeQuery') counted++;
        const value: unknown = Reflect.get(target, member);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    countsOf = (many) => createQuotaCounts({ database: { ...database, query }, clock: systemClock, many });
    counts = countsOf(100_000);
  });

  const team = () => {
    const id = `team_${++made}`;
    return insertTeam(database.query, {
      ...{ id, organization_id: 'grp_acme', name: id, description: '', created_at: now, version: 1 },
    });
  };
  const add = (work: (admission: Admission) => Promise<unknown> = team) =>
    counts.runAdmitted(async (admission) => {
      const full = admission.reserve([key], 1);
      if (full !== undefined) return `full at ${full.value}`;
      await work(admission);
      return 'added';
    });

  test('are made for every quota, with its default where it was not changed', async () => {
    for (const name of quotaNames) {
      const use = await readQuotaUse(database.query, { name, organization_id: 'grp_other', holder: 'x y' }, now);
      expect({ name, ...use }).toEqual({ name, used: 0, value: quotas[name].default });
    }
  });

  test('are kept for a second: many creates cost one count', async () => {
    for (let n = 0; n < 50; n++) expect(await add()).toBe('added');
    // One, and another one for each second that a slow machine takes.
    expect(counted).toBeLessThan(10);
  });

  test('are made for each create near the quota, so that a deletion makes room at once', async () => {
    for (let n = 0; n < 100; n++) expect(await add()).toBe('added');
    expect(await add()).toBe('full at 100');
    await database.query.deleteFrom('teams').where('id', '=', `team_${made}`).execute();
    expect(await add()).toBe('added');
    expect(await add()).toBe('full at 100');
  });

  test('of over 100,000 rows are kept near the quota too', async () => {
    counts = countsOf(50);
    for (let n = 0; n < 95; n++) await team();
    for (let n = 0; n < 5; n++) expect(await add()).toBe('added');
    for (let n = 0; n < 40; n++) expect(await add()).toBe('full at 100');
    expect(counted).toBeLessThan(10);
  });

  test('include creates under way, and not those that fail', async () => {
    await saveQuotas(database.query, 'grp_acme', { teams: 3 });
    const gate = Promise.withResolvers<void>();
    const waiting = [add(() => gate.promise.then(team)), add(() => gate.promise.then(team))];
    await sleep(100);
    expect(await add(() => Promise.reject(new Error('lost'))).catch((error: Error) => error.message)).toBe('lost');
    expect(await add()).toBe('added');
    expect(await add()).toBe('full at 3');
    gate.resolve();
    expect(await Promise.all(waiting)).toEqual(['added', 'added']);
    expect(await add()).toBe('full at 3');
  });

  test('end the work where the holder changes with each run', async () => {
    let run = 0;
    const work = counts.runAdmitted(async ({ reserve }) =>
      reserve([{ ...key, name: 'team_members', holder: `team_${++run}` }], 1),
    );
    await expect(work).rejects.toThrow('the quota team_members is not counted yet after 20 runs');
  }, 60_000);

  test('return the room of a transaction that runs again', async () => {
    await saveQuotas(database.query, 'grp_acme', { teams: 1 });
    const tries = await counts.runAdmitted(async (admission) => {
      for (let n = 0; n < 5; n++) {
        admission.restart();
        expect(admission.reserve([key], 1)).toBeUndefined();
      }
      return 5;
    });
    expect(tries).toBe(5);
  });

  test('are shared by concurrent creates', async () => {
    await saveQuotas(database.query, 'grp_acme', { teams: 20 });
    for (let n = 0; n < 19; n++) await team();
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => add()));
    expect(outcomes.filter((outcome) => outcome === 'added')).toHaveLength(1);
    expect(counted).toBeLessThan(30);
  });
});
