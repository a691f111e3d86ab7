import type { Clock } from '../../core/clock.ts';
import type { Database } from '../../database/connections.ts';
import type { AuditStore } from '../../store/audit/events.ts';
import { endOverdueBatch } from '../../store/jobs/jobs.ts';
import { buildEvent, systemCall } from '../pipeline/records.ts';

/**
 * Jobs that one transaction ends, and transactions of one call: few enough that a call ends before the next one of this
 * replica.
 */
const batch = 200;
const mostBatches = 25;

interface Parts {
  database: Database;
  audit: AuditStore;
  clock: Clock;
}

/**
 * Stores the end of jobs whose deadline or heartbeat has passed. Their tokens have been refused since that moment.
 * Returns the number of jobs, at most 5,000.
 */
export async function endOverdueJobs(parts: Parts): Promise<number> {
  let ended = 0;
  for (let count = 1; count <= mostBatches; count++) {
    const jobs = await endBatch(parts);
    ended += jobs;
    if (jobs < batch) break;
  }
  return ended;
}

async function endBatch({ database, audit, clock }: Parts): Promise<number> {
  return await database.transaction(
    async (tx) => {
      const jobs = await endOverdueBatch(tx, new Date(clock.now()), batch);
      for (const { id, organization_id, workspace_id, user_id, ended_by } of jobs) {
        const place = { organization_id, lineage: [], audit: { job_id: id, workspace_id, user_id, target_id: id } };
        const outcome = { outcome: 'success' as const, detail: { ended_by } };
        await audit.insert(tx, buildEvent(clock, systemCall, 'job.expire', place, outcome));
      }
      return jobs.length;
    },
    { isolation: 'read committed' },
  );
}
