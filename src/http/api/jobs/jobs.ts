import { z } from 'zod';
import { jobs } from '../../../entities/jobs.ts';
import type { Job } from '../../../store/jobs/jobs.ts';
import { type Route, route } from '../../route.ts';
import { listOf, secret, withheld } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const startedJob = z
  .strictObject({ ...jobs.answer.shape, job_token: secret('The token of the job'), withheld })
  .meta({ id: 'StartedJob' });
const jobPath = '/workspaces/:id/jobs/:job';

export const jobRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/workspaces/:id/jobs',
    summary: 'Start a job, or with `parent` an array task of one; its token is told once',
    action: 'job.start',
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
    summary: 'The jobs of a workspace',
    action: 'job.list',
    query: page,
    response: listOf(jobs.answer),
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
    response: jobs.answer,
    handle: async ({ api, call, params }) =>
      presentJob(await api.pipeline.perform(api.actions.jobs.get, call, { workspace: params.id!, id: params.job! })),
  }),
  route({
    method: 'GET',
    path: '/job',
    summary: 'The job of the token',
    action: 'job.get_own',
    response: jobs.answer,
    handle: async ({ api, call }) => presentJob(await api.pipeline.perform(api.actions.jobs.getOwn, call, undefined)),
  }),
  route({
    method: 'POST',
    path: `${jobPath}/heartbeat`,
    summary: 'A sign of life; without one for `heartbeat` seconds the job is ended',
    action: 'job.beat',
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
    action: 'job.end',
    body: z.strictObject({ state: z.literal('ended', 'must be "ended"') }),
    response: jobs.answer,
    handle: async ({ api, call, params }) =>
      presentJob(await api.pipeline.perform(api.actions.jobs.end, call, { workspace: params.id!, id: params.job! })),
  }),
];

function presentJob(row: Job) {
  return jobs.present({ ...row, state: row.ended_at === null ? 'running' : 'ended' });
}
