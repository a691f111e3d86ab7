import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import { managedIdentities } from '../../entities/managedidentities.ts';
import type { CloudEndpoints, Provider, ReadSettings } from '../../providers/provider.ts';
import { defaultDelivery, requireProvider } from '../../providers/registry.ts';
import { parseSettings } from '../../providers/requestedsettings.ts';
import { settingsToStore } from '../../providers/storedsettings.ts';
import { findAliasAt } from '../../store/identities/aliases.ts';
import {
  deleteIdentity,
  findIdentity,
  insertIdentity,
  listIdentities,
  type ManagedIdentity,
  updateIdentity,
} from '../../store/identities/identities.ts';
import { type FoundNamespace, listVisibleRoots, resolveNamespace } from '../namespaces/namespaces.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { type Scanned, scan } from '../pipeline/scan.ts';
import { releaseAudiences, takeAudience } from './audiences.ts';
import { dropLostAssignments, listLostAssignments } from './cutoffs.ts';
import { type FoundIdentity, identityPath, type NamedAlias, resolveIdentity, resolveIdentityToRead } from './lookup.ts';
import {
  attachSettings,
  attachSettingsToPage,
  resolveProvider,
  toStoredIdentity,
  type WithSettings,
} from './storedsettings.ts';
import { listUsable } from './usable.ts';

type Identity = WithSettings<ManagedIdentity>;
/**
 * Limits of the settings of an identity: its audience may not be Arsia's own issuer, and its endpoints must be listed
 * by the operator (N29).
 */
export interface IssuerAndEndpoints {
  issuer: string;
  endpoints: CloudEndpoints;
}

export function createIdentity(
  limits: IssuerAndEndpoints,
): Action<Created<typeof managedIdentities>, FoundNamespace, Identity> {
  return {
    name: 'managed_identity.create',
    needs: 'managed_identity.create',
    changes: true,
    adds: ['managed_identities', 'audiences'],
    find: (context, input) => resolveNamespace(context, 'group', input.group),
    async run(context, { group: _group, ...given }, { namespace }) {
      const provider = requireProvider(given.type);
      const { settings, audience } = await acceptSettings(context, provider, given.settings, namespace, limits);
      await refuseTakenName(context, `${namespace.path}/${given.name}`);
      await context.admit('managed_identities', namespace.organization_id);
      const row = {
        id: context.newId('managed_identity'),
        organization_id: namespace.organization_id,
        group_id: namespace.id,
        ...given,
        delivery: given.delivery ?? defaultDelivery(provider),
        settings,
        audience,
        created_at: new Date(context.now),
        version: 1,
      };
      await insertIdentity(context.db, { ...row, settings: settingsToStore(provider, settings) });
      return { ...row, group_path: namespace.path, lineage: namespace.lineage };
    },
    describe: (_input, _found, row) => ({
      identity_id: row.id,
      target_id: row.id,
      detail: { path: identityPath(row), ...managedIdentities.recorded(row) },
    }),
  };
}

/**
 * Parses and checks the settings of a request and claims their audience for the organisation. Throws `invalid_request` or
 * `conflict`.
 */
async function acceptSettings(
  context: Context,
  provider: Provider,
  requested: unknown,
  { organization_id }: { organization_id: string },
  { issuer, endpoints }: IssuerAndEndpoints,
): Promise<{ settings: ReadSettings; audience: string | null }> {
  const settings = parseSettings(provider, requested);
  provider.exchanging?.check(settings, {}, endpoints);
  return { settings, audience: await takeAudience(context, provider, settings, organization_id, issuer) };
}

/**
 * Throws `conflict` where an identity or alias has this path already, except the identity with the id `except`. A path
 * must name exactly one of them.
 */
export async function refuseTakenName(context: Context, path: string, except?: string): Promise<void> {
  const identity = await findIdentity(context.db, path);
  if ((identity === undefined || identity.id === except) && (await findAliasAt(context.db, path)) === undefined) return;
  throw new ArsiaError('conflict', `There is already a managed identity or alias ${path}.`, {
    fields: [{ pointer: '/name', detail: 'is already used in this group' }],
  });
}

export const getIdentity: Action<{ ref: string }, FoundIdentity, Identity & { alias: NamedAlias | undefined }> = {
  name: 'managed_identity.get',
  needs: 'managed_identity.view',
  changes: false,
  find: (context, input) => resolveIdentityToRead(context, input.ref),
  run: async (_context, _input, { identity, alias }) => ({ ...attachSettings(identity), alias }),
};

export const listAllIdentities: Action<
  { page: Page; type?: string | undefined; group?: string | undefined; include_inherited?: boolean },
  Place,
  Scanned<Identity>
> = {
  name: 'managed_identity.list',
  needs: 'member',
  changes: false,
  find: findOwnOrganization,
  async run(context, input, { organization_id }) {
    const roots = await listVisibleRoots(context);
    if (roots.length === 0) return { rows: [], next: undefined };
    const group = input.group === undefined ? undefined : await resolveVisibleGroup(context, input.group);
    if (group !== undefined && input.include_inherited === true) return await listUsable(context, group, input);
    const filter = { organization_id: organization_id!, roots, type: input.type, group_ids: group && [group.id] };
    const found = await scan(input.page, {
      read: (page) => listIdentities(context.db, filter, page),
      keep: (rows) => rows,
      positionOf: ({ id }) => id,
    });
    return attachSettingsToPage(found);
  },
};

async function resolveVisibleGroup(context: Context, ref: string) {
  const place = await resolveNamespace(context, 'group', ref);
  await context.demand('namespace.view', place);
  return place.namespace;
}

type IdentityChange = Changed<typeof managedIdentities> & { ref: string };

/**
 * Changes description, settings, delivery and token lifetime. Name, type and subject scope never change: the cloud
 * trusts them.
 */
export function changeIdentity(limits: IssuerAndEndpoints): Action<IdentityChange, FoundIdentity, Identity> {
  return {
    name: 'managed_identity.update',
    needs: 'managed_identity.update',
    changes: true,
    adds: ['audiences'],
    find: (context, input) => resolveIdentity(context, input.ref),
    version: ({ identity }) => identity.version,
    async run(context, { ref: _ref, ...change }, { identity }) {
      let { audience } = identity;
      if (change.settings !== undefined) {
        const provider = resolveProvider(toStoredIdentity(identity));
        const accepted = await acceptSettings(context, provider, change.settings, identity, limits);
        audience = accepted.audience;
        change.settings = settingsToStore(provider, accepted.settings);
      }
      await updateIdentity(context.db, identity.id, { ...change, audience });
      if (audience !== identity.audience) await releaseAudiences(context, [identity.audience]);
      return attachSettings((await findIdentity(context.db, identity.id))!);
    },
    describe: ({ ref: _ref, ...change }, { identity }) => ({ detail: { path: identityPath(identity), ...change } }),
  };
}

/**
 * Deletes an identity. The request must repeat its name, because this is irreversible: a new identity of the same name
 * has another subject.
 */
export const removeIdentity: Action<{ ref: string; name: string; force: boolean }, FoundIdentity, string[]> = {
  name: 'managed_identity.delete',
  needs: 'managed_identity.delete',
  changes: true,
  load: ({ force }) => (force ? 'heavy' : 'change'),
  find: (context, input) => resolveIdentity(context, input.ref),
  version: ({ identity }) => identity.version,
  async run(context, input, { identity }) {
    if (input.name !== identity.name)
      throw new ArsiaError(
        'invalid_request',
        'Deleting a managed identity cannot be undone, so the request must repeat its name.',
        {
          advice: `Add \`?name=${identity.name}\` if you mean ${identityPath(identity)}.`,
          fields: [{ pointer: 'name', detail: 'must be the name of the identity' }],
        },
      );
    const lost = await listLostAssignments(context, identity, { group_ids: [], masked_in: [] });
    const dropped = await dropLostAssignments(context, identity, lost, input.force);
    await deleteIdentity(context.db, identity.id);
    await releaseAudiences(context, [identity.audience]);
    return dropped;
  },
  describe: (input, { identity }, dropped) => ({
    detail: { path: identityPath(identity), force: input.force, dropped },
  }),
};
