import { z } from 'zod';
import { quotaNames } from '../../../core/quotas.ts';
import { id, time, version } from '../answers.ts';

const namespace = {
  id: id('group'),
  organization_id: id('group'),
  name: z.string(),
  path: z.string().meta({ description: 'The names from the organisation down, with `/` between.' }),
  description: z.string(),
  created_at: time,
  version,
};
export const group = z
  .strictObject({
    ...namespace,
    parent_id: id('group').nullable().meta({ description: 'Null for an organisation, which is a root group.' }),
  })
  .meta({ id: 'Group' });
export const workspace = z
  .strictObject({ ...namespace, id: id('workspace'), group_id: id('group') })
  .meta({ id: 'Workspace' });
const dropped = z.array(z.string()).meta({ description: 'Assignments that the move took away, by force.' });
export const movedGroup = group.extend({ dropped_assignments: dropped });
export const movedWorkspace = workspace.extend({ dropped_assignments: dropped });

export const organizationSettings = z
  .strictObject({
    organization_id: id('group')
      .nullable()
      .meta({ description: 'Null for operators of the installation: what a new organisation begins with.' }),
    identities_without_rules: z.enum(['open', 'closed']),
    allowed_issuers: z
      .array(z.string())
      .nullable()
      .meta({ description: 'Outside issuers that service accounts may trust; null: any.' }),
    version,
  })
  .meta({ id: 'OrganizationSettings' });

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
