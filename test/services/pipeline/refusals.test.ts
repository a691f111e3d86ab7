import { beforeEach, describe, expect, test } from '@jest/globals';
import type { AuditEvent } from '../../../src/core/audit.ts';
import { type CountedAudit, countRefusals } from '../../../src/services/pipeline/refusals.ts';
import type { AuditStore } from '../../../src/store/audit/events.ts';
import { event } from '../../store/events.ts';

let now: number;
let isAway: boolean;
let written: AuditEvent[];
let audit: CountedAudit;

const store = {
  async record(one: AuditEvent) {
    if (isAway) throw new Error('away');
    written.push(one);
    return { event_id: one.id };
  },
} as AuditStore;
const clock = { now: () => now, random: (bytes: number) => new Uint8Array(bytes) };

beforeEach(() => {
  now = 1_800_000_000_000;
  isAway = false;
  written = [];
  audit = countRefusals(store, clock, { repeats: 3, kinds: 4 });
});

const stranger = (more: Partial<AuditEvent> = {}): AuditEvent =>
  event({
    at: now,
    action: 'group.list',
    outcome: 'refused',
    code: 'unauthenticated',
    actor_kind: 'anonymous',
    actor_id: null,
    request_id: 'request',
    detail: { reason: 'This needs an access token.' },
    ...more,
  });
const refuse = async (count: number, more: Partial<AuditEvent> = {}) => {
  for (let n = 0; n < count; n++) await audit.refuse(stranger(more));
};
const counts = () => written.filter(({ detail }) => 'count' in detail);

describe('refusals of callers who did not authenticate', () => {
  test('are recorded singly while they are few, and then counted', async () => {
    await refuse(10);
    expect(written).toHaveLength(4);
    expect(counts()).toEqual([]);
    now += 60_000;
    await audit.flush();
    expect(written).toHaveLength(5);
    expect(written[4]).toEqual({
      ...stranger(),
      id: expect.stringMatching(/^evt_/),
      request_id: null,
      detail: {
        reason: expect.any(String),
        count: 6,
        since: '2027-01-15T08:00:00.000Z',
        until: '2027-01-15T08:01:00.000Z',
      },
    });
    await audit.flush();
    expect(written).toHaveLength(5);
  });

  test('from many places are counted together, without an origin', async () => {
    for (let n = 0; n < 10; n++)
      await audit.refuse(stranger({ client_address: `192.0.2.${n}`, user_agent: `curl/8.${n}` }));
    now += 60_000;
    await audit.flush();
    expect(counts()).toMatchObject([
      { request_id: null, client_address: null, user_agent: null, detail: { count: 6 } },
    ]);
  });

  test('record the first of each kind in every minute', async () => {
    await refuse(10);
    await refuse(1, { action: 'user.list' });
    await refuse(1, { target_id: 'sa_a' });
    expect(written.slice(4)).toMatchObject([{ action: 'user.list' }, { target_id: 'sa_a' }]);
    now += 60_000;
    await refuse(1);
    expect(written).toHaveLength(7);
    await audit.flush();
    expect(counts()).toMatchObject([{ action: 'group.list', target_id: null, detail: { count: 6 } }]);
  });

  test('make no more events than the limit of kinds, whatever the requests name', async () => {
    for (let n = 0; n < 1000; n++)
      for (const action of ['group.list', 'user.list'])
        await refuse(1, { action, organization_id: `grp_${n}`, target_id: `sa_${n}`, user_id: `usr_${n}` });
    now += 60_000;
    await audit.flush();
    // Four kinds and what is told apart by action alone; three repeats; a count for each.
    expect(written.length).toBeLessThanOrEqual(4 + 2 + 3 + 6);
    const sum = counts().reduce((total, { detail }) => total + Number(detail.count), 0);
    expect(sum + written.length - counts().length).toBe(2000);
    const rest = counts().filter(({ organization_id }) => organization_id === null);
    expect(rest.map(({ action, target_id, user_id }) => [action, target_id, user_id]).sort()).toEqual([
      ['group.list', null, null],
      ['user.list', null, null],
    ]);
  });

  test('are recorded with their counts at a shutdown too', async () => {
    await refuse(9);
    now += 1_500;
    await audit.flush();
    expect(counts()).toEqual([]);
    await audit.flush({ isLast: true });
    expect(counts()).toMatchObject([{ detail: { count: 5, until: '2027-01-15T08:00:01.500Z' } }]);
  });

  test('begin no new minute when the clock steps back a little', async () => {
    await refuse(4);
    now -= 5;
    await refuse(4);
    now += 10;
    await refuse(4);
    expect(written).toHaveLength(4);
    now += 60_000;
    await audit.flush();
    expect(counts()).toMatchObject([{ detail: { count: 8 } }]);
  });

  test('F20: add up while nothing can be written, and none is lost', async () => {
    await refuse(10);
    now += 60_000;
    isAway = true;
    await expect(audit.flush()).rejects.toThrow('away');
    await expect(refuse(1)).rejects.toThrow('away');
    isAway = false;
    await refuse(9);
    now += 60_000;
    await audit.flush();
    expect(counts()).toMatchObject([
      { detail: { count: 12, since: '2027-01-15T08:00:00.000Z', until: '2027-01-15T08:02:00.000Z' } },
    ]);
  });
});

test('each refusal of an authenticated caller is recorded', async () => {
  await refuse(50, { actor_kind: 'job', actor_id: 'job_a' });
  await refuse(50, { actor_kind: 'user', actor_id: 'usr_a' });
  expect(written).toHaveLength(100);
});

test('N67 counts of many minutes without the database are joined without loss', async () => {
  audit = countRefusals(store, clock, { repeats: 0, kinds: 4, waiting: 10 });
  isAway = true;
  for (let turn = 0; turn < 50; turn++) {
    for (let kind = 0; kind < 4; kind++)
      for (let count = 0; count < 3; count++)
        await audit.refuse(stranger({ target_id: `sa_${turn}_${kind}` })).catch(() => undefined);
    now += 60_000;
  }
  isAway = false;
  await audit.flush();
  expect(written.length).toBeLessThanOrEqual(11);
  expect(written.reduce((sum, { detail }) => sum + Number(detail.count), 0)).toBe(50 * 4 * 2);
});
