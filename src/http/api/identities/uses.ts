import { z } from 'zod';
import { type Route, route } from '../../route.ts';
import { id, listOf, nameMember, time } from '../answers.ts';
import { iso, presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const identityUse = z
  .strictObject({
    assignment_id: id('assignment').meta({ description: 'The id of the assignment.' }),
    workspace_id: id('workspace').meta({ description: 'The workspace that uses the identity.' }),
    workspace: nameMember('workspace_id', 'acme/research/wing'),
    profile: z.string().meta({ description: 'The profile of the assignment; empty: none.', examples: ['billing'] }),
    principal_id: z.string().meta({
      description: 'For whom it is assigned; empty: for everyone.',
      examples: ['usr_01jd2ze0q8v5n3w4x6y7t9m2ab'],
    }),
    principal: nameMember('principal_id', 'ada@acme.example'),
    alias: z
      .strictObject({
        id: id('alias').meta({ description: 'The id of the alias.' }),
        path: z.string().meta({ description: 'The path of the alias.', examples: ['acme/simulation/aws'] }),
      })
      .nullable()
      .meta({ description: 'The alias by which the identity reaches the workspace; null: it is inherited.' }),
    assigned_at: time.meta({ description: 'The time of the assignment.' }),
  })
  .meta({ id: 'IdentityUse' });

export const identityUseRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/managed-identities/:id/workspaces',
    summary: 'The workspaces that use a managed identity, and by what',
    description:
      'Lists the assignments of a managed identity to the workspaces that you see: for whom it is assigned, and the alias by which it reaches the workspace. A workspace with several assignments is listed several times.',
    action: 'managed_identity.list_uses',
    query: page,
    response: listOf(identityUse),
    async handle({ api, call, params, query }) {
      const input = { ref: params.id!, page: readPage(query) };
      const rows = await api.pipeline.perform(api.actions.identities.listUses, call, input);
      return presentPage(rows, query.limit, ({ id: assignment_id, created_at, ...use }) => ({
        assignment_id,
        ...use,
        workspace: null,
        principal: null,
        assigned_at: iso(created_at),
      }));
    },
  }),
];
