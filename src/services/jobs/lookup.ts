import { findJob, type Job } from '../../store/jobs/jobs.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { namespaceAt } from '../namespaces/namespaces.ts';
import type { Context, Place } from '../pipeline/action.ts';
import { missing } from '../pipeline/rights.ts';

export interface FoundJob extends Place {
  job: Job;
  namespace: Namespace;
}

/** A job past its deadline has ended, though nobody has written that down yet (overdue.ts). */
export function asEnded(job: Job, now: number): Job {
  const { effective_deadline } = job;
  return job.ended_at === null && effective_deadline.getTime() <= now ? { ...job, ended_at: effective_deadline } : job;
}

export function isOver(job: Job, now: number): boolean {
  return asEnded(job, now).ended_at !== null;
}

export async function jobAt(context: Context, input: { workspace: string; id: string }): Promise<FoundJob> {
  const found = await namespaceAt(context, 'workspace', input.workspace);
  const job = await findJob(context.db, input.id);
  const isHere = job !== undefined && job.workspace_id === found.namespace.id;
  // Who neither started the job nor sees the workspace is refused in the words for an unknown workspace, job or none.
  if (!isHere || !isTheirs(context, job)) await context.demand('namespace.view', found);
  if (!isHere) throw missing('job', input.id);
  return {
    ...found,
    job,
    named: { noun: 'job', ref: input.id },
    audit: { ...found.audit, job_id: job.id, user_id: job.user_id, target_id: job.id },
  };
}

export function isTheirs({ caller }: Context, job: Job): boolean {
  return caller.kind === 'system' || caller.id === job.started_by || caller.id === job.id;
}
