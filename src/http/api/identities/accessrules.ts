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
    description:
      'Adds an access rule to a managed identity. Rules of one kind are alternatives; each kind that has rules must match the job. Rules are checked each time a token or credentials are issued, so a new rule applies to running jobs with their next request.',
    action: 'access_rule.create',
    errors: ['conflict'],
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
    description: 'Lists the access rules of a managed identity.',
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
    description:
      'Replaces the values of an access rule. The kind of a rule never changes: delete the rule and add another one. Running jobs are checked against the new values with their next request.',
    action: 'access_rule.update',
    errors: ['conflict'],
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
    description:
      'Deletes an access rule. If it was the last rule of its kind, that kind no longer restricts jobs. If the identity has no rules at all, `identities_without_rules` of the organisation settings decides.',
    action: 'access_rule.delete',
    errors: ['conflict'],
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.accessRules.remove, call, { ref: params.id!, id: params.rule! }),
  }),
];
