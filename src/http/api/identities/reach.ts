import { z } from 'zod';
import type { Alias } from '../../../store/identities/aliases.ts';
import type { Mask } from '../../../store/identities/masks.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { iso, presentAssigned, presentIdentity, presentPage, presentScanned, readPage } from '../present.ts';
import { flag, identityType, name, page, ref } from '../schemas.ts';
import { alias, assignedIdentity, identity, mask } from './responses.ts';

const forced = z.strictObject({ force: flag });
const isForced = (query: { force: string }) => query.force === 'true';

/** Where identities can be used: moves, aliases, masks, and what is usable and effective in a workspace. */
export const reachRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/move',
    summary: 'Move a managed identity to another group of the organisation; its subject stays',
    action: 'managed_identity.move',
    status: 200,
    body: z.strictObject({ group: ref }),
    query: forced,
    response: identity,
    async handle({ api, call, params, body, query }) {
      const input = { ref: params.id!, ...body, force: isForced(query) };
      return presentIdentity((await api.pipeline.perform(api.actions.reach.move, call, input)).identity);
    },
  }),
  route({
    method: 'POST',
    path: '/managed-identities/:id/aliases',
    summary: 'Make the identity usable below another group; rules and subject stay those of the source',
    action: 'alias.create',
    body: z.strictObject({ group: ref, name: name.optional() }),
    response: alias,
    handle: async ({ api, call, params, body }) =>
      presentAlias(await api.pipeline.perform(api.actions.reach.createAlias, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/aliases',
    summary: 'The aliases of a managed identity',
    action: 'alias.list',
    query: page,
    response: listOf(alias),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.reach.listAliases, call, { ref: params.id!, page: readPage(query) }),
        query.limit,
        presentAlias,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/managed-identities/:id/aliases/:alias',
    summary: 'Remove an alias; refused with the workspaces that would lose the identity, unless forced',
    action: 'alias.delete',
    query: forced,
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.reach.removeAlias, call, {
        ref: params.id!,
        id: params.alias!,
        force: isForced(query),
      }),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id/masks',
    summary: 'The groups and workspaces that mask a managed identity',
    action: 'identity_mask.list',
    query: page,
    response: listOf(mask),
    async handle({ api, call, params, query }) {
      const input = { ref: params.id!, page: readPage(query) };
      const rows = await api.pipeline.perform(api.actions.reach.listMasks, call, input);
      return presentPage(
        rows.map((row) => ({ ...row, id: row.namespace_id })),
        query.limit,
        ({ id: _id, ...row }) => presentMask(row),
      );
    },
  }),
  ...masksOf('group', 'groups'),
  ...masksOf('workspace', 'workspaces'),
  route({
    method: 'GET',
    path: '/workspaces/:id/usable-identities',
    summary: 'The managed identities that a workspace could be assigned; `search` is part of a name',
    action: 'managed_identity.list_usable',
    query: page.extend({
      search: z
        .string()
        .regex(/^[a-z0-9_-]{1,64}$/, 'must be part of a name')
        .optional(),
      type: identityType.optional(),
    }),
    response: listOf(identity),
    async handle({ api, call, params, query: { search, type, ...page } }) {
      const input = { workspace: params.id!, search, type, page: readPage(page) };
      return presentScanned(
        await api.pipeline.perform(api.actions.assignments.listUsable, call, input),
        presentIdentity,
      );
    },
  }),
  route({
    method: 'GET',
    path: '/workspaces/:id/effective-identities',
    summary: 'What a job of this user would get, one identity per type and profile',
    action: 'managed_identity.list_effective',
    query: page.extend({ user: ref.optional() }),
    response: listOf(assignedIdentity),
    async handle({ api, call, params, query: { user, ...page } }) {
      const input = { workspace: params.id!, user, page: readPage(page) };
      return presentScanned(
        await api.pipeline.perform(api.actions.assignments.listEffective, call, input),
        presentAssigned,
      );
    },
  }),
];

function masksOf(kind: 'group' | 'workspace', noun: 'groups' | 'workspaces'): Route[] {
  return [
    route({
      method: 'POST',
      path: `/${noun}/:id/masks`,
      summary: `Hide an inherited managed identity in a ${kind}; refused while assigned there, unless forced`,
      action: 'identity_mask.create',
      body: z.strictObject({ managed_identity: ref }),
      query: forced,
      response: mask,
      async handle({ api, call, params, body, query }) {
        const input = { namespace: params.id!, identity: body.managed_identity, force: isForced(query) };
        return presentMask((await api.pipeline.perform(api.actions.reach.mask, call, input)).mask);
      },
    }),
    route({
      method: 'DELETE',
      path: `/${noun}/:id/masks/:identity`,
      summary: `Show a masked managed identity in a ${kind} again`,
      action: 'identity_mask.delete',
      handle: ({ api, call, params }) =>
        api.pipeline.perform(api.actions.reach.unmask, call, { namespace: params.id!, identity: params.identity! }),
    }),
  ];
}

function presentAlias({ group_path, lineage: _lineage, created_at, ...row }: Alias) {
  return { ...row, path: `${group_path}/${row.name}`, created_at: iso(created_at) };
}

function presentMask({ created_at, ...row }: Mask) {
  return { ...row, created_at: iso(created_at) };
}
