import { z } from 'zod';
import { identityType, name, ref } from '../../../entities/inputs.ts';
import { managedIdentities } from '../../../entities/managedidentities.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentIdentity, presentScanned, readPage } from '../present.ts';
import { flag, force, page } from '../schemas.ts';

export const identityRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities',
    summary: 'Create a managed identity in a group',
    description:
      'Creates a managed identity in a group. It can then be assigned to workspaces below the group. Its subject is fixed: the cloud trusts it, so name, type and `subject_scope` never change. `settings` has the members of its `type`.',
    action: 'managed_identity.create',
    errors: ['conflict', 'claims_refused'],
    body: managedIdentities.create,
    response: managedIdentities.answer,
    handle: async ({ api, call, body }) =>
      presentIdentity(await api.pipeline.perform(api.actions.identities.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/managed-identities',
    summary: 'The managed identities that the caller can see',
    description:
      'Lists the managed identities in the groups that the caller can see, by id. With `group`, only those of this group; with `include_inherited` too, all that are usable in it.',
    action: 'managed_identity.list',
    who: 'every member of the organisation; the list has what the roles of the caller let it see (permission `managed_identity.view`)',
    errors: ['not_found', 'settings_unreadable'],
    query: page.extend({
      type: identityType.optional().meta({ description: 'Only identities of this type.', examples: ['aws'] }),
      group: ref
        .optional()
        .meta({ description: 'Only identities of this group, by id or path.', examples: ['acme/research'] }),
      include_inherited: flag.meta({
        description: '`true`, with `group`: also those that the group inherits or has by alias.',
      }),
    }),
    response: listOf(managedIdentities.answer),
    handle: async ({ api, call, query }) =>
      presentScanned(
        await api.pipeline.perform(api.actions.identities.list, call, {
          page: readPage(query),
          type: query.type,
          group: query.group,
          include_inherited: query.include_inherited === 'true',
        }),
        presentIdentity,
      ),
  }),
  route({
    method: 'GET',
    path: '/managed-identities/:id',
    summary: 'One managed identity, by id or path',
    description:
      'Returns one managed identity. By the path of an alias: the source, with the alias as `alias`. Then a role at the group of the alias is enough.',
    action: 'managed_identity.get',
    errors: ['settings_unreadable'],
    response: managedIdentities.answer,
    handle: async ({ api, call, params }) =>
      presentIdentity(await api.pipeline.perform(api.actions.identities.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/managed-identities/:id',
    summary: 'Change description, settings, delivery or token lifetime; never name or type',
    description:
      'Changes description, settings, delivery or token lifetime of a managed identity. Members that are left out stay. `settings` is replaced as a whole. Running jobs use the new values with their next request. Name, type and `subject_scope` never change.',
    action: 'managed_identity.update',
    errors: ['conflict', 'claims_refused', 'settings_unreadable'],
    body: managedIdentities.change,
    response: managedIdentities.answer,
    handle: async ({ api, call, params, body }) =>
      presentIdentity(await api.pipeline.perform(api.actions.identities.update, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'DELETE',
    path: '/managed-identities/:id',
    summary:
      'Delete a managed identity, its name typed; refused with the list of workspaces while assigned, unless forced',
    description:
      'Deletes a managed identity with its access rules, grants, aliases and masks. This cannot be undone: a new identity of the same name has another subject. The request must repeat the name. Without `force` it is refused while the identity is assigned; the refusal lists the workspaces. Remove the trust at the cloud too.',
    action: 'managed_identity.delete',
    errors: ['conflict'],
    query: z.strictObject({
      name: name.meta({ description: 'The name of the identity, repeated.', examples: ['aws'] }),
      force,
    }),
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.identities.remove, call, {
        ref: params.id!,
        name: query.name,
        force: query.force === 'true',
      }),
  }),
];
