import { z } from 'zod';
import { outsideTokens } from '../../../core/lifetimes.ts';
import { trustLimits } from '../../../core/outsidetrust.ts';
import type { TrustRuleRow } from '../../../store/machines/trustrules.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { trustRule } from '../people/responses.ts';
import { iso, presentPage, readPage } from '../present.ts';
import { description, page } from '../schemas.ts';

const text = (what: string, length: number) =>
  z
    .string(`${what} is needed`)
    .min(1, 'is empty')
    .max(length, `must be at most ${length} characters`)
    .refine((value) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(value), 'must be printable text');

const condition = z
  .strictObject({
    claim: text('a claim', trustLimits.claim),
    equals: text('a value', trustLimits.value).optional(),
    matches: text('a pattern', trustLimits.value).optional(),
  })
  .transform(({ claim, equals, matches }, context) => {
    if (equals !== undefined && matches === undefined) return { claim, equals };
    if (matches !== undefined && equals === undefined) return { claim, matches };
    context.addIssue({ code: 'custom', message: 'must have one of `equals` and `matches`' });
    return z.NEVER;
  });

const { lifetime } = outsideTokens;
const lifetimeRule = `must be whole seconds from ${lifetime.minimum} to ${lifetime.maximum}`;

const newTrustRule = z.strictObject({
  issuer: text('an issuer', trustLimits.value),
  audience: z
    .string('an audience is needed')
    .regex(/^[\x21-\x7e]+$/, 'must be printable characters without spaces')
    .max(trustLimits.audience, `must be at most ${trustLimits.audience} characters`),
  conditions: z
    .array(condition, 'must be an array of conditions')
    .min(1, 'must hold a condition: an audience alone lets everybody in who can ask for it')
    .max(trustLimits.conditions, `must hold at most ${trustLimits.conditions} conditions`),
  single_use: z.boolean('must be true or false').default(false),
  maximum_lifetime: z
    .int(lifetimeRule)
    .min(lifetime.minimum, lifetimeRule)
    .max(lifetime.maximum, lifetimeRule)
    .default(lifetime.default)
    .meta({ description: 'Longest time from `iat` to `exp` of a token, in seconds.' }),
  description: description.default(''),
});

function presentTrustRule({ conditions, created_at, ...row }: TrustRuleRow) {
  return { ...row, conditions: conditions.all, created_at: iso(created_at) };
}

export const trustRuleRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/service-accounts/:id/trust-rules',
    summary: 'Let tokens of an outside issuer speak for a service account',
    action: 'trust_rule.create',
    body: newTrustRule,
    response: trustRule,
    handle: async ({ api, call, params, body }) =>
      presentTrustRule(await api.pipeline.perform(api.actions.trustRules.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/service-accounts/:id/trust-rules',
    summary: 'The outside issuers that a service account trusts, and on which conditions',
    action: 'trust_rule.list',
    query: page,
    response: listOf(trustRule),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.trustRules.list, call, { ref: params.id!, page: readPage(query) }),
        query.limit,
        presentTrustRule,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/service-accounts/:id/trust-rules/:rule',
    summary: 'Take trust away; access tokens that the rule let in end with it',
    action: 'trust_rule.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.trustRules.remove, call, { ref: params.id!, id: params.rule! }),
  }),
];
