import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { describeEnd } from '../../core/jobends.ts';
import { jobDeadline } from '../../core/lifetimes.ts';
import { jobs } from '../../entities/jobs.ts';
import { hashToken } from '../../store/issuing/artifacts.ts';
import { insertJob, type Job, recordHeartbeat, endJob as setEnd } from '../../store/jobs/jobs.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { type FoundNamespace, resolveNamespace } from '../namespaces/namespaces.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { createJobToken } from './jobtokens.ts';
import { applyEnd, type FoundJob, isStarterOrJob, resolveJob } from './lookup.ts';
import { type NewJob, refuseTask, resolveParent } from './tasks.ts';
import { decideTerms } from './terms.ts';

export const startJob: Action<NewJob, FoundNamespace, { job: Job; job_token: string }> = {
  name: 'job.start',
  // A launcher needs no role but its right to act, which `run` checks.
  needs: 'member',
  changes: true,
  adds: ['running_jobs', 'running_jobs_per_launcher', 'running_jobs_per_user', 'array_tasks_per_job'],
  async find(context, input) {
    const found = await resolveNamespace(context, 'workspace', input.workspace);
    return { ...found, recorded: { workspace: found.namespace.path, ...describeAsked(input) } };
  },
  async authorise(context, input, found) {
    await decideTerms(context, input, found, await findParent(context, input, found));
  },
  async run(context, input, found) {
    const { namespace } = found;
    const parent = await findParent(context, input, found);
    if (parent !== undefined) await refuseTask(context, input, parent);
    const { asked, terms } = await decideTerms(context, input, found, parent);
    await admitJob(context, namespace, parent);
    const job_token = createJobToken(context.random);
    const row = {
      id: context.newId('job'),
      organization_id: namespace.organization_id,
      workspace_id: namespace.id,
      ...jobs.given(asked),
      ...terms,
      started_by: context.caller.id!,
      deadline: new Date(computeDeadline(context, asked)),
      ended_at: null,
      ended_by: null,
      created_at: new Date(context.now),
      version: 1,
      parent_id: parent?.id ?? null,
      task_index: parent === undefined ? null : (input.task_index ?? null),
      heartbeat_seconds: input.heartbeat ?? null,
      heartbeat_at: input.heartbeat === undefined ? null : new Date(context.now),
    };
    return { job: await insertJob(context.db, { ...row, token_hash: hashToken(job_token) }), job_token };
  },
  describe: (_input, _found, { job }) => ({
    job_id: job.id,
    user_id: job.user_id,
    target_id: job.id,
    detail: jobs.recorded(job),
  }),
};

/** Describes what was asked, for the record of a start or its refusal. An array task has the stage and labels of its parent. */
function describeAsked(input: NewJob): Record<string, unknown> {
  const { parent, task_index = null, reference = null } = input;
  if (parent === undefined) return jobs.recorded({ ...input, reference });
  return { reference, task_index, ...(isId('job', parent) && { parent }) };
}

/** Finds the parent of an array task, and names its user in the audit record: the task runs for the same user. */
async function findParent(context: Context, input: NewJob, found: FoundNamespace): Promise<Job | undefined> {
  if (input.parent === undefined) return undefined;
  const parent = await resolveParent(context, input, found.namespace);
  found.audit = { ...found.audit, user_id: parent.user_id };
  return parent;
}

async function admitJob({ admit, caller }: Context, { organization_id }: Namespace, parent?: Job): Promise<void> {
  const quota = caller.kind === 'service_account' ? 'running_jobs_per_launcher' : 'running_jobs_per_user';
  await admit('running_jobs', organization_id);
  await admit(quota, organization_id, { id: caller.id!, name: 'name' in caller ? caller.name : caller.id! });
  if (parent !== undefined) await admit('array_tasks_per_job', organization_id, { id: parent.id, name: parent.id });
}

export const getJob: Action<{ workspace: string; id: string }, FoundJob, Job> = {
  name: 'job.get',
  needs: 'member',
  changes: false,
  find: resolveJob,
  opensToJob: ({ job }, caller) => job.id === caller.id,
  async run(context, _input, { job, ...place }) {
    if (!isStarterOrJob(context, job)) await context.demand('job.view', place);
    return applyEnd(job, context.now);
  },
};

/** Returns the job of the token, so that a job needs neither its id nor that of its workspace. */
export const getOwnJob: Action<undefined, Place & { job?: Job }, Job> = {
  name: 'job.get_own',
  needs: 'job',
  changes: false,
  async find(context) {
    const { caller } = context;
    if (caller.kind !== 'job') return await findOwnOrganization(context);
    return await resolveJob(context, { workspace: caller.workspace_id, id: caller.id });
  },
  opensToJob: ({ job }, caller) => job?.id === caller.id,
  run: async (context, _input, { job }) => applyEnd(job!, context.now),
};

/**
 * Ends a job, and with it minting from the next request on. For the principal that started it, the job itself, and
 * owners of the workspace.
 */
export const endJob: Action<{ workspace: string; id: string }, FoundJob, Job> = {
  name: 'job.end',
  needs: 'member',
  changes: true,
  find: resolveJob,
  version: ({ job }) => job.version,
  opensToJob: ({ job }, caller) => job.id === caller.id,
  async run(context, _input, { job, ...place }) {
    if (!isStarterOrJob(context, job)) await context.demand('membership.manage', place);
    return await setEnd(context.db, job.id, new Date(context.now), context.caller.id!);
  },
};

/**
 * Records a heartbeat of a job, sent by the job itself or the principal that started it. Throws `job_ended` for a job
 * that has ended.
 */
export const heartbeatJob: Action<{ workspace: string; id: string }, FoundJob, Job> = {
  name: 'job.beat',
  needs: 'member',
  changes: false,
  // Not `read`: those wait while a colleague lists much, and jobs would end for lack of a heartbeat.
  load: () => 'change',
  find: resolveJob,
  version: ({ job }) => job.version,
  opensToJob: ({ job }, caller) => job.id === caller.id,
  async run(context, _input, { job, ...place }) {
    if (!isStarterOrJob(context, job)) await context.demand('membership.manage', place);
    const current = applyEnd(job, context.now);
    if (current.ended_at !== null) throw new ArsiaError('job_ended', describeEnd(current));
    const at = new Date(context.now);
    if (!(await recordHeartbeat(context.db, job.id, at)))
      throw new ArsiaError('conflict', `Job ${job.id} was started without a heartbeat.`, {
        advice: 'Start jobs with `heartbeat`, the seconds without a heartbeat after which a job ends.',
      });
    return { ...job, heartbeat_at: at };
  },
};

function computeDeadline(context: Context, input: NewJob): number {
  const deadline = input.deadline ?? context.now + (input.seconds ?? jobDeadline.default) * 1000;
  const seconds = (deadline - context.now) / 1000;
  if (seconds >= jobDeadline.minimum && seconds <= jobDeadline.maximum) return deadline;
  throw new ArsiaError('invalid_request', 'The deadline is out of range.', {
    fields: [{ pointer: '/deadline', detail: 'must be 1 minute to 7 days from now' }],
  });
}
