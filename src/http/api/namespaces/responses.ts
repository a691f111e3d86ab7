import { z } from 'zod';
import { quotaHolders, quotaNames } from '../../../core/quotas.ts';
import { groups, workspaces } from '../../../entities/namespaces.ts';

const dropped = z.array(z.string()).meta({
  description: 'Assignments that the move took away, by force.',
  examples: [['acme/research/aws in acme/research/wing']],
});
const warnings = z.array(z.string()).meta({
  description:
    'After a change of a path: the identities whose tokens show it, and where a trust document can compare it. At most 20, and the number of the others.',
  examples: [
    [
      'Tokens of acme/research/aws show a path that has changed: the session tag aws:PrincipalTag/Project (workspace). Change what compares the old one.',
    ],
  ],
});
export const changedGroup = groups.answer.extend({ warnings: warnings.optional() });
export const changedWorkspace = workspaces.answer.extend({ warnings: warnings.optional() });
export const movedGroup = groups.answer.extend({ warnings, dropped_assignments: dropped });
export const movedWorkspace = workspaces.answer.extend({ warnings, dropped_assignments: dropped });

export const organizationQuotas = z
  .strictObject({
    quotas: z
      .array(
        z.strictObject({
          name: z.enum(quotaNames).meta({ description: 'The name of the quota.' }),
          per: z
            .enum(quotaHolders)
            .meta({ description: 'The kind of thing that the quota is counted for, each by itself.' }),
          value: z.int().meta({ description: 'The value for this organisation.', examples: [50_000] }),
          default: z.int().meta({ description: 'The value where an operator has set none.', examples: [50_000] }),
          maximum: z.int().meta({ description: 'The most that an operator may set.', examples: [1_000_000] }),
          used: z
            .int()
            .nullable()
            .meta({
              description:
                'Up to one more than the value, and up to a few seconds old; null where it is counted for each of many things.',
              examples: [1234],
            }),
        }),
      )
      .meta({ description: 'All quotas.' }),
  })
  .meta({ id: 'OrganizationQuotas' });
