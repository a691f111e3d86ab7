import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import type { Page } from './namespaces.ts';
import type { Tables } from './tables.ts';

/** A job without its token's hash: nothing but the mint needs that. */
export type Job = Omit<Selectable<Tables['jobs']>, 'token_hash'>;

const columns = [
  'id',
  'organization_id',
  'workspace_id',
  'user_id',
  'launcher_id',
  'started_by',
  'stage',
  'labels',
  'reference',
  'deadline',
  'ended_at',
  'created_at',
  'version',
] as const;

export async function insertJob(db: Queries, row: Job & { token_hash: Uint8Array }): Promise<void> {
  await db.insertInto('jobs').values(row).execute();
}

export async function findJob(db: Queries, id: string): Promise<Job | undefined> {
  return await db.selectFrom('jobs').select(columns).where('id', '=', id).executeTakeFirst();
}

/** The job whose token has this hash, ended or not. */
export async function findJobByToken(db: Queries, token_hash: Uint8Array): Promise<Job | undefined> {
  return await db
    .selectFrom('jobs')
    .select(columns)
    .where('token_hash', '=', token_hash as never)
    .executeTakeFirst();
}

/** Ends a job once; a job that has ended keeps its time. */
export async function endJob(db: Queries, id: string, at: Date): Promise<Job> {
  await db
    .updateTable('jobs')
    .set((eb) => ({ ended_at: at, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute();
  return await db.selectFrom('jobs').select(columns).where('id', '=', id).executeTakeFirstOrThrow();
}

export async function listJobs(db: Queries, workspace_id: string, page: Page): Promise<Job[]> {
  return await db
    .selectFrom('jobs')
    .select(columns)
    .where('workspace_id', '=', workspace_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}
