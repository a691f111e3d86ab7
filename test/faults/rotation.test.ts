import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { execute } from '../support/postgres.ts';
import { rounds } from '../support/rounds.ts';
import { expectAllVerify, jwksOf, tokensOf } from './issued.ts';
import { type Issuing, mint, startIssuing } from './issuing.ts';
import { startLoad } from './load.ts';
import { progress } from './progress.ts';

const hour = 3_600_000;

/** Two replicas on one PostgreSQL and one clock that is advanced: each round is more than a day later. */
describe('rotation by two replicas at once', () => {
  let issuing: Issuing;
  let replicas: [RunningArsia, RunningArsia];

  beforeAll(async () => {
    issuing = await startIssuing();
    const { home, issuer, clock } = issuing.seed;
    replicas = [issuing.seed, await startArsia({ home, issuer, clock })];
    // Jobs have a deadline of at most 7 days, and the rounds cover years.
    await execute(home.urls!.admin, `UPDATE jobs SET deadline = '2999-01-01'`);
  }, 120_000);

  const workload = (replica: RunningArsia) => replica.arsia.keyrings.workload;
  const kidsOf = async (replica: RunningArsia) => {
    await workload(replica).reload();
    return workload(replica)
      .current()
      .keys.map(({ kid }) => kid);
  };
  const published = async (replica: RunningArsia) => (await jwksOf(replica.origin)).keys.map(({ kid }) => kid);

  test.each([
    { what: 'by command', after: 26 * hour, force: true },
    { what: 'by the timer', after: 31 * 24 * hour, force: false },
  ])(
    'F14 F17: $what makes exactly one new key, and no token fails in a cloud that fetched the keys 25 h ago',
    async ({ after, force }) => {
      const { clock } = issuing.seed;
      const count = rounds(2, 100);
      for (let round = 1; round <= count; round++) {
        const known = new Set(await kidsOf(replicas[0]));
        const cached = await jwksOf(replicas[round % 2]!.origin);
        clock.advance(after);
        const streams = replicas.map(({ origin }) => startLoad(() => mint(issuing, origin), { rate: 40 }));
        const outcomes = await Promise.allSettled(replicas.map((replica) => workload(replica).rotate({ force })));
        await Promise.all(streams.map((stream) => stream.heard(3)));
        await Promise.all(streams.map((stream) => stream.end()));

        // The second command is refused with the reason; the second timer finds nothing due.
        for (const outcome of outcomes)
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict' });
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(force ? 1 : 2);
        const kids = await kidsOf(replicas[0]);
        expect(await kidsOf(replicas[1])).toEqual(kids);
        expect(kids.filter((kid) => !known.has(kid))).toHaveLength(1);
        expect(kids.length).toBeLessThanOrEqual(3);

        const replies = streams.flatMap((stream) => stream.replies);
        expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
        const tokens = tokensOf(replies);
        await expectAllVerify(tokens, cached, clock.now());
        for (const replica of replicas) await expectAllVerify(tokens, await jwksOf(replica.origin), clock.now());
        if (round % 10 === 0) progress(`rotated ${round} of ${count} times ${force ? 'by command' : 'by the timer'}`);
      }
    },
    600_000,
  );

  test('a replica that missed a change reads it before it signs, and signs only with keys that it publishes', async () => {
    const [first, second] = replicas;
    for (let round = 1; round <= rounds(2, 20); round++) {
      first.clock.advance(26 * hour);
      const missed = await published(second);
      await workload(first).rotate({ force: true });
      expect(await published(second)).toEqual(missed);
      const [token] = tokensOf([await mint(issuing, second.origin)]);
      const { kid } = decodeProtectedHeader(token!);
      expect(kid).toBe((await published(first))[0]);
      expect(await published(second)).toEqual(await published(first));
      expect(missed).toContain(kid);
    }
  }, 120_000);
});
