import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { groups, workspaces } from '../../../entities/namespaces.ts';
import type { Namespace } from '../../../store/namespaces/namespaces.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { flag, page } from '../schemas.ts';
import { changedGroup, changedWorkspace, movedGroup, movedWorkspace } from './responses.ts';

const forced = z.strictObject({ force: flag });

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
    action: 'group.create',
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
    action: 'workspace.create',
    body: workspaces.create,
    response: workspaces.answer,
    handle: async ({ api, call, body: { group, ...rest } }) =>
      presentWorkspace(await api.pipeline.perform(api.actions.workspaces.create, call, { ...rest, parent: group })),
  }),
  ...of('group', 'groups'),
  ...of('workspace', 'workspaces'),
];

/** Returns the routes that groups and workspaces both have: list, get, change, delete. */
function of(kind: Namespace['kind'], noun: 'groups' | 'workspaces'): Route[] {
  const path = `/${noun}/:id`;
  const { answer, present, changed, moved } = looks[kind];
  return [
    route({
      method: 'GET',
      path: `/${noun}`,
      summary: `The ${noun} that the caller can see`,
      action: `${kind}.list`,
      query: page,
      response: listOf(answer),
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
      response: answer,
      handle: async ({ api, call, params }) =>
        present(await api.pipeline.perform(api.actions[noun].get, call, { ref: params.id! })),
    }),
    route({
      method: 'PATCH',
      path,
      summary: `Change the description of a ${kind}, or rename it: paths below change, ids and subjects do not`,
      action: `${kind}.update`,
      body: groups.change,
      response: changed,
      async handle({ api, call, params, body }) {
        const input = { ref: params.id!, ...body };
        const { namespace, warnings } = await api.pipeline.perform(api.actions[noun].update, call, input);
        return { ...present(namespace), warnings };
      },
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
        const { namespace, dropped, warnings } = await api.pipeline.perform(api.actions[noun].move, call, input);
        return { ...present(namespace), warnings, dropped_assignments: dropped };
      },
    }),
  ];
}
