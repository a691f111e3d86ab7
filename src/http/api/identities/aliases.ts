import { z } from 'zod';
import { aliases } from '../../../entities/aliases.ts';
import type { Alias } from '../../../store/identities/aliases.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { force, page } from '../schemas.ts';

export const aliasRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/aliases',
    summary: 'Make the identity usable below another group; rules and subject stay those of the source',
    description:
      'Makes a managed identity usable in another group and the workspaces below it, under a path of that group. Settings, access rules and the subject stay those of the source, so nothing changes at the cloud. Needs the permission on the source and on the group of the alias.',
    action: 'alias.create',
    errors: ['conflict'],
    body: aliases.create,
    response: aliases.answer,
    handle: async ({ api, call, params, body }) =>
      presentAlias(await api.pipeline.perform(api.actions.aliases.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/aliases',
    summary: 'The aliases of a managed identity',
    description: 'Lists the aliases of a managed identity.',
    action: 'alias.list',
    query: page,
    response: listOf(aliases.answer),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.aliases.list, call, { ref: params.id!, page: readPage(query) }),
        query.limit,
        presentAlias,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/managed-identities/:id/aliases/:alias',
    summary: 'Remove an alias; refused with the workspaces that would lose the identity, unless forced',
    description:
      'Deletes an alias. Without `force` it is refused while a workspace uses the identity through this alias; the refusal lists these workspaces. With `force` the identity is unassigned there, and running jobs lose it with their next request. Owners of the group of the alias may delete it too.',
    action: 'alias.delete',
    errors: ['conflict'],
    query: z.strictObject({ force }),
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.aliases.remove, call, {
        ref: params.id!,
        id: params.alias!,
        force: query.force === 'true',
      }),
  }),
];

function presentAlias(row: Alias) {
  return aliases.present({ ...row, path: `${row.group_path}/${row.name}` });
}
