import { z } from 'zod';
import { quotaNames } from '../../../core/quotas.ts';
import { groups, workspaces } from '../../../entities/namespaces.ts';

const dropped = z.array(z.string()).meta({ description: 'Assignments that the move took away, by force.' });
const warnings = z.array(z.string()).meta({
  description:
    'After a change of a path: the identities whose tokens show it, and where a trust document can compare it.',
});
export const changedGroup = groups.answer.extend({ warnings });
export const changedWorkspace = workspaces.answer.extend({ warnings });
export const movedGroup = changedGroup.extend({ dropped_assignments: dropped });
export const movedWorkspace = changedWorkspace.extend({ dropped_assignments: dropped });

export const organizationQuotas = z
  .strictObject({
    quotas: z.array(
      z.strictObject({
        name: z.enum(quotaNames),
        per: z.string().meta({ description: 'The thing that the quota is counted for, such as `organization`.' }),
        value: z.int(),
        default: z.int(),
        maximum: z.int().meta({ description: 'The most that an operator may set.' }),
        used: z.int().nullable().meta({
          description:
            'Up to one more than the value, and up to a few seconds old; null where it is counted for each of many things.',
        }),
      }),
    ),
  })
  .meta({ id: 'OrganizationQuotas' });
