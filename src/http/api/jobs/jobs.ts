import { z } from 'zod';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { job, startedJob } from '../issuing/responses.ts';
import { presentJob, presentPage, readPage } from '../present.ts';
import { deadline, description, labels, name, page, ref } from '../schemas.ts';

const newJob = z.strictObject({
  user: ref.optional(),
  stage: name.default('interactive'),
  labels: labels.default({}),
  deadline: deadline.optional(),
  reference: description.max(256, 'must be at most 256 characters').optional(),
  heartbeat: z.int('must be whole seconds').min(10, 'must be at least 10 seconds').max(86_400).optional(),
  parent: ref.optional(),
  task_index: z.int('must be a whole number').min(0).max(1_000_000).optional(),
});
const jobPath = '/workspaces/:id/jobs/:job';

export const jobRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/workspaces/:id/jobs',
    summary: 'Start a job, or with `parent` an array task of one; its token is told once',
    action: 'job.start',
    body: newJob,
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
    summary: 'The jobs of a workspace',
    action: 'job.list',
    query: page,
    response: listOf(job),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.jobs.list, call, { workspace: params.id!, page: readPage(query) }),
        query.limit,
        presentJob,
      ),
  }),
  route({
    method: 'GET',
    path: jobPath,
    summary: 'One job',
    action: 'job.get',
    response: job,
    handle: async ({ api, call, params }) =>
      presentJob(await api.pipeline.perform(api.actions.jobs.get, call, { workspace: params.id!, id: params.job! })),
  }),
  route({
    method: 'POST',
    path: `${jobPath}/heartbeat`,
    summary: 'A sign of life; without one for `heartbeat` seconds the job is ended',
    action: 'job.beat',
    status: 200,
    response: job,
    handle: async ({ api, call, params }) =>
      presentJob(await api.pipeline.perform(api.actions.jobs.beat, call, { workspace: params.id!, id: params.job! })),
  }),
  route({
    method: 'PATCH',
    path: jobPath,
    summary: 'End a job: its token opens nothing from the next request on',
    action: 'job.end',
    body: z.strictObject({ state: z.literal('ended', 'must be "ended"') }),
    response: job,
    handle: async ({ api, call, params }) =>
      presentJob(await api.pipeline.perform(api.actions.jobs.end, call, { workspace: params.id!, id: params.job! })),
  }),
];
