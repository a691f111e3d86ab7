import { expect } from '@jest/globals';
import pg from 'pg';
import { cloudNames, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { atEnd, type RunningArsia } from './arsia.ts';
import type { Answer, Body } from './client.ts';

/**
 * Checks of threats.md 4.2 for every refusal: nothing changed, no cloud called, one audit event, no secret. PostgreSQL only.
 */
export interface Oracle {
  /** Returns the row count and a checksum of every table but those of the audit. */
  snapshot(): Promise<Record<string, string>>;
  /** Returns the audit events of a request by its `x-request-id`, oldest first. */
  recordsOf(answer: Answer): Promise<Body[]>;
  /** Runs statements as the superuser. */
  execute(text: string, values?: unknown[]): Promise<Body[]>;
  /** Expects a refusal with this status and code and no other effect. Returns the response and its audit event. */
  refuses(send: () => Promise<Answer>, expected: Expected): Promise<{ answer: Answer; record: Body }>;
}

export interface Expected {
  status: number;
  /** The code of the problem JSON; at `/oauth2` the `error`. */
  code: string;
  /** The code of the audit event, if it differs. */
  recorded?: string;
  action?: string;
  outcome?: 'refused' | 'failed';
  /** Texts that neither the response nor the audit event may contain. */
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
      // Above this number per minute refusals of anonymous callers are counted and not recorded one by one.
      if (expected.status === 401 && ++strangers % 100 === 0) {
        running.clock.advance(61_000);
        // Writes the counted refusals now, and not during the check of a refusal.
        await running.arsia.trail.runRound();
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
