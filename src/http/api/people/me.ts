import { z } from 'zod';
import { permissions, roles } from '../../../core/permissions.ts';
import { type Route, route } from '../../route.ts';
import { id } from '../answers.ts';

const roleAt = z.strictObject({
  namespace_id: z.string(),
  namespace: z.string().meta({ description: 'The path of the group or workspace.' }),
  kind: z.enum(['group', 'workspace']),
  role: z.enum(roles).meta({ description: 'The role here, and below as far as no nearer membership says another.' }),
  permissions: z.array(z.enum(permissions)).meta({ description: 'What the role allows.' }),
  principals: z.array(z.string()).meta({ description: 'The ids that are members here: your own, or of your teams.' }),
});

const me = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['user', 'service_account']),
    name: z.string().meta({ description: 'The login of a user, or the path of a service account.' }),
    display_name: z.string().nullable(),
    is_operator: z.boolean().meta({ description: 'An operator of the installation.' }),
    organization: z
      .strictObject({ id: id('group'), name: z.string() })
      .nullable()
      .meta({ description: 'null for an operator without an organisation.' }),
    roles: z.array(roleAt).meta({ description: 'By path. Empty without a role.' }),
  })
  .meta({ id: 'Me' });

export const meRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/me',
    summary: 'Who you are, your roles, and what they allow',
    action: 'caller.get',
    response: me,
    handle: ({ api, call }) => api.pipeline.perform(api.actions.callers.get, call, undefined),
  }),
];
