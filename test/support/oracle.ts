import { expect } from '@jest/globals';
import pg from 'pg';
import { cloudNames, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { atEnd, type RunningArsia } from './arsia.ts';
import type { Answer, Body } from './client.ts';

/** What threats.md 4.2 demands of every refusal: nothing changed, nobody called, one record, no secret. On PostgreSQL. */
export interface Oracle {
  /** Rows and a checksum of every table but the audit's. */
  snapshot(): Promise<Record<string, string>>;
  /** The audit records of a request, by its `x-request-id`, oldest first. */
  recordsOf(answer: Answer): Promise<Body[]>;
  /** Runs statements as the superuser. */
  execute(text: string, values?: unknown[]): Promise<Body[]>;
  /** Refused with this status and code, and nothing else happened. Returns the answer and its record. */
  refuses(send: () => Promise<Answer>, expected: Expected): Promise<{ answer: Answer; record: Body }>;
}

export interface Expected {
  status: number;
  /** Of the problem JSON; at `/oauth2` the `error`. */
  code: string;
  /** Of the record, where it is another one. */
  recorded?: string;
  action?: string;
  outcome?: 'refused' | 'failed';
  /** Texts that stand neither in the answer nor in the record. */
  secrets?: (string | undefined)[];
}

export async function createOracle(running: RunningArsia, sandbox?: Sandbox): Promise<Oracle> {
  let strangers = 0;
  const client = new pg.Client({ connectionString: running.home.urls!.admin });
  client.on('error', () => {});
  await client.connect();
  atEnd(() => client.end());
  const execute = async (text: string, values?: unknown[]) => (await client.query(text, values)).rows as Body[];
  const tables = await execute(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`);
  const checksums = tables
    .filter(({ name }) => !name.startsWith('audit_'))
    .map(
      ({ name }) =>
        `SELECT '${name}' AS name, count(*) || ' ' || md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS state FROM ${name} t`,
    )
    .join(' UNION ALL ');

  const oracle: Oracle = {
    execute,
    async snapshot() {
      return Object.fromEntries((await execute(checksums)).map(({ name, state }) => [name, state]));
    },
    recordsOf: (answer) =>
      execute('SELECT * FROM audit_events WHERE request_id = $1 ORDER BY id', [answer.headers.get('x-request-id')]),
    async refuses(send, expected) {
      // Beyond this many a minute the refusals of strangers are counted and not recorded one by one.
      if (expected.status === 401 && ++strangers % 100 === 0) {
        running.clock.advance(61_000);
        // What was counted is written now, and not while a refusal is looked at.
        await running.arsia.trail.round();
      }
      const before = await stateOf(oracle, sandbox);
      const answer = await send();
      const after = await stateOf(oracle, sandbox);
      const shown = `${answer.status} ${answer.text}`;
      expect({ shown, status: answer.status, code: answer.body.code ?? answer.body.error }).toEqual({
        shown,
        status: expected.status,
        code: expected.code,
      });
      const records = await oracle.recordsOf(answer);
      expect(records).toEqual([
        expect.objectContaining({
          outcome: expected.outcome ?? 'refused',
          code: expected.recorded ?? expected.code,
          ...(expected.action && { action: expected.action }),
        }),
      ]);
      expect(after).toEqual({ ...before, records: before.records + 1 });
      for (const secret of expected.secrets ?? []) {
        if (secret === undefined || secret.length < 8) continue;
        expect(answer.text).not.toContain(secret);
        expect(JSON.stringify(records)).not.toContain(secret);
      }
      return { answer, record: records[0]! };
    },
  };
  return oracle;
}

async function stateOf(oracle: Oracle, sandbox: Sandbox | undefined) {
  const [{ count } = { count: 0 }] = await oracle.execute('SELECT count(*)::int AS count FROM audit_events');
  return {
    tables: await oracle.snapshot(),
    records: Number(count),
    calls: sandbox && cloudNames.map((cloud) => sandbox.requests[cloud].count),
  };
}
