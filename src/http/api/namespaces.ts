import { z } from 'zod';
import type { Namespace } from '../../store/namespaces.ts';
import { type Route, route } from '../route.ts';
import { presentIdentity, presentNamespace, presentPage, readPage } from './present.ts';
import { description, name, page, ref } from './schemas.ts';

const newGroup = z.strictObject({ name, parent: ref.optional(), description: description.default('') });
const newWorkspace = z.strictObject({ name, group: ref, description: description.default('') });
const change = z.strictObject({ description });
const assignment = z.strictObject({ managed_identity: ref, profile: name.optional() });

export const namespaceRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/groups',
    summary: 'Create a group below `parent`; without one, an organisation (operators)',
    action: 'group.create',
    body: newGroup,
    async handle({ api, call, body: { parent, ...rest } }) {
      const { organizations, groups } = api.actions;
      return presentNamespace(
        parent === undefined
          ? await api.pipeline.perform(organizations.create, call, rest)
          : await api.pipeline.perform(groups.create, call, { ...rest, parent }),
      );
    },
  }),
  route({
    method: 'POST',
    path: '/workspaces',
    summary: 'Create a workspace in a group',
    action: 'workspace.create',
    body: newWorkspace,
    handle: async ({ api, call, body: { group, ...rest } }) =>
      presentNamespace(await api.pipeline.perform(api.actions.workspaces.create, call, { ...rest, parent: group })),
  }),
  ...of('group', 'groups'),
  ...of('workspace', 'workspaces'),
  route({
    method: 'GET',
    path: '/workspaces/:id/managed-identities',
    summary: 'The managed identities assigned to a workspace',
    action: 'managed_identity.list_assigned',
    async handle({ api, call, params }) {
      const rows = await api.pipeline.perform(api.actions.assignments.list, call, { workspace: params.id! });
      return { items: rows.map(presentIdentity), next_cursor: null };
    },
  }),
  route({
    method: 'POST',
    path: '/workspaces/:id/managed-identities',
    summary: 'Assign a managed identity to a workspace',
    action: 'managed_identity.assign',
    body: assignment,
    handle: async ({ api, call, params, body }) =>
      presentIdentity(
        await api.pipeline.perform(api.actions.assignments.assign, call, {
          workspace: params.id!,
          identity: body.managed_identity,
          profile: body.profile ?? '',
        }),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/workspaces/:id/managed-identities/:identity',
    summary: 'Unassign a managed identity from a workspace',
    action: 'managed_identity.unassign',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.assignments.unassign, call, {
        workspace: params.id!,
        identity: params.identity!,
      }),
  }),
];

/** What groups and workspaces have alike: list, get, change, delete. */
function of(kind: Namespace['kind'], noun: 'groups' | 'workspaces'): Route[] {
  const path = `/${noun}/:id`;
  return [
    route({
      method: 'GET',
      path: `/${noun}`,
      summary: `The ${noun} that the caller can see`,
      action: `${kind}.list`,
      query: page,
      async handle({ api, call, query }) {
        const rows = await api.pipeline.perform(api.actions[noun].list, call, { page: readPage(query) });
        return presentPage(rows, query.limit, presentNamespace);
      },
    }),
    route({
      method: 'GET',
      path,
      summary: `One ${kind}`,
      action: `${kind}.get`,
      handle: async ({ api, call, params }) =>
        presentNamespace(await api.pipeline.perform(api.actions[noun].get, call, { ref: params.id! })),
    }),
    route({
      method: 'PATCH',
      path,
      summary: `Change the description of a ${kind}`,
      action: `${kind}.update`,
      body: change,
      handle: async ({ api, call, params, body }) =>
        presentNamespace(await api.pipeline.perform(api.actions[noun].update, call, { ref: params.id!, ...body })),
    }),
    route({
      method: 'DELETE',
      path,
      summary: `Delete an empty ${kind}`,
      action: `${kind}.delete`,
      handle: ({ api, call, params }) => api.pipeline.perform(api.actions[noun].remove, call, { ref: params.id! }),
    }),
  ];
}
