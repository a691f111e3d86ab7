import { z } from 'zod';
import { assignments } from '../../../entities/assignments.ts';
import { refOrEveryone } from '../../../entities/inputs.ts';
import { assignedCursor } from '../../../store/identities/assignments.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentAssigned, presentPage, readPage } from '../present.ts';
import { flag, page } from '../schemas.ts';
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
    summary:
      'Unassign a managed identity from a workspace; refused with the list of assignments where there are several, unless forced',
    action: 'managed_identity.unassign',
    query: z.strictObject({
      principal: refOrEveryone.optional().meta({
        description: 'Only the assignment for this user, team or service account; `*`: the one for everyone.',
      }),
      force: flag,
    }),
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.assignments.unassign, call, {
        workspace: params.id!,
        identity: params.identity!,
        principal: query.principal,
        force: query.force === 'true',
      }),
  }),
  route({
    method: 'DELETE',
    path: '/workspaces/:id/assignments/:assignment',
    summary: 'Delete one assignment, by its `assignment_id`',
    action: 'assignment.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.assignments.remove, call, { workspace: params.id!, id: params.assignment! }),
  }),
];
