import { ArsiaError } from '../../core/errors.ts';
import { describeEnd } from '../../core/jobends.ts';
import type { Created } from '../../entities/entity.ts';
import type { jobs } from '../../entities/jobs.ts';
import type { Job } from '../../store/jobs/jobs.ts';
import { findJob, hasTask } from '../../store/jobs/jobs.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import type { Context } from '../pipeline/action.ts';
import { applyEnd } from './lookup.ts';

/** Returns the parent job. Throws `invalid_request` unless it is in the same workspace and the caller started it. */
export async function resolveParent(context: Context, input: NewJob, workspace: Namespace): Promise<Job> {
  const parent = await findJob(context.db, input.parent!);
  if (parent?.workspace_id !== workspace.id || parent.started_by !== context.caller.id)
    throw new ArsiaError('invalid_request', 'You started no job with this id in this workspace.', {
      fields: [{ pointer: '/parent', detail: 'must be a job that you started here' }],
    });
  return parent;
}

/** Throws unless the parent is running and no array task itself, and the index of the task is free. */
export async function refuseTask(context: Context, input: NewJob, parent: Job): Promise<void> {
  if (input.task_index === undefined)
    throw new ArsiaError('invalid_request', 'An array task needs an index.', {
      fields: [{ pointer: '/task_index', detail: 'is needed with `parent`' }],
    });
  if (await hasTask(context.db, parent.id, input.task_index))
    throw new ArsiaError('conflict', `Job ${parent.id} already has a task ${input.task_index}.`);
  const current = applyEnd(parent, context.now);
  const isParentOver = current.ended_at !== null;
  if (isParentOver || parent.parent_id !== null)
    throw new ArsiaError(
      'conflict',
      isParentOver ? describeEnd(current) : `Job ${parent.id} is itself an array task, and array tasks have no tasks.`,
    );
}

/** Returns the request of an array task with the user, stage and labels of its parent, and no later deadline. */
export function inheritFromParent(parent: Job, input: NewJob, now: number): NewJob {
  const asked = input.seconds === undefined ? input.deadline : now + input.seconds * 1000;
  const deadline = Math.min(parent.deadline.getTime(), asked ?? Number.POSITIVE_INFINITY);
  return { ...input, user: parent.user_id ?? undefined, stage: parent.stage, labels: parent.labels, deadline };
}

export interface NewJob extends Omit<Created<typeof jobs>, 'deadline'> {
  workspace: string;
  /** Milliseconds since 1970. */
  deadline?: number | undefined;
  /** The life of the job in seconds, without `deadline`. */
  seconds?: number | undefined;
}
