import { accessRules } from '../../../entities/accessrules.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const rulePath = '/managed-identities/:id/access-rules/:rule';

export const accessRuleRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/access-rules',
    summary: 'Add an access rule: rules of one kind are alternatives, kinds must all hold, judged at issue time',
    action: 'access_rule.create',
    body: accessRules.create,
    response: accessRules.answer,
    handle: async ({ api, call, params, body }) =>
      accessRules.present(
        await api.pipeline.perform(api.actions.accessRules.create, call, { ref: params.id!, ...body }),
      ),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/access-rules',
    summary: 'The access rules of an identity',
    action: 'access_rule.list',
    query: page,
    response: listOf(accessRules.answer),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.accessRules.list, call, { ref: params.id!, page: readPage(query) }),
        query.limit,
        accessRules.present,
      ),
  }),
  route({
    method: 'PATCH',
    path: rulePath,
    summary: 'Change the values of an access rule',
    action: 'access_rule.update',
    body: accessRules.change,
    response: accessRules.answer,
    handle: async ({ api, call, params, body }) =>
      accessRules.present(
        await api.pipeline.perform(api.actions.accessRules.update, call, {
          ref: params.id!,
          id: params.rule!,
          ...body,
        }),
      ),
  }),
  route({
    method: 'DELETE',
    path: rulePath,
    summary: 'Remove an access rule, with the next request',
    action: 'access_rule.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.accessRules.remove, call, { ref: params.id!, id: params.rule! }),
  }),
];
