import { z } from 'zod';
import { aliases } from '../../../entities/aliases.ts';
import type { Alias } from '../../../store/identities/aliases.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { flag, page } from '../schemas.ts';

export const aliasRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/aliases',
    summary: 'Make the identity usable below another group; rules and subject stay those of the source',
    action: 'alias.create',
    body: aliases.create,
    response: aliases.answer,
    handle: async ({ api, call, params, body }) =>
      presentAlias(await api.pipeline.perform(api.actions.aliases.create, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/aliases',
    summary: 'The aliases of a managed identity',
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
    action: 'alias.delete',
    query: z.strictObject({ force: flag }),
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
