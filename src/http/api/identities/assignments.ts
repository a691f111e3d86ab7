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
    description:
      'Lists the managed identities that are assigned to a workspace, for everyone and for single principals. The token of a job opens the list of its own workspace.',
    action: 'managed_identity.list_assigned',
    errors: ['settings_unreadable'],
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
    description:
      'Assigns a managed identity to a workspace. Jobs of the workspace can use it from their next request on. The identity must be inherited by the workspace or reach it through an alias, and not be masked. A workspace has at most one identity of each type and profile for everyone, and at most one for each principal. The caller also needs the right to use the identity: the role deployer at its group, or a use grant.',
    action: 'managed_identity.assign',
    errors: ['conflict', 'settings_unreadable'],
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
    description:
      'Unassigns a managed identity from a workspace: deletes the assignment for `principal`, or all of them. Without `force` it is refused where these are several; the refusal lists them with their ids. Jobs of the workspace lose the identity with their next request.',
    action: 'managed_identity.unassign',
    errors: ['conflict'],
    query: z.strictObject({
      principal: refOrEveryone.optional().meta({
        description:
          'Only the assignment for this user (id or login), team or service account (id); `*`: the one for everyone.',
        examples: ['ada@acme.example'],
      }),
      force: flag.meta({ description: '`true`: delete the assignments that the refusal without it lists.' }),
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
    description:
      'Deletes one assignment of a managed identity to a workspace, and no other. Jobs that have the identity by it lose it with their next request.',
    action: 'assignment.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.assignments.remove, call, { workspace: params.id!, id: params.assignment! }),
  }),
];
