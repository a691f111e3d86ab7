import { z } from 'zod';
import { ruleKinds } from '../../../core/accessrules.ts';
import type { AccessRuleRow } from '../../../store/identities/accessrules.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { organizationSettings } from '../namespaces/responses.ts';
import { iso, presentPage, readPage } from '../present.ts';
import { page, pattern } from '../schemas.ts';
import { accessRule } from './responses.ts';

const values = z.array(pattern).min(1, 'must hold a value').max(100, 'must hold at most 100 values');
const newRule = z.strictObject({ kind: z.enum(ruleKinds, `must be one of ${ruleKinds.join(', ')}`), values });
const issuerUrl = z
  .string()
  .max(512)
  .startsWith('https://', 'must be an https URL, such as https://token.actions.githubusercontent.com');
const settingsChange = z.strictObject({
  identities_without_rules: z.enum(['open', 'closed'], 'must be open or closed').optional(),
  allowed_issuers: z.array(issuerUrl).max(100).nullable().optional(),
});
const rulePath = '/managed-identities/:id/access-rules/:rule';

export const accessRuleRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/access-rules',
    summary: 'Add an access rule: rules of one kind are alternatives, kinds must all hold, judged at issue time',
    action: 'access_rule.create',
    body: newRule,
    response: accessRule,
    handle: async ({ api, call, params, body }) =>
      presentRule(await api.pipeline.perform(api.actions.accessRules.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/access-rules',
    summary: 'The access rules of an identity',
    action: 'access_rule.list',
    query: page,
    response: listOf(accessRule),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.accessRules.list, call, { ref: params.id!, page: readPage(query) }),
        query.limit,
        presentRule,
      ),
  }),
  route({
    method: 'PATCH',
    path: rulePath,
    summary: 'Change the values of an access rule',
    action: 'access_rule.update',
    body: z.strictObject({ values }),
    response: accessRule,
    handle: async ({ api, call, params, body }) =>
      presentRule(
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
  route({
    method: 'GET',
    path: '/organization-settings',
    summary: 'What the organisation chose for itself',
    action: 'organization_settings.get',
    response: organizationSettings,
    handle: ({ api, call }) => api.pipeline.perform(api.actions.settings.get, call, {}),
  }),
  route({
    method: 'PATCH',
    path: '/organization-settings',
    summary: 'Open or close identities without rules; allow-list of outside issuers (null: any)',
    action: 'organization_settings.update',
    body: settingsChange,
    response: organizationSettings,
    handle: ({ api, call, body }) => api.pipeline.perform(api.actions.settings.update, call, body),
  }),
];

function presentRule({ created_at, ...row }: AccessRuleRow) {
  return { ...row, created_at: iso(created_at) };
}
