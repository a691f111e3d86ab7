import { z } from 'zod';
import { positionOfAssigned } from '../../../store/identities/assignments.ts';
import type { Namespace } from '../../../store/namespaces/namespaces.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { assignedIdentity } from '../identities/responses.ts';
import { presentAssigned, presentGroup, presentPage, presentWorkspace, readPage } from '../present.ts';
import { description, flag, name, page, ref } from '../schemas.ts';
import { group, movedGroup, movedWorkspace, workspace } from './responses.ts';

const newGroup = z.strictObject({ name, parent: ref.optional(), description: description.default('') });
const assigned = z.strictObject({ managed_identity: ref, profile: name.optional() });
const newWorkspace = z.strictObject({
  name,
  group: ref,
  description: description.default(''),
  managed_identities: z.array(assigned).max(20, 'must be at most 20').default([]),
});
const change = z.strictObject({ description });
const assignment = assigned.extend({ principal: ref.optional() });
const forced = z.strictObject({ force: flag });

const looks: Record<Namespace['kind'], { present(row: Namespace): object; response: z.ZodType; moved: z.ZodType }> = {
  group: { present: presentGroup, response: group, moved: movedGroup },
  workspace: { present: presentWorkspace, response: workspace, moved: movedWorkspace },
};

export const namespaceRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/groups',
    summary: 'Create a group below `parent`; without one, an organisation (operators)',
    action: 'group.create',
    body: newGroup,
    response: group,
    async handle({ api, call, body: { parent, ...rest } }) {
      const { organizations, groups } = api.actions;
      return presentGroup(
        parent === undefined
          ? await api.pipeline.perform(organizations.create, call, rest)
          : await api.pipeline.perform(groups.create, call, { ...rest, parent }),
      );
    },
  }),
  route({
    method: 'POST',
    path: '/workspaces',
    summary: 'Create a workspace in a group, with managed identities assigned in the same call',
    action: 'workspace.create',
    body: newWorkspace,
    response: workspace,
    handle: async ({ api, call, body: { group, ...rest } }) =>
      presentWorkspace(await api.pipeline.perform(api.actions.workspaces.create, call, { ...rest, parent: group })),
  }),
  ...of('group', 'groups'),
  ...of('workspace', 'workspaces'),
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
        positionOfAssigned,
      ),
  }),
  route({
    method: 'POST',
    path: '/workspaces/:id/managed-identities',
    summary: 'Assign a managed identity to a workspace, for everyone or for one user, team or service account',
    action: 'managed_identity.assign',
    body: assignment,
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

/** What groups and workspaces have alike: list, get, change, delete. */
function of(kind: Namespace['kind'], noun: 'groups' | 'workspaces'): Route[] {
  const path = `/${noun}/:id`;
  const { present, response, moved } = looks[kind];
  return [
    route({
      method: 'GET',
      path: `/${noun}`,
      summary: `The ${noun} that the caller can see`,
      action: `${kind}.list`,
      query: page,
      response: listOf(response),
      async handle({ api, call, query }) {
        const rows = await api.pipeline.perform(api.actions[noun].list, call, { page: readPage(query) });
        return presentPage(rows, query.limit, present);
      },
    }),
    route({
      method: 'GET',
      path,
      summary: `One ${kind}`,
      action: `${kind}.get`,
      response,
      handle: async ({ api, call, params }) =>
        present(await api.pipeline.perform(api.actions[noun].get, call, { ref: params.id! })),
    }),
    route({
      method: 'PATCH',
      path,
      summary: `Change the description of a ${kind}`,
      action: `${kind}.update`,
      body: change,
      response,
      handle: async ({ api, call, params, body }) =>
        present(await api.pipeline.perform(api.actions[noun].update, call, { ref: params.id!, ...body })),
    }),
    route({
      method: 'DELETE',
      path,
      summary: `Delete a ${kind}; refused with what it holds, unless forced`,
      action: `${kind}.delete`,
      query: forced,
      handle: ({ api, call, params, query }) =>
        api.pipeline.perform(api.actions[noun].remove, call, { ref: params.id!, force: query.force === 'true' }),
    }),
    route({
      method: 'POST',
      path: `${path}/move`,
      summary: `Move a ${kind} with everything below it; subjects do not change`,
      action: `${kind}.move`,
      status: 200,
      body: z.strictObject({ parent: ref }),
      query: forced,
      response: moved,
      async handle({ api, call, params, body, query }) {
        const input = { ref: params.id!, parent: body.parent, force: query.force === 'true' };
        const { namespace, dropped } = await api.pipeline.perform(api.actions[noun].move, call, input);
        return { ...present(namespace), dropped_assignments: dropped };
      },
    }),
  ];
}
