import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { jobs } from '../../entities/jobs.ts';

/** A job without the hash of its token, which only the mint reads. */
type JobRow = Omit<Row<typeof jobs>, 'token_hash'>;

/** `effective_deadline` is when the job ends by itself (`effectiveDeadline`). */
export interface Job extends JobRow {
  effective_deadline: Date;
}

/**
 * Returns the SQL expression for the time at which a job ends by itself: the earliest of its deadline, its missed heartbeat,
 * and, for an array task, the end or the missed heartbeat of its parent. Every read that asks whether a job is over uses
 * this expression, so that all answers agree. `job` is the table alias.
 */
export function effectiveDeadline(job: string): string {
  const missedHeartbeat = (of: string) => `${of}.heartbeat_at + ${of}.heartbeat_seconds * interval '1 second'`;
  return `least(${job}.deadline, ${missedHeartbeat(job)},
    (SELECT least(parent.ended_at, ${missedHeartbeat('parent')}) FROM jobs AS parent WHERE parent.id = ${job}.parent_id))`;
}

const columns = jobs.columns.filter((name) => name !== 'token_hash');

/** Returns `effectiveDeadline` in milliseconds since 1970. */
export function effectiveDeadlineMs(job: string): string {
  return `(extract(epoch FROM ${effectiveDeadline(job)}) * 1000)::bigint`;
}

const effectiveDeadlineColumn = sql<Date>`${sql.raw(effectiveDeadline('jobs'))}`.as('effective_deadline');

function select(db: Queries) {
  return db.selectFrom('jobs').select(columns).select(effectiveDeadlineColumn);
}

export async function insertJob(db: Queries, row: JobRow & { token_hash: Uint8Array }): Promise<Job> {
  return await db
    .insertInto('jobs')
    .values(row)
    .returning(columns)
    .returning(effectiveDeadlineColumn)
    .executeTakeFirstOrThrow();
}

export async function findJob(db: Queries, id: string): Promise<Job | undefined> {
  return await select(db).where('id', '=', id).executeTakeFirst();
}

export async function hasTask(db: Queries, parent_id: string, task_index: number): Promise<boolean> {
  const row = await db
    .selectFrom('jobs')
    .select('id')
    .where('parent_id', '=', parent_id)
    .where('task_index', '=', task_index)
    .executeTakeFirst();
  return row !== undefined;
}

/** Records a heartbeat. Returns false for a job that was started without one. */
export async function recordHeartbeat(db: Queries, id: string, at: Date): Promise<boolean> {
  const done = await db
    .updateTable('jobs')
    .set({ heartbeat_at: at })
    .where('id', '=', id)
    .where('heartbeat_seconds', 'is not', null)
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

export type OverdueJob = Pick<Job, 'id' | 'organization_id' | 'workspace_id' | 'user_id'>;

/** Ends at most `limit` jobs that are past their effective deadline, and returns them. */
export async function endOverdueBatch(db: Queries, now: Date, limit: number): Promise<OverdueJob[]> {
  const { rows } = await sql<OverdueJob>`
    UPDATE jobs SET ended_at = ${now}, version = version + 1
    WHERE id IN (
      SELECT job.id FROM jobs AS job
      WHERE job.ended_at IS NULL AND ${sql.raw(effectiveDeadline('job'))} <= ${now}
      ORDER BY job.id LIMIT ${limit} FOR UPDATE OF job SKIP LOCKED)
    RETURNING id, organization_id, workspace_id, user_id`.execute(db);
  return rows;
}

/** Ends a job and its array tasks. A job that has ended already keeps its `ended_at`. */
export async function endJob(db: Queries, id: string, at: Date): Promise<Job> {
  await db
    .updateTable('jobs')
    .set((eb) => ({ ended_at: at, version: eb('version', '+', 1) }))
    .where((eb) => eb.or([eb('id', '=', id), eb('parent_id', '=', id)]))
    .where('ended_at', 'is', null)
    .execute();
  return await select(db).where('id', '=', id).executeTakeFirstOrThrow();
}

export type EndedJob = Pick<Job, 'id' | 'workspace_id'>;

/** Ends the jobs that run for the user, and returns them. */
export async function endJobsFor(db: Queries, user_id: string, at: Date): Promise<EndedJob[]> {
  return await db
    .updateTable('jobs')
    .set((eb) => ({ ended_at: at, version: eb('version', '+', 1) }))
    .where('user_id', '=', user_id)
    .where('ended_at', 'is', null)
    .returning(['id', 'workspace_id'])
    .execute();
}

/** Ends the jobs that the user started. Returns their number. */
export async function endJobsStartedBy(db: Queries, user_id: string, at: Date): Promise<number> {
  const ended = await db
    .updateTable('jobs')
    .set((eb) => ({ ended_at: at, version: eb('version', '+', 1) }))
    .where('started_by', '=', user_id)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return Number(ended.numUpdatedRows);
}

export async function listJobs(db: Queries, workspace_id: string, page: Page): Promise<Job[]> {
  return await select(db)
    .where('workspace_id', '=', workspace_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}
