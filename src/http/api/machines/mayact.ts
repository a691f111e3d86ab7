import { mayAct } from '../../../entities/mayact.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

export const mayActRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/service-accounts/:id/may-act',
    summary: 'Let a service account start jobs for users on a group or workspace',
    action: 'may_act.create',
    body: mayAct.create,
    response: mayAct.answer,
    handle: async ({ api, call, params, body }) =>
      mayAct.present(await api.pipeline.perform(api.actions.mayAct.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/service-accounts/:id/may-act',
    summary: 'The rights of a service account to act for users',
    action: 'may_act.list',
    query: page,
    response: listOf(mayAct.answer),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.mayAct.list, call, {
          ref: params.id!,
          page: readPage(query),
        }),
        query.limit,
        mayAct.present,
      ),
  }),
  route({
    method: 'PATCH',
    path: '/service-accounts/:id/may-act/:right',
    summary: 'Change users, stages or labels of a right to act; a list or map that is sent replaces the former one',
    action: 'may_act.update',
    body: mayAct.change,
    response: mayAct.answer,
    handle: async ({ api, call, params, body }) =>
      mayAct.present(
        await api.pipeline.perform(api.actions.mayAct.update, call, { ref: params.id!, id: params.right!, ...body }),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/service-accounts/:id/may-act/:right',
    summary: 'Take a right to act away, with the next request of its jobs',
    action: 'may_act.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.mayAct.remove, call, { ref: params.id!, id: params.right! }),
  }),
];
