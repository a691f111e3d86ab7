import { z } from 'zod';
import { quotaNames } from '../../../core/quotas.ts';
import { type Route, route } from '../../route.ts';
import { organizationQuotas } from './responses.ts';

const change = z.strictObject({
  quotas: z
    .record(z.string().max(64, 'is no quota'), z.number('must be a whole number, or null for the default').nullable())
    .refine((all) => Object.keys(all).length > 0, 'must name a quota')
    .refine((all) => Object.keys(all).length <= quotaNames.length, `must name at most ${quotaNames.length} quotas`)
    // The document cannot show the refinements above, so it gets these bounds.
    .meta({
      minProperties: 1,
      maxProperties: quotaNames.length,
      description: 'Values by the name of the quota; null takes the default again.',
      examples: [{ workspaces: 100_000, groups: null }],
    }),
});

export const quotaRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/organizations/:id/quotas',
    summary: 'The quotas of an organisation, and how much of them is used',
    description:
      'Returns every quota of an organisation with its value, default, maximum and usage. `docs/limits.md` says what each counts.',
    action: 'quota.list',
    response: organizationQuotas,
    handle: async ({ api, call, params }) => ({
      quotas: await api.pipeline.perform(api.actions.quotas.list, call, { ref: params.id! }),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/organizations/:id/quotas',
    summary: 'Raise or lower quotas of an organisation (operators); what is there stays',
    description:
      'Changes quotas of an organisation and returns all of them. A value below the usage deletes nothing and refuses additions.',
    action: 'quota.update',
    errors: ['not_found'],
    body: change,
    response: organizationQuotas,
    async handle({ api, call, params, body }) {
      await api.pipeline.perform(api.actions.quotas.update, call, { ref: params.id!, ...body });
      return {
        quotas: await api.pipeline.perform(
          api.actions.quotas.list,
          { ...call, if_match: undefined },
          { ref: params.id! },
        ),
      };
    },
  }),
];
