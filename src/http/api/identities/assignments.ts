import { z } from 'zod';
import { assignments } from '../../../entities/assignments.ts';
import { ref } from '../../../entities/inputs.ts';
import { assignedCursor } from '../../../store/identities/assignments.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentAssigned, presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';
import { assignedIdentity } from './responses.ts';

export const assignmentRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/workspaces/:id/managed-identities',
    summary: 'The managed identities assigned to a workspace',
    action: 'managed_identity.list_assigned',
    query: page,
    response: listOf(assignedIdentity),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.assignments.list, call, {
          workspace: params.id!,
          page: readPage(query),
        }),
        query.limit,
        presentAssigned,
        assignedCursor,
      ),
  }),
  route({
    method: 'POST',
    path: '/workspaces/:id/managed-identities',
    summary: 'Assign a managed identity to a workspace, for everyone or for one user, team or service account',
    action: 'managed_identity.assign',
    body: assignments.create,
    response: assignedIdentity,
    handle: async ({ api, call, params, body }) =>
      presentAssigned(
        await api.pipeline.perform(api.actions.assignments.assign, call, {
          workspace: params.id!,
          identity: body.managed_identity,
          profile: body.profile ?? '',
          principal: body.principal,
        }),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/workspaces/:id/managed-identities/:identity',
    summary: 'Unassign a managed identity from a workspace',
    action: 'managed_identity.unassign',
    query: z.strictObject({ principal: ref.optional() }),
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.assignments.unassign, call, {
        workspace: params.id!,
        identity: params.identity!,
        principal: query.principal,
      }),
  }),
];
