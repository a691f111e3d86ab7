import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { execute } from '../support/postgres.ts';

/**
 * Stops Arsia between its decision and its answer, as a slow database would: no process can write audit
 * records until `release`. `url` is the URL of the superuser.
 */
export async function lockAuditTable(
  url: string,
): Promise<{ untilInsertWaits(): Promise<void>; release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  await client.query('BEGIN; LOCK TABLE audit_events IN EXCLUSIVE MODE');
  return {
    async untilInsertWaits() {
      const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO audit_events%'`;
      while ((await execute(url, waiting)).rowCount === 0) await sleep(10);
    },
    release: () => client.end(),
  };
}
