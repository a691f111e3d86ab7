import { z } from 'zod';
import { identityType, ref } from '../../../entities/inputs.ts';
import { groups, workspaces } from '../../../entities/namespaces.ts';
import type { Namespace } from '../../../store/namespaces/namespaces.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { positionIn, presentPage, readPage } from '../present.ts';
import { force, namePrefix, page } from '../schemas.ts';
import { changedGroup, changedWorkspace, movedGroup, movedWorkspace } from './responses.ts';

const forced = z.strictObject({ force });

const looks: Record<
  Namespace['kind'],
  { answer: z.ZodType; changed: z.ZodType; moved: z.ZodType; present(row: Namespace): object }
> = {
  group: { ...groups, changed: changedGroup, moved: movedGroup },
  workspace: { ...workspaces, present: presentWorkspace, changed: changedWorkspace, moved: movedWorkspace },
};

function presentWorkspace(row: Namespace) {
  return workspaces.present({ ...row, group_id: row.parent_id! });
}

export const namespaceRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/groups',
    summary: 'Create a group below `parent`; without one, an organisation (operators)',
    description:
      'Creates a group below `parent`. Without `parent` it creates an organisation, which is a root group; only operators may do that.',
    action: 'group.create',
    who: 'owners of the parent group (permission `group.create`); without `parent`, operators of the installation',
    errors: ['not_found', 'conflict'],
    body: groups.create,
    response: groups.answer,
    async handle({ api, call, body: { parent, ...rest } }) {
      return groups.present(
        parent === undefined
          ? await api.pipeline.perform(api.actions.organizations.create, call, rest)
          : await api.pipeline.perform(api.actions.groups.create, call, { ...rest, parent }),
      );
    },
  }),
  route({
    method: 'POST',
    path: '/workspaces',
    summary: 'Create a workspace in a group, with managed identities assigned in the same call',
    description:
      'Creates a workspace in a group. With `managed_identities`, these are assigned in the same transaction: if one cannot be assigned, the workspace is not created. Assigning needs the same rights as `POST /workspaces/{id}/managed-identities`.',
    action: 'workspace.create',
    errors: ['conflict'],
    body: workspaces.create,
    response: workspaces.answer,
    handle: async ({ api, call, body: { group, ...rest } }) =>
      presentWorkspace(await api.pipeline.perform(api.actions.workspaces.create, call, { ...rest, parent: group })),
  }),
  ...readsOf('group', 'groups'),
  ...changesOf('group', 'groups'),
  ...readsOf('workspace', 'workspaces'),
  ...changesOf('workspace', 'workspaces'),
];

/** Returns the routes that read groups or workspaces. */
function readsOf(kind: Namespace['kind'], noun: 'groups' | 'workspaces'): Route[] {
  const { answer, present } = looks[kind];
  return [
    route({
      method: 'GET',
      path: `/${noun}`,
      summary: `The ${noun} that the caller can see`,
      description: `Lists the ${noun} that the caller can see: those where it has a role, with everything below. An operator without an organisation gets an empty list.`,
      action: `${kind}.list`,
      who: 'every member of the organisation; the list has what the roles of the caller let it see (permission `namespace.view`)',
      query: page.extend({
        q: namePrefix,
        type: identityType.optional().meta({
          description:
            kind === 'group'
              ? 'Only groups that have a managed identity of this type.'
              : 'Only workspaces that a managed identity of this type is assigned to.',
          examples: ['aws'],
        }),
      }),
      response: listOf(answer),
      async handle({ api, call, query: { q, type, ...range } }) {
        const rows = await api.pipeline.perform(api.actions[noun].list, call, { q, type, page: readPage(range) });
        return presentPage(
          rows,
          range.limit,
          present,
          positionIn({ q }, ({ name }) => name),
        );
      },
    }),
    route({
      method: 'GET',
      path: `/${noun}/:id`,
      summary: `One ${kind}`,
      description: `Returns one ${kind}.`,
      action: `${kind}.get`,
      response: answer,
      handle: async ({ api, call, params }) =>
        present(await api.pipeline.perform(api.actions[noun].get, call, { ref: params.id! })),
    }),
  ];
}

/** Returns the routes that change, delete or move groups or workspaces. */
function changesOf(kind: Namespace['kind'], noun: 'groups' | 'workspaces'): Route[] {
  const path = `/${noun}/:id`;
  const { present, changed, moved } = looks[kind];
  return [
    route({
      method: 'PATCH',
      path,
      summary: `Change the description of a ${kind}, or rename it: paths change, ids and subjects do not`,
      description: `Changes the description or the name of a ${kind}. A rename changes the paths of everything below; ids and subjects do not change. The old path is 404 from then on, and its name is free. \`warnings\` names the identities whose tokens show a path that changed, and where a trust document can compare it. A rename needs ownership of the group above and of everything below too.${kind === 'group' ? ' An organisation cannot be renamed.' : ''}`,
      action: `${kind}.update`,
      errors: ['conflict'],
      body: groups.change,
      response: changed,
      async handle({ api, call, params, body }) {
        const input = { ref: params.id!, ...body };
        const { namespace, warnings } = await api.pipeline.perform(api.actions[noun].update, call, input);
        return { ...present(namespace), ...(warnings && { warnings }) };
      },
    }),
    route({
      method: 'DELETE',
      path,
      summary: `Delete a ${kind}; refused with what it holds, unless forced`,
      description: `Deletes a ${kind}. Without \`force\` it is refused while it is not empty; the refusal counts what it holds. With \`force\` everything below is deleted${kind === 'group' ? '; an organisation must be empty in any case' : ', and running jobs are refused with their next request'}. Needs the permission on everything below too.`,
      action: `${kind}.delete`,
      errors: ['conflict'],
      query: forced,
      handle: ({ api, call, params, query }) =>
        api.pipeline.perform(api.actions[noun].remove, call, { ref: params.id!, force: query.force === 'true' }),
    }),
    route({
      method: 'POST',
      path: `${path}/move`,
      summary: `Move a ${kind} with everything below it; subjects do not change`,
      description: `Moves a ${kind} with everything below it to another group of the same organisation. Paths change; ids and subjects do not, and \`warnings\` says where a trust document can compare an old path. Without \`force\` it is refused while a workspace would lose an assigned identity; with \`force\` the identity is unassigned. Needs ownership of the ${kind}, of everything below it, and of the new parent.`,
      action: `${kind}.move`,
      errors: ['conflict'],
      status: 200,
      body: z.strictObject({
        parent: ref.meta({ description: 'The group to move it to, by id or path.', examples: ['acme/production'] }),
      }),
      query: forced,
      response: moved,
      async handle({ api, call, params, body, query }) {
        const input = { ref: params.id!, parent: body.parent, force: query.force === 'true' };
        const { namespace, dropped, warnings } = await api.pipeline.perform(api.actions[noun].move, call, input);
        return { ...present(namespace), warnings, dropped_assignments: dropped };
      },
    }),
  ];
}
