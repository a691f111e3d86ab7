import type { Clock } from '../clock.ts';
import type { AuditStore } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { endOverdue } from '../store/jobs.ts';
import { bySystem, eventOf } from './action.ts';

const batch = 200;

/**
 * Ends the jobs that nobody ended: past their deadline, or without a sign of life. Their tokens opened nothing from that
 * moment on already; this writes it down. Returns how many there were.
 */
export async function endOverdueJobs(parts: { database: Database; audit: AuditStore; clock: Clock }): Promise<number> {
  const { database, audit, clock } = parts;
  return await database.transaction(
    async (tx) => {
      const jobs = await endOverdue(tx, new Date(clock.now()), batch);
      for (const { id, organization_id, workspace_id, user_id } of jobs) {
        const place = { organization_id, lineage: [], audit: { job_id: id, workspace_id, user_id, target_id: id } };
        await audit.insert(tx, eventOf(clock, bySystem, 'job.expire', place, { outcome: 'success' }));
      }
      return jobs.length;
    },
    { isolation: 'read committed' },
  );
}
