import { findTrustWarnings } from '../../../core/outsidetrust.ts';
import type { Row } from '../../../entities/entity.ts';
import { trustRules } from '../../../entities/trustrules.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const present = (row: Row<typeof trustRules>) => trustRules.present({ ...row, warnings: findTrustWarnings(row) });

export const trustRuleRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/service-accounts/:id/trust-rules',
    summary: 'Let tokens of an outside issuer speak for a service account',
    description:
      'Lets tokens of an outside issuer, such as GitHub Actions or a Kubernetes cluster, authenticate as a service account. A token must have this issuer and audience and satisfy all conditions. A rule never changes: delete it and create another one. All rules of a service account have at most 20 different uploaded keys of an issuer.',
    action: 'trust_rule.create',
    errors: ['conflict'],
    body: trustRules.create,
    response: trustRules.answer,
    handle: async ({ api, call, params, body }) =>
      present(await api.pipeline.perform(api.actions.trustRules.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/service-accounts/:id/trust-rules',
    summary: 'The outside issuers that a service account trusts, and on which conditions',
    description: 'Lists the trust rules of a service account, with warnings about issuers that many tenants share.',
    action: 'trust_rule.list',
    query: page,
    response: listOf(trustRules.answer),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.trustRules.list, call, { ref: params.id!, page: readPage(query) }),
        query.limit,
        present,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/service-accounts/:id/trust-rules/:rule',
    summary: 'Take trust away; access tokens that the rule let in end with it',
    description:
      'Deletes a trust rule. Access tokens that were issued by this rule are refused from the next request on.',
    action: 'trust_rule.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.trustRules.remove, call, { ref: params.id!, id: params.rule! }),
  }),
];
