import { hash } from 'node:crypto';
import { interactive, isPlain, mayAct } from '../core/acting.ts';
import { ArsiaError } from '../core/errors.ts';
import { jobDeadline } from '../core/lifetimes.ts';
import { decide } from '../core/permissions.ts';
import { beat, endJob, findJob, hasTask, insertJob, type Job, listJobs } from '../store/jobs.ts';
import { membershipsOf } from '../store/memberships.ts';
import type { Namespace, Page } from '../store/namespaces.ts';
import { findUser, type MayActRow, mayActAlong, type User } from '../store/principals.ts';
import { teamIdsOf } from '../store/teams.ts';
import type { Action, Context, Place } from './action.ts';
import { type FoundNamespace, namespaceAt } from './namespaces.ts';
import { missing } from './rights.ts';

interface FoundJob extends Place {
  job: Job;
  namespace: Namespace;
}

export interface NewJob {
  workspace: string;
  user?: string | undefined;
  stage: string;
  labels: Record<string, string>;
  /** Milliseconds since 1970, or the seconds that the job may live. */
  deadline?: number | undefined;
  seconds?: number | undefined;
  reference?: string | undefined;
  /** Seconds without a sign of life after which the job is ended. */
  heartbeat?: number | undefined;
  /** The job whose array task this is: it runs for the same user and stage, and ends with it at the latest. */
  parent?: string | undefined;
  task_index?: number | undefined;
}

export const startJob: Action<NewJob, FoundNamespace, { job: Job; job_token: string }> = {
  name: 'job.start',
  // A launcher needs no role but its right to act, so `run` decides.
  needs: 'member',
  changes: true,
  adds: ['running_jobs', 'running_jobs_per_launcher', 'running_jobs_per_user', 'array_tasks_per_job'],
  find: (context, input) => namespaceAt(context, 'workspace', input.workspace),
  async authorise(context, input, found) {
    const parent = input.parent === undefined ? undefined : await parentOf(context, input, found.namespace);
    await termsOf(context, input, found, parent);
  },
  async run(context, input, found) {
    const { namespace } = found;
    const parent = input.parent === undefined ? undefined : await parentOf(context, input, namespace);
    if (parent !== undefined) await refuseTask(context, input, parent);
    const { asked, terms } = await termsOf(context, input, found, parent);
    await admitJob(context, namespace, parent);
    const job_token = `arsia_job_${Buffer.from(context.random(32)).toString('base64url')}`;
    const row = {
      id: context.id('job'),
      organization_id: namespace.organization_id,
      workspace_id: namespace.id,
      ...terms,
      started_by: context.caller.id!,
      labels: asked.labels,
      reference: input.reference ?? null,
      deadline: new Date(deadlineOf(context, asked)),
      ended_at: null,
      created_at: new Date(context.now),
      version: 1,
      parent_id: parent?.id ?? null,
      task_index: parent === undefined ? null : (input.task_index ?? null),
      heartbeat_seconds: input.heartbeat ?? null,
      heartbeat_at: input.heartbeat === undefined ? null : new Date(context.now),
    };
    return { job: await insertJob(context.db, { ...row, token_hash: hashJobToken(job_token) }), job_token };
  },
  describe: (_input, { namespace }, { job }) => ({
    job_id: job.id,
    user_id: job.user_id,
    target_id: job.id,
    detail: { workspace: namespace.path, stage: job.stage, labels: job.labels, reference: job.reference },
  }),
};

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
  find: jobAt,
  opensToJob: ({ job }, caller) => job.id === caller.id,
  async run(context, _input, { job, ...place }) {
    if (!isTheirs(context, job)) await context.demand('job.view', place);
    return asEnded(job, context.now);
  },
};

export const listWorkspaceJobs: Action<{ workspace: string; page: Page }, FoundNamespace, Job[]> = {
  name: 'job.list',
  needs: 'job.view',
  changes: false,
  find: (context, input) => namespaceAt(context, 'workspace', input.workspace),
  run: async (context, input, { namespace }) =>
    (await listJobs(context.db, namespace.id, input.page)).map((job) => asEnded(job, context.now)),
};

/** Whoever started it, the job itself, and owners of the workspace. Ending ends issuing with the next request. */
export const finishJob: Action<{ workspace: string; id: string }, FoundJob, Job> = {
  name: 'job.end',
  needs: 'member',
  changes: true,
  find: jobAt,
  version: ({ job }) => job.version,
  opensToJob: ({ job }, caller) => job.id === caller.id,
  async run(context, _input, { job, ...place }) {
    if (!isTheirs(context, job)) await context.demand('membership.manage', place);
    return await endJob(context.db, job.id, new Date(context.now));
  },
};

/** A job past its deadline has ended, though nobody has written that down yet (overdue.ts). */
function asEnded(job: Job, now: number): Job {
  return job.ended_at === null && job.over_at.getTime() <= now ? { ...job, ended_at: job.over_at } : job;
}

function isOver(job: Job, now: number): boolean {
  return asEnded(job, now).ended_at !== null;
}

function isTheirs({ caller }: Context, job: Job): boolean {
  return caller.kind === 'system' || caller.id === job.started_by || caller.id === job.id;
}

/** A sign of life, from the job itself or whoever started it. A job that has ended stays so. */
export const beatJob: Action<{ workspace: string; id: string }, FoundJob, Job> = {
  name: 'job.beat',
  needs: 'member',
  changes: false,
  // The lists of a colleague must not keep signs of life waiting: reads rest, and jobs would end meanwhile.
  load: () => 'change',
  find: jobAt,
  version: ({ job }) => job.version,
  opensToJob: ({ job }, caller) => job.id === caller.id,
  async run(context, _input, { job, ...place }) {
    if (!isTheirs(context, job)) await context.demand('membership.manage', place);
    if (isOver(job, context.now)) throw new ArsiaError('job_ended', `Job ${job.id} has ended.`);
    const at = new Date(context.now);
    if (!(await beat(context.db, job.id, at)))
      throw new ArsiaError('conflict', `Job ${job.id} was started without a heartbeat.`, {
        advice: 'Start it with `heartbeat`: the seconds after which it is ended without a sign of life.',
      });
    return { ...job, heartbeat_at: at };
  },
};

export function hashJobToken(token: string): Uint8Array {
  return hash('sha256', token, 'buffer');
}

/** Returns the terms of a job that the caller may start. Throws where it may not. */
async function termsOf(context: Context, input: NewJob, found: FoundNamespace, parent: Job | undefined) {
  const asked = parent === undefined ? input : taskOf(parent, input, context.now);
  const terms =
    context.caller.kind === 'service_account'
      ? await launch(context, asked, found)
      : await startForSelf(context, asked, found);
  return { asked, terms };
}

/** A launcher starts a job for a user who may deploy there, within its right to act; or for itself, as a member of its own. */
async function launch(context: Context, input: NewJob, found: FoundNamespace) {
  const { namespace: workspace } = found;
  const launcher_id = context.caller.id!;
  const rights = await mayActAlong(context.db, launcher_id, workspace.lineage);
  if (input.user === undefined) {
    await context.demand('job.run', found);
    if (!isPlain(input)) refuseToAct(rights, workspace, input, { id: launcher_id, login: 'itself', team_ids: [] });
    return { user_id: null, launcher_id, stage: input.stage };
  }
  if (rights.length === 0) await context.demand('namespace.view', found);
  const user = await findUser(context.db, workspace.organization_id, input.user);
  const team_ids = user === undefined ? [] : await teamIdsOf(context.db, user.id);
  // In the words of the request: for whom it may not act, a launcher does not learn who there is (threats.md N83).
  refuseToAct(rights, workspace, input, { id: user?.id ?? '', login: input.user, team_ids });
  if (user === undefined) throw unknownUser(input.user);
  await refuseWithoutRole(context, user, workspace);
  return { user_id: user.id, launcher_id, stage: input.stage };
}

/** Access rules believe stage and labels, so a launcher uses only those that it was allowed, for itself as well. */
function refuseToAct(
  rights: MayActRow[],
  workspace: Namespace,
  job: NewJob,
  runner: Pick<User, 'id' | 'login'> & { team_ids: string[] },
): void {
  if (mayAct(rights, workspace.lineage, job, [runner.id, ...runner.team_ids])) return;
  throw new ArsiaError(
    'forbidden',
    `This service account may not act for ${runner.login} in ${workspace.path} with stage ${job.stage} and these labels.`,
    { advice: 'Ask an owner for the right (POST /api/v1/service-accounts/{id}/may-act).' },
  );
}

/** A person starts jobs for nobody but themselves, with stage `interactive` and without labels. */
async function startForSelf(context: Context, input: NewJob, found: FoundNamespace) {
  const { caller } = context;
  if (caller.kind !== 'user') throw new ArsiaError('forbidden', 'Only people and service accounts start jobs.');
  await context.demand('job.run', found);
  const isSelf = input.user === undefined || input.user === caller.id || input.user === caller.name;
  if (!isSelf)
    throw new ArsiaError('forbidden', 'A person starts jobs for themselves only.', {
      advice: 'Leave `user` out, or let a service account with the right to act start the job.',
    });
  if (input.stage !== interactive)
    throw new ArsiaError('forbidden', `A job that a person starts has the stage ${interactive}.`, {
      advice: `Send "stage": "${interactive}" or leave it out.`,
    });
  if (!isPlain(input))
    throw new ArsiaError('forbidden', 'A job that a person starts has no labels: access rules believe them.', {
      advice: 'Leave `labels` out, or let a service account with the right to act start the job.',
    });
  return { user_id: caller.id, launcher_id: null, stage: interactive };
}

async function refuseWithoutRole(context: Context, user: User, workspace: Namespace): Promise<void> {
  const memberships = await membershipsOf(context.db, user.id, workspace.lineage);
  if (user.is_active && decide('job.run', workspace.lineage, memberships) === 'allow') return;
  throw new ArsiaError(
    'forbidden',
    user.is_active ? `User ${user.login} may not run jobs in ${workspace.path}.` : `User ${user.login} is deactivated.`,
    { advice: `Ask an owner of ${workspace.path} for the role deployer for ${user.login}.` },
  );
}

/** A job of the same workspace that the caller started. */
async function parentOf(context: Context, input: NewJob, workspace: Namespace): Promise<Job> {
  const parent = await findJob(context.db, input.parent!);
  if (parent?.workspace_id !== workspace.id || parent.started_by !== context.caller.id)
    throw new ArsiaError('invalid_request', 'There is no such job of yours in this workspace.', {
      fields: [{ pointer: '/parent', detail: 'must be a job that you started here' }],
    });
  return parent;
}

/** The parent must be running; tasks have no tasks, and each has an index of its own. */
async function refuseTask(context: Context, input: NewJob, parent: Job): Promise<void> {
  if (input.task_index === undefined)
    throw new ArsiaError('invalid_request', 'An array task has an index.', {
      fields: [{ pointer: '/task_index', detail: 'is needed with `parent`' }],
    });
  if (await hasTask(context.db, parent.id, input.task_index))
    throw new ArsiaError('conflict', `Job ${parent.id} has a task ${input.task_index} already.`);
  const hasEnded = isOver(parent, context.now);
  if (hasEnded || parent.parent_id !== null)
    throw new ArsiaError(
      'conflict',
      hasEnded ? `Job ${parent.id} has ended.` : `Job ${parent.id} is an array task itself.`,
    );
}

/** An array task is its parent's: for whom, in which stage, with which labels, and no longer than it. */
function taskOf(parent: Job, input: NewJob, now: number): NewJob {
  const asked = input.seconds === undefined ? input.deadline : now + input.seconds * 1000;
  const deadline = Math.min(parent.deadline.getTime(), asked ?? Number.POSITIVE_INFINITY);
  return { ...input, user: parent.user_id ?? undefined, stage: parent.stage, labels: parent.labels, deadline };
}

function deadlineOf(context: Context, input: NewJob): number {
  const deadline = input.deadline ?? context.now + (input.seconds ?? jobDeadline.default) * 1000;
  const seconds = (deadline - context.now) / 1000;
  if (seconds >= jobDeadline.minimum && seconds <= jobDeadline.maximum) return deadline;
  throw new ArsiaError('invalid_request', 'The deadline is out of range.', {
    fields: [{ pointer: '/deadline', detail: 'must be 1 minute to 7 days from now' }],
  });
}

async function jobAt(context: Context, input: { workspace: string; id: string }): Promise<FoundJob> {
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

function unknownUser(ref: string): ArsiaError {
  return new ArsiaError('invalid_request', `There is no user ${JSON.stringify(ref)} in this organisation.`, {
    fields: [{ pointer: '/user', detail: 'is unknown' }],
  });
}
