import { findJob, type Job } from '../../store/jobs/jobs.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { resolveNamespace } from '../namespaces/namespaces.ts';
import type { Context, Place } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

export interface FoundJob extends Place {
  job: Job;
  namespace: Namespace;
}

/**
 * Returns the job, ended where its deadline or heartbeat has passed: the timer may not have stored that yet
 * (overdue.ts).
 */
export function applyEnd(job: Job, now: number): Job {
  return job.ended_at === null && job.effective_deadline.getTime() <= now
    ? { ...job, ended_at: job.effective_deadline, ended_by: job.own_end }
    : job;
}

/** Finds a job of a workspace. Throws `not_found`. */
export async function resolveJob(context: Context, input: { workspace: string; id: string }): Promise<FoundJob> {
  const found = await resolveNamespace(context, 'workspace', input.workspace);
  const job = await findJob(context.db, input.id);
  const isHere = job !== undefined && job.workspace_id === found.namespace.id;
  // A caller who neither started the job nor sees the workspace gets the message for an unknown workspace, whether the
  // job exists or not.
  if (!isHere || !isStarterOrJob(context, job)) await context.demand('namespace.view', found);
  if (!isHere) throw buildNotFoundError('job', input.id);
  return {
    ...found,
    job,
    named: { noun: 'job', ref: input.id },
    audit: { ...found.audit, job_id: job.id, user_id: job.user_id, target_id: job.id },
  };
}

/** Returns whether the caller started the job, is the job itself, or is the server. */
export function isStarterOrJob({ caller }: Context, job: Job): boolean {
  return caller.kind === 'system' || caller.id === job.started_by || caller.id === job.id;
}
