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
    description:
      'Lets the rights to act of a launcher, or those granted at or above a namespace, name users in tokens of this identity. It is needed only for identities whose subject names a user and no workspace, where the right to act was not granted at or above the group of the identity (decision 0017).',
    action: 'subject_grant.create',
    errors: ['conflict'],
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
    description: 'Lists the subject grants of a managed identity.',
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
    description:
      'Deletes a subject grant. Jobs that depended on it are refused with their next request (`subject_not_granted`).',
    action: 'subject_grant.delete',
    errors: ['conflict'],
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.subjectGrants.remove, call, { ref: params.id!, id: params.grant! }),
  }),
];
