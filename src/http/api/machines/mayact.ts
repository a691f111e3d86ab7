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
    description:
      'Lets a service account (the launcher) start jobs for users in a group or workspace and everything below it. Each user must also be deployer there. The stages and labels of the right are the only ones that its jobs may have, because access rules trust them. The permission is needed on the group or workspace, not on the group of the service account.',
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
    description: 'Lists the rights to act of a service account.',
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
    description:
      'Changes users, stages or labels of a right to act. Members that are left out stay; a list or map that is sent replaces the former one. Jobs that the right no longer covers are refused with their next request (`launcher_may_not_act`).',
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
    description:
      'Deletes a right to act. Jobs that depended on it are refused with their next request (`launcher_may_not_act`).',
    action: 'may_act.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.mayAct.remove, call, { ref: params.id!, id: params.right! }),
  }),
];
