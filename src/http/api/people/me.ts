import { z } from 'zod';
import { permissions, roles } from '../../../core/permissions.ts';
import { type Route, route } from '../../route.ts';
import { id } from '../answers.ts';

const roleAt = z.strictObject({
  namespace_id: z
    .string()
    .meta({ description: 'The id of the group or workspace.', examples: ['ws_01jd2ze0q8v5n3w4x6y7t9m2ab'] }),
  namespace: z.string().meta({ description: 'The path of the group or workspace.', examples: ['acme/research/sim'] }),
  kind: z.enum(['group', 'workspace']).meta({ description: 'Whether it is a group or a workspace.' }),
  role: z.enum(roles).meta({ description: 'The role here, and below as far as no nearer membership says another.' }),
  permissions: z.array(z.enum(permissions)).meta({ description: 'What the role allows.' }),
  principals: z.array(z.string()).meta({
    description: 'The ids that are members here: your own, or of your teams.',
    examples: [['usr_01jd2ze0q8v5n3w4x6y7t9m2ab']],
  }),
});

const me = z
  .strictObject({
    id: z.string().meta({ description: 'Your id.', examples: ['usr_01jd2ze0q8v5n3w4x6y7t9m2ab'] }),
    kind: z.enum(['user', 'service_account']).meta({ description: 'Whether you are a user or a service account.' }),
    name: z.string().meta({
      description: 'The login of a user, or the path of a service account.',
      examples: ['ada@acme'],
    }),
    display_name: z
      .string()
      .nullable()
      .meta({
        description: 'The name of a user for people; null for a service account.',
        examples: ['Ada Lovelace'],
      }),
    is_operator: z.boolean().meta({ description: 'True for an operator of the installation.' }),
    organization: z
      .strictObject({
        id: id('group').meta({ description: 'The id of the organisation.' }),
        name: z.string().meta({ description: 'The name of the organisation.', examples: ['acme'] }),
      })
      .nullable()
      .meta({ description: 'Your organisation; null for an operator without one.' }),
    roles: z.array(roleAt).meta({ description: 'Your roles, by path. Empty without a role.' }),
  })
  .meta({ id: 'Me' });

export const meRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/me',
    summary: 'Who you are, your roles, and what they allow',
    description:
      'Returns the user or service account of the access token, its organisation, and its roles with the permissions that each gives.',
    action: 'caller.get',
    response: me,
    handle: ({ api, call }) => api.pipeline.perform(api.actions.callers.get, call, undefined),
  }),
];
