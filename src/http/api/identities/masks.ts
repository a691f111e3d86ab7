import { z } from 'zod';
import { masks } from '../../../entities/masks.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { force, page } from '../schemas.ts';

export const maskRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/managed-identities/:id/masks',
    summary: 'The groups and workspaces that mask a managed identity',
    description: 'Lists the groups and workspaces where a managed identity is masked.',
    action: 'identity_mask.list',
    query: page,
    response: listOf(masks.answer),
    async handle({ api, call, params, query }) {
      const input = { ref: params.id!, page: readPage(query) };
      const rows = await api.pipeline.perform(api.actions.masks.list, call, input);
      return presentPage(
        rows.map((row) => ({ ...row, id: row.namespace_id })),
        query.limit,
        masks.present,
      );
    },
  }),
  ...masksOf('group', 'groups'),
  ...masksOf('workspace', 'workspaces'),
];

function masksOf(kind: 'group' | 'workspace', noun: 'groups' | 'workspaces'): Route[] {
  return [
    route({
      method: 'GET',
      path: `/${noun}/:id/masks`,
      summary: `The managed identities that a ${kind} masks`,
      description: `Lists the inherited managed identities that a ${kind} itself hides. Those that a group above hides are in the list of that group.`,
      action: 'identity_mask.list_of_namespace',
      query: page,
      response: listOf(masks.answer),
      async handle({ api, call, params, query }) {
        const input = { kind, ref: params.id!, page: readPage(query) };
        const rows = await api.pipeline.perform(api.actions.masks.listOfNamespace, call, input);
        return presentPage(
          rows.map((row) => ({ ...row, id: row.identity_id })),
          query.limit,
          masks.present,
        );
      },
    }),
    route({
      method: 'POST',
      path: `/${noun}/:id/masks`,
      summary: `Hide an inherited managed identity in a ${kind}; refused while assigned there, unless forced`,
      description: `Hides an inherited managed identity in a ${kind}${kind === 'group' ? ' and everything below it' : ''}: it can no longer be assigned there. Without \`force\` it is refused while the identity is assigned there. With \`force\` it is unassigned, and running jobs lose it with their next request; this also needs the permission \`assignment.manage\` in each of these workspaces.`,
      action: 'identity_mask.create',
      errors: ['conflict'],
      body: masks.create,
      query: z.strictObject({ force }),
      response: masks.answer,
      async handle({ api, call, params, body, query }) {
        const input = { namespace: params.id!, identity: body.managed_identity, force: query.force === 'true' };
        return masks.present((await api.pipeline.perform(api.actions.masks.create, call, input)).mask);
      },
    }),
    route({
      method: 'DELETE',
      path: `/${noun}/:id/masks/:identity`,
      summary: `Show a masked managed identity in a ${kind} again`,
      description: `Deletes the mask of a managed identity in a ${kind}: it can be assigned there again. Assignments that the mask removed do not come back.`,
      action: 'identity_mask.delete',
      errors: ['conflict'],
      handle: ({ api, call, params }) =>
        api.pipeline.perform(api.actions.masks.remove, call, { namespace: params.id!, identity: params.identity! }),
    }),
  ];
}
