import { z } from 'zod';
import { identityType, ref } from '../../../entities/inputs.ts';
import { managedIdentities } from '../../../entities/managedidentities.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentAssigned, presentIdentity, presentScanned, readPage } from '../present.ts';
import { page } from '../schemas.ts';
import { assignedIdentity } from './responses.ts';

export const effectiveRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/workspaces/:id/usable-identities',
    summary: 'The managed identities that a workspace could be assigned; `search` is part of a name',
    action: 'managed_identity.list_usable',
    query: page.extend({
      search: z
        .string()
        .regex(/^[a-z0-9_-]{1,64}$/, 'must be part of a name')
        .optional(),
      type: identityType.optional(),
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
    action: 'managed_identity.list_effective',
    query: page.extend({ user: ref.optional() }),
    response: listOf(assignedIdentity),
    async handle({ api, call, params, query: { user, ...page } }) {
      const input = { workspace: params.id!, user, page: readPage(page) };
      return presentScanned(
        await api.pipeline.perform(api.actions.assignments.listEffective, call, input),
        presentAssigned,
      );
    },
  }),
];
