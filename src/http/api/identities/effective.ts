import { z } from 'zod';
import { identityType, name, ref } from '../../../entities/inputs.ts';
import { managedIdentities } from '../../../entities/managedidentities.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentAssigned, presentIdentity, presentScanned, readPage } from '../present.ts';
import { page } from '../schemas.ts';
import { effectiveIdentity } from './responses.ts';

export const effectiveRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/workspaces/:id/usable-identities',
    summary: 'The managed identities that a workspace could be assigned; `search` is part of a name',
    description:
      'Lists the managed identities that can be assigned to a workspace: those of the groups above it and those that reach it through an alias, without the masked ones.',
    action: 'managed_identity.list_usable',
    errors: ['settings_unreadable'],
    query: page.extend({
      search: z
        .string()
        .regex(/^[a-z0-9_-]{1,64}$/, 'must be part of a name')
        .optional()
        .meta({ description: 'Only identities whose name contains this text.', examples: ['aws'] }),
      type: identityType.optional().meta({ description: 'Only identities of this type.', examples: ['aws'] }),
    }),
    response: listOf(managedIdentities.answer),
    async handle({ api, call, params, query: { search, type, ...page } }) {
      const input = { workspace: params.id!, search, type, page: readPage(page) };
      return presentScanned(
        await api.pipeline.perform(api.actions.assignments.listUsable, call, input),
        presentIdentity,
      );
    },
  }),
  route({
    method: 'GET',
    path: '/workspaces/:id/effective-identities',
    summary: 'What a job of this user would get, one identity per type and profile',
    description:
      'Lists the managed identities that a job of this user in the workspace gets: one for each type and profile. An assignment to the user applies before one to a team of the user, and that before one to everyone. `refusal` says why the job would not get it: the user may not run jobs there, or an access rule refuses. Labels and launchers are not considered.',
    action: 'managed_identity.list_effective',
    errors: ['settings_unreadable'],
    query: page.extend({
      user: ref.optional().meta({
        description: 'The user of the job, by id or login. Left out: a job without a user.',
        examples: ['ada@acme.example'],
      }),
      stage: name.default('interactive').meta({ description: 'The stage of the job, which access rules check.' }),
    }),
    response: listOf(effectiveIdentity),
    async handle({ api, call, params, query: { user, stage, ...page } }) {
      const input = { workspace: params.id!, user, stage, page: readPage(page) };
      return presentScanned(await api.pipeline.perform(api.actions.assignments.listEffective, call, input), (row) => ({
        ...presentAssigned(row),
        refusal: row.refusal,
      }));
    },
  }),
];
