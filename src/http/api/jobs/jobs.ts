import { z } from 'zod';
import { description, ref } from '../../../entities/inputs.ts';
import { jobs } from '../../../entities/jobs.ts';
import type { Job } from '../../../store/jobs/jobs.ts';
import { type Route, route } from '../../route.ts';
import { listOf, secret, withheld } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const startedJob = z
  .strictObject({ ...jobs.answer.shape, job_token: secret('The token of the job', 'arsia_job_...'), withheld })
  .meta({ id: 'StartedJob' });
const jobQuery = page.extend({
  state: z
    .enum(['running', 'ended'], 'must be running or ended')
    .optional()
    .meta({ description: 'Only jobs in this state.' }),
  reference: description
    .max(256, 'must be at most 256 characters')
    .optional()
    .meta({ description: 'Only jobs that were started with this reference.', examples: ['nightly-4711'] }),
  launcher: ref.optional().meta({
    description: 'Only jobs that this service account started, by id or path.',
    examples: ['acme/launcher'],
  }),
  user: ref.optional().meta({
    description: 'Only jobs that run for this user, by id or login.',
    examples: ['ada@acme.example'],
  }),
});
const jobPath = '/workspaces/:id/jobs/:job';

export const jobRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/workspaces/:id/jobs',
    summary: 'Start a job, or with `parent` an array task of one; its token is told once',
    description:
      'Starts a job in a workspace and returns its token, once. The token is valid until the job ends. A person starts jobs for themselves, with the stage `interactive` and without labels. A launcher (service account) starts jobs for a user within its right to act, or for itself with its own role. With `parent`, it starts an array task of a running job.',
    action: 'job.start',
    who: 'users with the role deployer on the workspace (permission `job.run`); service accounts with a right to act there, for users who are deployers, or with the role deployer themselves',
    errors: ['not_found', 'conflict'],
    body: jobs.create,
    response: startedJob,
    async handle({ api, call, params, body: { deadline: until, ...rest } }) {
      const { job, job_token } = await api.pipeline.perform(api.actions.jobs.start, call, {
        workspace: params.id!,
        ...rest,
        ...(typeof until === 'string' && { deadline: Date.parse(until) }),
        ...(typeof until === 'number' && { seconds: until }),
      });
      return { ...presentJob(job), job_token };
    },
  }),
  route({
    method: 'GET',
    path: '/workspaces/:id/jobs',
    summary: 'The jobs of a workspace, newest first',
    description:
      'Lists the jobs of a workspace, newest first. A launcher without a role there, but with a right to act, gets the jobs that it started.',
    action: 'job.list',
    who: 'every role on the workspace (permission `job.view`); service accounts with a right to act there, for the jobs that they started',
    query: jobQuery,
    response: listOf(jobs.answer),
    async handle({ api, call, params, query: { limit, cursor, ...search } }) {
      const input = { workspace: params.id!, ...search, page: readPage({ limit, cursor }) };
      return presentPage(await api.pipeline.perform(api.actions.jobs.list, call, input), limit, presentJob);
    },
  }),
  route({
    method: 'GET',
    path: jobPath,
    summary: 'One job',
    description: 'Returns one job. The token of a job opens only its own job.',
    action: 'job.get',
    who: 'the principal that started the job, the job itself, and every role on the workspace (permission `job.view`)',
    response: jobs.answer,
    handle: async ({ api, call, params }) =>
      presentJob(await api.pipeline.perform(api.actions.jobs.get, call, { workspace: params.id!, id: params.job! })),
  }),
  route({
    method: 'GET',
    path: '/job',
    summary: 'The job of the token',
    description:
      'Returns the job whose token the request has. A job needs neither its id nor that of its workspace for it.',
    action: 'job.get_own',
    who: 'the job itself',
    response: jobs.answer,
    handle: async ({ api, call }) => presentJob(await api.pipeline.perform(api.actions.jobs.getOwn, call, undefined)),
  }),
  route({
    method: 'POST',
    path: `${jobPath}/heartbeat`,
    summary: 'A sign of life; without one for `heartbeat` seconds the job is ended',
    description:
      'Records a heartbeat. A job that was started with `heartbeat` ends when none arrives for that many seconds.',
    action: 'job.beat',
    who: 'the principal that started the job, the job itself, and owners of the workspace',
    errors: ['job_ended', 'conflict'],
    status: 200,
    response: jobs.answer,
    handle: async ({ api, call, params }) =>
      presentJob(
        await api.pipeline.perform(api.actions.jobs.heartbeat, call, { workspace: params.id!, id: params.job! }),
      ),
  }),
  route({
    method: 'PATCH',
    path: jobPath,
    summary: 'End a job: its token opens nothing from the next request on',
    description:
      'Ends a job. Its token is refused from the next request on, and so are tokens of its array tasks. Credentials that the cloud already gave stay valid until they expire. A job that has ended stays ended.',
    action: 'job.end',
    who: 'the principal that started the job, the job itself, and owners of the workspace',
    body: z.strictObject({
      state: z.literal('ended', 'must be "ended"').meta({ description: 'The only change of state.' }),
    }),
    response: jobs.answer,
    handle: async ({ api, call, params }) =>
      presentJob(await api.pipeline.perform(api.actions.jobs.end, call, { workspace: params.id!, id: params.job! })),
  }),
];

function presentJob(row: Job) {
  return jobs.present({ ...row, state: row.ended_at === null ? 'running' : 'ended' });
}
