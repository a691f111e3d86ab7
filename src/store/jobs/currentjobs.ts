import type { MintFacts } from '../../core/mintfacts.ts';
import { coalesce } from '../../database/coalesce.ts';
import type { Database } from '../../database/connections.ts';
import type { Row as RowOf } from '../../entities/entity.ts';
import { type jobs, mintedColumns } from '../../entities/jobs.ts';
import { effectiveDeadlineMs } from './jobs.ts';

/** The current state of a job, and the versions that show whether facts that were read earlier still hold. */
export interface CurrentJob {
  job: MintFacts['job'];
  /** The version of the job's row (premise.ts). */
  job_row: string;
  launcher_id: string | null;
  workspace_id: string;
  organization_id: string;
  /** The last transaction that changed a permission in the organisation of the job; null where none is on record. */
  last_change: number | null;
  /** The oldest running transaction and the version of the key set, read in the same statement. */
  oldest_transaction: number;
  key_set_version: number;
}

/**
 * Returns the function that reads a job by the SHA-256 of its token. The state is one that was committed after the call;
 * null where no job has this token.
 */
export function createCurrentJobs(
  database: Database,
  { keySet, ...options }: { keySet: string; maximumBatch: number; concurrency: number },
): (token_hash: Uint8Array) => Promise<CurrentJob | null> {
  return coalesce<Uint8Array, CurrentJob | null>(
    async (hashes) => {
      const [answer] = await database.statement<Answer>('current-jobs', text, [
        hashes.map((hash) => Buffer.from(hash).toString('hex')),
        keySet,
      ]);
      const answers: (CurrentJob | null)[] = hashes.map(() => null);
      const { rows, ...moment } = answer!;
      for (const row of rows ?? []) answers[row.n - 1] = asCurrentJob(row, moment);
      return answers;
    },
    { ...options, pace: 4 },
  );
}

/** The facts that a mint reads of a job, except its id, by the names that `selectJobFacts` gives them. */
export type JobFacts = Pick<RowOf<typeof jobs>, (typeof mintedColumns)[number]> &
  Pick<MintFacts['job'], 'is_ended' | 'ended_by' | 'deadline'>;

/** Returns the SQL of what a mint reads of a job. `deadline` is when the job is over, in milliseconds since 1970. */
export function selectJobFacts(job: string): string {
  return `${mintedColumns.map((name) => `${job}.${name}`).join(', ')}, ${job}.ended_at IS NOT NULL AS is_ended, ${job}.ended_by,
  ${effectiveDeadlineMs(job)} AS deadline`;
}

/** One JSON value, and an array whose length the planner does not see, for the reasons given in mintstatement.ts. */
const text = `
SELECT json_agg(found) AS rows, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_transaction,
  (SELECT version FROM key_sets WHERE name = $2) AS key_set_version
FROM (
  SELECT asked.n, job.id, job.xmin AS job_row, job.launcher_id, job.workspace_id, job.organization_id,
    ${selectJobFacts('job')},
    (SELECT transaction_id FROM authority_changes WHERE organization_id = job.organization_id
      ORDER BY transaction_id DESC LIMIT 1) AS last_change
  FROM unnest((SELECT $1::text[])) WITH ORDINALITY AS asked (token_hash, n)
  JOIN jobs AS job ON job.token_hash = decode(asked.token_hash, 'hex')
) AS found`;

type Moment = Pick<CurrentJob, 'oldest_transaction' | 'key_set_version'>;

interface Answer extends Moment {
  rows: Row[] | null;
}

type Row = JobFacts &
  Pick<MintFacts['job'], 'id'> &
  Pick<CurrentJob, 'job_row' | 'launcher_id' | 'workspace_id' | 'organization_id' | 'last_change'> & { n: number };

function asCurrentJob(row: Row, moment: Moment): CurrentJob {
  const { n: _, job_row, launcher_id, workspace_id, organization_id, last_change, ...job } = row;
  return { job, job_row, launcher_id, workspace_id, organization_id, last_change, ...moment };
}
