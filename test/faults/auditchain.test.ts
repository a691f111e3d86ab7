import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { openDatabase } from '../../src/database/database.ts';
import { freePort, makeHome, type Spawned } from '../support/arsia.ts';
import { databaseKinds, servedKinds } from '../support/databases.ts';
import { execute } from '../support/postgres.ts';
import { rounds } from '../support/rounds.ts';
import { type Ended, ended } from './commands.ts';
import { expectEveryRow, mintRows, tokensOf } from './issued.ts';
import { type Issuing, leaveIssuing, mint, serve, startIssuing } from './issuing.ts';
import { startLoad } from './load.ts';
import { progress } from './progress.ts';
import { keepAlive } from './wire.ts';

const often = { ARSIA_AUDIT_INTERVAL: '1' };

async function audit({ seed }: Issuing, ...args: string[]): Promise<Ended> {
  return await ended(['server', 'audit', ...args], seed.settings, seed.home.folder);
}

/** What `arsia server audit verify` counted; it must have found nothing wrong. */
async function expectWhole(issuing: Issuing, ...args: string[]): Promise<{ covered: number; uncovered: number }> {
  const { code, stdout, stderr } = await audit(issuing, 'verify', ...args);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout, stderr: '' });
  const counted = (name: string) => Number(new RegExp(`^${name} +(\\d+) event`, 'm').exec(stdout)![1]);
  return { covered: counted('covered'), uncovered: counted('uncovered') };
}

/** Runs statements as the owner of the tables, without the trigger. On the embedded database no server may be running. */
async function tamper({ seed }: Issuing, text: string): Promise<void> {
  const turn = (word: string) => `ALTER TABLE audit_events ${word} TRIGGER audit_events_append_only`;
  const all = `${turn('DISABLE')}; ${text}; ${turn('ENABLE ALWAYS')}`;
  if (seed.home.urls !== undefined) await execute(seed.home.urls.owner, all);
  else {
    const database = await openDatabase({ folder: seed.settings.ARSIA_DATA! });
    await sql.raw(all).execute(database.query);
    await database.close();
  }
}

describe.each(databaseKinds)('the audit chain on %s', (kind) => {
  let issuing: Issuing;
  // The commands print the same for both databases; each start of the embedded one takes a second.
  const thorough = servedKinds.includes(kind) ? test : test.skip;

  beforeAll(async () => {
    issuing = await leaveIssuing({ home: await makeHome(kind) });
  }, 120_000);

  test('O5 F1: kill -9 while events and checkpoints are written leaves it whole, and the next start covers the rest', async () => {
    for (let round = 1; round <= rounds(1, 10); round++) {
      const replica = await serve(issuing, often);
      const agent = keepAlive();
      const load = startLoad(() => mint(issuing, issuing.seed.origin, { agent }), { rate: 100 });
      await load.heard(150);
      await sleep(randomInt(300));
      load.pause();
      replica.child.kill('SIGKILL');
      await replica.exited;
      await load.end();
      agent.destroy();

      const { covered, uncovered } = await expectWhole(issuing);
      // The command is a replica too: it has written a checkpoint over the events that it found.
      const after = await expectWhole(issuing);
      expect(after.covered).toBeGreaterThanOrEqual(covered + uncovered);
      expect(after.uncovered).toBe(0);
      expect(after.covered).toBeGreaterThanOrEqual(tokensOf(load.replies).length);
      progress(`${kind}, kill ${round}: ${covered} covered, ${uncovered} not yet`);
    }
  }, 300_000);

  thorough(
    'N63: the command names what was altered and removed, and a tail that is gone since a checkpoint was kept',
    async () => {
      const kept = join(issuing.seed.home.folder, 'checkpoint.json');
      const printed = await audit(issuing, 'checkpoint');
      expect(printed).toMatchObject({ code: 0, stderr: '' });
      await writeFile(kept, printed.stdout);
      const { number, signed, public_key } = JSON.parse(await readFile(kept, 'utf8'));
      expect(public_key).toMatchObject({ kty: 'OKP', crv: 'Ed25519' });
      expect(JSON.parse(Buffer.from(signed.split('.')[1], 'base64url').toString()).number).toBe(number);
      await expectWhole(issuing, '--checkpoint', kept);

      const exported = await audit(issuing, 'export', '--action', 'token.mint');
      const [first, second] = exported.stdout.split('\n').map((line) => line && JSON.parse(line));
      expect(exported.stdout.split('\n').length).toBeGreaterThan(150);
      expect(second.action).toBe('token.mint');
      const rest = await audit(issuing, 'export', '--action', 'token.mint', '--after-position', String(first.position));
      expect(JSON.parse(rest.stdout.slice(0, rest.stdout.indexOf('\n')))).toEqual(second);
      await tamper(
        issuing,
        `UPDATE audit_events SET user_id = NULL WHERE id = '${first.id}'; DELETE FROM audit_events WHERE id = '${second.id}'`,
      );
      const found = await audit(issuing, 'verify');
      expect(found.code).toBe(1);
      expect(found.stderr).toMatch(/^arsia: The audit is not whole: 2 faults\.\n$/);
      expect(found.stdout).toMatch(new RegExp(`^altered +Event ${first.id} \\(position \\d+\\)`, 'm'));
      expect(found.stdout).toMatch(new RegExp(`^removed +Event ${second.id} is missing`, 'm'));

      await tamper(
        issuing,
        `ALTER TABLE audit_checkpoints DISABLE TRIGGER audit_checkpoints_append_only; TRUNCATE audit_checkpoints;
       ALTER TABLE audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_append_only; TRUNCATE audit_events`,
      );
      await expectWhole(issuing);
      const cut = await audit(issuing, 'verify', '--checkpoint', kept);
      expect(cut.code).toBe(1);
      expect(cut.stdout).toMatch(/^cut_off +Checkpoints? /m);
    },
    120_000,
  );

  thorough(
    'what is no checkpoint and no time is told in one line',
    async () => {
      const { folder } = issuing.seed.home;
      const wrong = await audit(issuing, 'verify', '--checkpoint', join(folder, 'sealing.key'));
      expect([wrong.code, wrong.stderr]).toEqual([
        1,
        expect.stringMatching(/^arsia: \S+sealing\.key holds no checkpoint\.[^\n]+\n$/),
      ]);
      const missing = await audit(issuing, 'verify', '--checkpoint', join(folder, 'none'));
      expect([missing.code, missing.stderr]).toEqual([1, expect.stringMatching(/^arsia: [^\n]+none[^\n]+\n$/)]);
      const nowhere = await audit(issuing, 'export', '--after-position', 'x');
      expect([nowhere.code, nowhere.stderr]).toEqual([
        1,
        expect.stringMatching(/^arsia: --after-position must be[^\n]+\n$/),
      ]);
      const late = await audit(issuing, 'export', '--since', 'yesterday');
      expect([late.code, late.stderr]).toEqual([
        1,
        expect.stringMatching(/^arsia: --since must be an RFC 3339 time[^\n]+\n$/),
      ]);
    },
    60_000,
  );
});

test('O5: two replicas under load, verified while they serve; one is killed, one is stopped: every event is covered', async () => {
  const issuing = await startIssuing({ settings: often });
  const { seed, organization } = issuing;
  const address = `127.0.0.1:${await freePort()}`;
  const other: Spawned = await serve(issuing, { ...often, ARSIA_LISTEN: address });
  const agent = keepAlive();
  let turn = 0;
  const origins = [seed.origin, `http://${address}`];
  const load = startLoad(() => mint(issuing, origins[turn++ % 2]!, { agent }), { rate: 100 });
  await load.heard(100);
  for (let round = 0; round < rounds(1, 10); round++) await expectWhole(issuing);
  load.pause();
  other.child.kill('SIGKILL');
  await load.end();
  agent.destroy();
  expectEveryRow(tokensOf(load.replies), await mintRows(organization.owner));
  await seed.stop();
  const [{ events, covered } = { events: 0, covered: 0 }] = (
    await execute(
      seed.home.urls!.admin,
      `SELECT count(*)::int AS events, (SELECT count(*)::int FROM (
         SELECT DISTINCT unnest(string_to_array(event_ids, ' ')) AS id FROM audit_checkpoints WHERE event_ids <> '') c) AS covered
       FROM audit_events`,
    )
  ).rows;
  expect(covered).toBe(events);
  expect(await expectWhole(issuing)).toEqual({ covered: events, uncovered: 0 });
}, 120_000);
