import { subjectGrants } from '../../../entities/subjectgrants.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

export const subjectGrantRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/subject-grants',
    summary: 'Let rights to act of a launcher, or granted at a namespace, name users in tokens of the identity',
    action: 'subject_grant.create',
    body: subjectGrants.create,
    response: subjectGrants.answer,
    handle: async ({ api, call, params, body }) =>
      subjectGrants.present(
        await api.pipeline.perform(api.actions.subjectGrants.create, call, { ref: params.id!, ...body }),
      ),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/subject-grants',
    summary:
      'The subject grants of the identity: they add to the rights to act that were granted at its group or above',
    action: 'subject_grant.list',
    query: page,
    response: listOf(subjectGrants.answer),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.subjectGrants.list, call, {
          ref: params.id!,
          page: readPage(query),
        }),
        query.limit,
        subjectGrants.present,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/managed-identities/:id/subject-grants/:grant',
    summary: 'Take a subject grant away',
    action: 'subject_grant.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.subjectGrants.remove, call, { ref: params.id!, id: params.grant! }),
  }),
];
