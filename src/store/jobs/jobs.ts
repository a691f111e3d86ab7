import { sql } from 'kysely';
import type { OwnEnd } from '../../core/jobends.ts';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { jobs } from '../../entities/jobs.ts';

/** A job without the hash of its token, which only the mint reads. */
type JobRow = Omit<Row<typeof jobs>, 'token_hash'>;

/** `effective_deadline` is when the job ends by itself (`effectiveDeadline`), and `own_end` why (`ownEnd`). */
export interface Job extends JobRow {
  effective_deadline: Date;
  own_end: OwnEnd;
}

/**
 * Returns the SQL expression for the time at which a job ends by itself: the earliest of its deadline, its missed heartbeat,
 * and, for an array task, the end or the missed heartbeat of its parent. Every read that asks whether a job is over uses
 * this expression, so that all answers agree. `job` is the table alias.
 */
export function effectiveDeadline(job: string): string {
  return `least(${job}.deadline, ${missedHeartbeat(job)},
    (SELECT least(parent.ended_at, ${missedHeartbeat('parent')}) FROM jobs AS parent WHERE parent.id = ${job}.parent_id))`;
}

function missedHeartbeat(job: string): string {
  return `${job}.heartbeat_at + ${job}.heartbeat_seconds * interval '1 second'`;
}

/** Returns the SQL expression for why a job ends by itself: the cause of its `effectiveDeadline`, an `OwnEnd`. */
function ownEnd(job: string): string {
  return `CASE ${effectiveDeadline(job)} WHEN ${job}.deadline THEN 'deadline'
    WHEN ${missedHeartbeat(job)} THEN 'heartbeat' ELSE 'parent' END`;
}

const columns = jobs.columns.filter((name) => name !== 'token_hash');

/** Returns `effectiveDeadline` in milliseconds since 1970. */
export function effectiveDeadlineMs(job: string): string {
  return `(extract(epoch FROM ${effectiveDeadline(job)}) * 1000)::bigint`;
}

const effectiveDeadlineColumn = sql<Date>`${sql.raw(effectiveDeadline('jobs'))}`.as('effective_deadline');
const ownEndColumn = sql<OwnEnd>`${sql.raw(ownEnd('jobs'))}`.as('own_end');

function select(db: Queries) {
  return db.selectFrom('jobs').select(columns).select([effectiveDeadlineColumn, ownEndColumn]);
}

export async function insertJob(db: Queries, row: JobRow & { token_hash: Uint8Array }): Promise<Job> {
  return await db
    .insertInto('jobs')
    .values(row)
    .returning(columns)
    .returning([effectiveDeadlineColumn, ownEndColumn])
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

export type OverdueJob = Pick<Job, 'id' | 'organization_id' | 'workspace_id' | 'user_id' | 'ended_by'>;

/** Ends at most `limit` jobs that are past their effective deadline, and returns them. */
export async function endOverdueBatch(db: Queries, now: Date, limit: number): Promise<OverdueJob[]> {
  const { rows } = await sql<OverdueJob>`
    UPDATE jobs SET ended_at = ${now}, ended_by = ${sql.raw(ownEnd('jobs'))}, version = version + 1
    WHERE id IN (
      SELECT job.id FROM jobs AS job
      WHERE job.ended_at IS NULL AND ${sql.raw(effectiveDeadline('job'))} <= ${now}
      ORDER BY job.id LIMIT ${limit} FOR UPDATE OF job SKIP LOCKED)
    RETURNING id, organization_id, workspace_id, user_id, ended_by`.execute(db);
  return rows;
}

/** Ends a job and its array tasks. A job that has ended already keeps its `ended_at`. `ended_by` is the id of who ends it. */
export async function endJob(db: Queries, id: string, at: Date, ended_by: string): Promise<Job> {
  await db
    .updateTable('jobs')
    .set((eb) => ({
      ended_at: at,
      ended_by: eb.case().when('id', '=', id).then(ended_by).else('parent').end(),
      version: eb('version', '+', 1),
    }))
    .where((eb) => eb.or([eb('id', '=', id), eb('parent_id', '=', id)]))
    .where('ended_at', 'is', null)
    .execute();
  return await select(db).where('id', '=', id).executeTakeFirstOrThrow();
}

export type EndedJob = Pick<Job, 'id' | 'workspace_id'>;

/** Ends the jobs that run for the user, and returns them. `ended_by` is the id of who ends them. */
export async function endJobsFor(db: Queries, user_id: string, at: Date, ended_by: string): Promise<EndedJob[]> {
  return await db
    .updateTable('jobs')
    .set((eb) => ({ ended_at: at, ended_by, version: eb('version', '+', 1) }))
    .where('user_id', '=', user_id)
    .where('ended_at', 'is', null)
    .returning(['id', 'workspace_id'])
    .execute();
}

/** Ends the jobs that the user started. Returns their number. `ended_by` is the id of who ends them. */
export async function endJobsStartedBy(db: Queries, user_id: string, at: Date, ended_by: string): Promise<number> {
  const ended = await db
    .updateTable('jobs')
    .set((eb) => ({ ended_at: at, ended_by, version: eb('version', '+', 1) }))
    .where('started_by', '=', user_id)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return Number(ended.numUpdatedRows);
}

export interface JobFilter {
  workspace_id: string;
  state?: 'running' | 'ended' | undefined;
  reference?: string | undefined;
  user_id?: string | undefined;
  started_by?: string | undefined;
}

/** Lists the jobs of a workspace, newest first. */
export async function listJobs(db: Queries, { state, ...columns }: JobFilter, page: Page, now: Date): Promise<Job[]> {
  let query = select(db).orderBy('id', 'desc').limit(page.limit);
  for (const [column, wanted] of Object.entries(columns))
    if (wanted !== undefined) query = query.where(column as keyof typeof columns, '=', wanted);
  // A job past its effective deadline has ended, also before the server has stored that.
  const isRunning = sql<boolean>`(ended_at IS NULL AND ${sql.raw(effectiveDeadline('jobs'))} > ${now})`;
  if (state !== undefined) query = query.where(state === 'running' ? isRunning : sql<boolean>`NOT ${isRunning}`);
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  return await query.execute();
}
