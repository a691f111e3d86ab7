import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import { managedIdentities } from '../../entities/managedidentities.ts';
import type { CloudEndpoints } from '../../providers/provider.ts';
import { defaultDelivery, providerOf } from '../../providers/registry.ts';
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
import { type FoundNamespace, namespaceAt, ownOrganization, visibleRoots } from '../namespaces/namespaces.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { type Scanned, scan } from '../pipeline/scan.ts';
import { releaseAudiences, takeAudience } from './audiences.ts';
import { cutOff, cutOffBy } from './cutoffs.ts';
import { type FoundIdentity, identityAt, identityPath } from './lookup.ts';
import { pageWithSettings, providerFor, storedIdentity, type WithSettings, withSettings } from './storedsettings.ts';
import { usableIn } from './usable.ts';

type Identity = WithSettings<ManagedIdentity>;
/** What an identity may point to: not at Arsia itself, and at no endpoint that the operator does not list (N29). */
export interface Outside {
  issuer: string;
  endpoints: CloudEndpoints;
}

export function createIdentity({
  issuer,
  endpoints,
}: Outside): Action<Created<typeof managedIdentities>, FoundNamespace, Identity> {
  return {
    name: 'managed_identity.create',
    needs: 'managed_identity.create',
    changes: true,
    adds: ['managed_identities', 'audiences'],
    find: (context, input) => namespaceAt(context, 'group', input.group),
    async run(context, { group: _group, ...given }, { namespace }) {
      const provider = providerOf(given.type);
      const settings = parseSettings(provider, given.settings);
      provider.exchanging?.check(settings, {}, endpoints);
      const audience = await takeAudience(context, provider, settings, namespace.organization_id, issuer);
      await refuseTakenName(context, `${namespace.path}/${given.name}`);
      await context.admit('managed_identities', namespace.organization_id);
      const row = {
        id: context.id('managed_identity'),
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

/** Throws `conflict` where the group has an identity or alias of this name: a path must name one of them. */
export async function refuseTakenName(context: Context, path: string, except?: string): Promise<void> {
  const identity = await findIdentity(context.db, path);
  if ((identity === undefined || identity.id === except) && (await findAliasAt(context.db, path)) === undefined) return;
  throw new ArsiaError('conflict', `There is already a managed identity or alias ${path}.`, {
    fields: [{ pointer: '/name', detail: 'is taken in this group' }],
  });
}

export const getIdentity: Action<{ ref: string }, FoundIdentity, Identity> = {
  name: 'managed_identity.get',
  needs: 'managed_identity.view',
  changes: false,
  find: (context, input) => identityAt(context, input.ref),
  run: async (_context, _input, { identity }) => withSettings(identity),
};

export const listAllIdentities: Action<
  { page: Page; type?: string | undefined; group?: string | undefined; include_inherited?: boolean },
  Place,
  Scanned<Identity>
> = {
  name: 'managed_identity.list',
  needs: 'member',
  changes: false,
  find: ownOrganization,
  async run(context, input, { organization_id }) {
    const roots = await visibleRoots(context);
    if (roots.length === 0) return { rows: [], next: undefined };
    const group = input.group === undefined ? undefined : await visibleGroup(context, input.group);
    if (group !== undefined && input.include_inherited === true) return await usableIn(context, group, input);
    const filter = { organization_id: organization_id!, roots, type: input.type, group_ids: group && [group.id] };
    const found = await scan(input.page, {
      read: (page) => listIdentities(context.db, filter, page),
      keep: (rows) => rows,
      positionOf: ({ id }) => id,
    });
    return pageWithSettings(found);
  },
};

async function visibleGroup(context: Context, ref: string) {
  const place = await namespaceAt(context, 'group', ref);
  await context.demand('namespace.view', place);
  return place.namespace;
}

type IdentityChange = Changed<typeof managedIdentities> & { ref: string };

/** Description, settings, delivery and token lifetime; never the name, the type or the subject scope: the cloud trusts these. */
export function changeIdentity({ issuer, endpoints }: Outside): Action<IdentityChange, FoundIdentity, Identity> {
  return {
    name: 'managed_identity.update',
    needs: 'managed_identity.update',
    changes: true,
    adds: ['audiences'],
    find: (context, input) => identityAt(context, input.ref),
    version: ({ identity }) => identity.version,
    async run(context, { ref: _ref, ...change }, { identity }) {
      let { audience } = identity;
      if (change.settings !== undefined) {
        const provider = providerFor(storedIdentity(identity));
        const settings = parseSettings(provider, change.settings);
        provider.exchanging?.check(settings, {}, endpoints);
        audience = await takeAudience(context, provider, settings, identity.organization_id, issuer);
        change.settings = settingsToStore(provider, settings);
      }
      await updateIdentity(context.db, identity.id, { ...change, audience });
      if (audience !== identity.audience) await releaseAudiences(context, [identity.audience]);
      return withSettings((await findIdentity(context.db, identity.id))!);
    },
    describe: ({ ref: _ref, ...change }, { identity }) => ({ detail: { path: identityPath(identity), ...change } }),
  };
}

/** Deletes an identity, for a request that repeats its name. Irreversible: a new one of this name has another subject. */
export const removeIdentity: Action<{ ref: string; name: string; force: boolean }, FoundIdentity, string[]> = {
  name: 'managed_identity.delete',
  needs: 'managed_identity.delete',
  changes: true,
  load: ({ force }) => (force ? 'heavy' : 'change'),
  find: (context, input) => identityAt(context, input.ref),
  version: ({ identity }) => identity.version,
  async run(context, input, { identity }) {
    if (input.name !== identity.name)
      throw new ArsiaError('invalid_request', 'Deleting a managed identity cannot be undone: type its name.', {
        advice: `Add \`?name=${identity.name}\` if you mean ${identityPath(identity)}.`,
        fields: [{ pointer: 'name', detail: 'must be the name of the identity' }],
      });
    const lost = await cutOffBy(context, identity, { group_ids: [], masked_in: [] });
    const dropped = await cutOff(context, identity, lost, input.force);
    await deleteIdentity(context.db, identity.id);
    await releaseAudiences(context, [identity.audience]);
    return dropped;
  },
  describe: (input, { identity }, dropped) => ({
    detail: { path: identityPath(identity), force: input.force, dropped },
  }),
};
