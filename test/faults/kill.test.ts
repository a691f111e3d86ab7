import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeHome, type Spawned } from '../support/arsia.ts';
import { databaseKinds } from '../support/databases.ts';
import { rounds } from '../support/rounds.ts';
import { lockAuditTable } from './auditlock.ts';
import { expectAllVerify, expectEveryRow, jwksOf, mintRows, tokensOf } from './issued.ts';
import { type Issuing, leaveIssuing, mint, serve } from './issuing.ts';
import { startLoad } from './load.ts';
import { progress } from './progress.ts';
import { keepAlive } from './wire.ts';

const rate = 200;

describe.each(databaseKinds)('arsia serve on %s, killed', (kind) => {
  let issuing: Issuing;
  let replica: Spawned;
  const answered: string[] = [];
  let unanswered = 0;

  beforeAll(async () => {
    issuing = await leaveIssuing({ home: await makeHome(kind) });
    replica = await serve(issuing);
  }, 120_000);

  async function kill(): Promise<void> {
    replica.child.kill('SIGKILL');
    expect(await replica.exited).toEqual({ code: null, signal: 'SIGKILL' });
  }

  /** Expects after a restart a row for each response, and at most one for each request without a response. */
  async function expectNothingLost(): Promise<number> {
    const rows = await mintRows(issuing.organization.owner);
    expectEveryRow(answered, rows);
    expect(rows.length - answered.length).toBeLessThanOrEqual(unanswered);
    return rows.length;
  }

  test('F1: kill -9 at 200 requests a second: every returned token has its audit row', async () => {
    for (let round = 1; round <= rounds(1, 10); round++) {
      const agent = keepAlive();
      const load = startLoad(() => mint(issuing, issuing.seed.origin, { agent }), { rate });
      await load.heard(rate);
      await sleep(randomInt(50));
      load.pause();
      const inFlight = load.outstanding();
      await kill();
      await load.end();
      agent.destroy();

      replica = await serve(issuing);
      const tokens = tokensOf(load.replies);
      expect(tokens).toHaveLength(load.replies.length);
      expect(load.errors.length).toBeLessThanOrEqual(inFlight);
      answered.push(...tokens);
      unanswered += load.errors.length;
      const rows = await expectNothingLost();
      await expectAllVerify(tokens, await jwksOf(issuing.seed.origin));
      progress(`${kind}, kill ${round}: ${answered.length} tokens, ${rows} rows, ${inFlight} were in flight`);
    }
  }, 600_000);

  // Only a database server lets a test lock its tables.
  if (kind !== 'postgres') return;
  test('F1: kill -9 while audit records wait in the database: none of their tokens was returned', async () => {
    const lock = await lockAuditTable(issuing.seed.home.urls!.admin);
    const inFlight = 20;
    const outcomes = Promise.allSettled(Array.from({ length: inFlight }, () => mint(issuing, issuing.seed.origin)));
    await lock.untilInsertWaits();
    await kill();
    expect(new Set((await outcomes).map(({ status }) => status))).toEqual(new Set(['rejected']));
    await lock.release();

    unanswered += inFlight;
    replica = await serve(issuing);
    answered.push(...tokensOf([await mint(issuing, issuing.seed.origin)]));
    await expectNothingLost();
  }, 60_000);
});
