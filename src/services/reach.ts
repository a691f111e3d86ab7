import { ArsiaError } from '../core/errors.ts';
import { effectiveChoice, usability } from '../core/inheritance.ts';
import {
  type AssignedIdentity,
  assignedTo,
  choicesBeside,
  positionOfAssigned,
  type ReachingIdentity,
} from '../store/assignments.ts';
import { deleteIdentity, findIdentity, type ManagedIdentity, moveIdentity } from '../store/identities.ts';
import type { Namespace, Page } from '../store/namespaces.ts';
import {
  type Alias,
  deleteAlias,
  deleteMask,
  findAlias,
  findAliasIn,
  insertAlias,
  insertMask,
  listAliases,
  listMasks,
  type Mask,
  reachOf,
} from '../store/reach.ts';
import { teamIdsOf } from '../store/teams.ts';
import type { Action, Context } from './action.ts';
import { releaseAudiences } from './audiences.ts';
import { cutOff, cutOffBy } from './cutoffs.ts';
import { demandOnEach } from './descendants.ts';
import { type FoundIdentity, holderOf, identityAt, identityPath, refuseTakenName } from './identities.ts';
import { type FoundNamespace, namespaceAt } from './namespaces.ts';
import { missing } from './rights.ts';
import { type Scanned, scan } from './scan.ts';
import { usableIn } from './usable.ts';
import { userOf } from './users.ts';

/** Where identities reach: move, aliases, masks, and what is effective for a user. Rules and subject stay the source's. */
interface IdentityAndGroup extends FoundIdentity {
  group: Namespace;
}

interface FoundAlias extends FoundIdentity {
  alias: Alias;
}

interface FoundMask extends FoundNamespace {
  identity: ManagedIdentity;
}

/** Owner on both sides, never across organisations; the subject stays, so nothing changes at the cloud. */
export const moveIdentityTo: Action<
  { ref: string; group: string; force: boolean },
  IdentityAndGroup,
  { identity: ManagedIdentity; dropped: string[] }
> = {
  name: 'managed_identity.move',
  needs: 'managed_identity.move',
  changes: true,
  load: () => 'heavy',
  find: identityAndGroup,
  version: ({ identity }) => identity.version,
  async run(context, input, { identity, group }) {
    await refuseTakenName(context, `${group.path}/${identity.name}`, identity.id);
    const reach = await reachOf(context.db, identity);
    const after = { ...reach, group_ids: [group.id, ...reach.group_ids.filter((id) => id !== identity.group_id)] };
    const dropped = await cutOff(context, identity, await cutOffBy(context, identity, after), input.force);
    await moveIdentity(context.db, identity.id, group.id);
    return { identity: (await findIdentity(context.db, identity.id))!, dropped };
  },
  describe: (input, { identity, group }, { dropped }) => ({
    detail: { path: identityPath(identity), to: group.path, force: input.force, dropped },
  }),
};

export const createAlias: Action<{ ref: string; group: string; name?: string | undefined }, IdentityAndGroup, Alias> = {
  name: 'alias.create',
  needs: 'managed_identity.move',
  changes: true,
  adds: ['aliases_per_identity'],
  find: identityAndGroup,
  async run(context, input, { identity, group }) {
    const name = input.name ?? identity.name;
    await refuseTakenName(context, `${group.path}/${name}`);
    const same = await findAliasIn(context.db, group.id, identity.id);
    if (same !== undefined || group.id === identity.group_id)
      throw new ArsiaError('conflict', `${group.path} has ${identityPath(identity)} already.`);
    await context.admit('aliases_per_identity', identity.organization_id, holderOf(identity));
    const row = {
      id: context.id('alias'),
      identity_id: identity.id,
      group_id: group.id,
      organization_id: identity.organization_id,
      name,
      created_at: new Date(context.now),
    };
    await insertAlias(context.db, row);
    return { ...row, group_path: group.path, lineage: group.lineage };
  },
  describe: (_input, { identity }, alias) => ({
    target_id: alias.id,
    detail: { source: identityPath(identity), alias: `${alias.group_path}/${alias.name}` },
  }),
};

export const listIdentityAliases: Action<{ ref: string; page: Page }, FoundIdentity, Alias[]> = {
  name: 'alias.list',
  needs: 'managed_identity.view',
  changes: false,
  find: (context, input) => identityAt(context, input.ref),
  run: (context, { page }, { identity }) => listAliases(context.db, identity.id, page),
};

export const removeAlias: Action<{ ref: string; id: string; force: boolean }, FoundAlias, string[]> = {
  name: 'alias.delete',
  needs: 'managed_identity.move',
  changes: true,
  load: ({ force }) => (force ? 'heavy' : 'change'),
  async find(context, input) {
    const found = await identityAt(context, input.ref);
    const alias = await findAlias(context.db, input.id);
    const isOfIt = alias?.identity_id === found.identity.id;
    // Who owns the group that it was put into need not see where it comes from.
    if (isOfIt && (await context.may('managed_identity.move', { ...found, lineage: alias.lineage })))
      return { ...found, lineage: alias.lineage, alias };
    await context.demand('managed_identity.view', found);
    if (!isOfIt) throw missing('alias', input.id);
    return { ...found, alias };
  },
  async run(context, input, { identity, alias }) {
    const reach = await reachOf(context.db, identity);
    const after = { ...reach, group_ids: reach.group_ids.filter((id) => id !== alias.group_id) };
    const dropped = await cutOff(context, identity, await cutOffBy(context, identity, after), input.force);
    await deleteAlias(context.db, alias.id);
    return dropped;
  },
  describe: (input, { alias }, dropped) => ({
    target_id: alias.id,
    detail: { alias: `${alias.group_path}/${alias.name}`, force: input.force, dropped },
  }),
};

/** Hides an inherited identity below a group or in a workspace. */
export const maskIdentity: Action<
  { namespace: string; identity: string; force: boolean },
  FoundMask,
  { mask: Mask; dropped: string[] }
> = {
  name: 'identity_mask.create',
  needs: 'identity_mask.manage',
  changes: true,
  load: ({ force }) => (force ? 'heavy' : 'change'),
  adds: ['masks_per_identity'],
  find: maskAt,
  async run(context, input, { namespace, identity }) {
    if (identity.group_id === namespace.id)
      throw new ArsiaError(
        'conflict',
        `${identityPath(identity)} belongs to ${namespace.path}; only what is inherited can be masked.`,
        {
          advice: 'Move or delete the identity instead.',
        },
      );
    const reach = await reachOf(context.db, identity);
    if (!reach.masked_in.includes(namespace.id))
      await context.admit('masks_per_identity', namespace.organization_id, holderOf(identity));
    const masked = { ...reach, masked_in: [...reach.masked_in, namespace.id] };
    const lost = await cutOffBy(context, identity, masked);
    // The identity is another's, and so may be the workspaces: masked is unassigned, in each of them.
    await demandOnEach(context, namespace, lost, 'assignment.manage');
    const dropped = await cutOff(context, identity, lost, input.force);
    const mask: Mask = {
      namespace_id: namespace.id,
      identity_id: identity.id,
      organization_id: namespace.organization_id,
      created_at: new Date(context.now),
    };
    await insertMask(context.db, mask);
    return { mask, dropped };
  },
  describe: (input, { namespace, identity }, { dropped }) => ({
    detail: { namespace: namespace.path, identity: identityPath(identity), force: input.force, dropped },
  }),
};

export const unmaskIdentity: Action<{ namespace: string; identity: string }, FoundMask, void> = {
  name: 'identity_mask.delete',
  needs: 'identity_mask.manage',
  changes: true,
  find: maskAt,
  async run(context, input, { namespace, identity }) {
    if (!(await deleteMask(context.db, namespace.id, identity.id))) throw missing('mask', input.identity);
  },
  describe: (_input, { namespace, identity }) => ({
    detail: { namespace: namespace.path, identity: identityPath(identity) },
  }),
};

export const listIdentityMasks: Action<{ ref: string; page: Page }, FoundIdentity, Mask[]> = {
  name: 'identity_mask.list',
  needs: 'managed_identity.view',
  changes: false,
  find: (context, input) => identityAt(context, input.ref),
  run: (context, { page }, { identity }) => listMasks(context.db, identity.id, page),
};

/** Identities that a workspace could be assigned: inherited or by alias, and not masked. Search is part of a name. */
export const usableIdentities: Action<
  { workspace: string; search?: string | undefined; type?: string | undefined; page: Page },
  FoundNamespace,
  Scanned<ManagedIdentity>
> = {
  name: 'managed_identity.list_usable',
  needs: 'namespace.view',
  changes: false,
  find: (context, input) => namespaceAt(context, 'workspace', input.workspace),
  run: (context, input, { namespace }) => usableIn(context, namespace, input),
};

/** What a job of this user in the workspace would get, one identity per type and profile. */
export const effectiveIdentities: Action<
  { workspace: string; user?: string | undefined; page: Page },
  FoundNamespace,
  Scanned<AssignedIdentity>
> = {
  name: 'managed_identity.list_effective',
  needs: 'namespace.view',
  changes: false,
  find: (context, input) => namespaceAt(context, 'workspace', input.workspace),
  async run(context, input, { namespace }) {
    const user = input.user === undefined ? undefined : await userOf(context, namespace.organization_id, input.user);
    const runner = {
      user_id: user?.id ?? null,
      team_ids: user === undefined ? [] : await teamIdsOf(context.db, user.id),
      launcher_id: null,
    };
    const principals = ['', ...(user === undefined ? [] : [user.id]), ...runner.team_ids];
    return await scan<ReachingIdentity>(input.page, {
      read: (page) => assignedTo(context.db, namespace, principals, page),
      async keep(rows) {
        const placeOf = ({ type, profile }: { type: string; profile: string }) => `${type} ${profile}`;
        const choices = Map.groupBy(await choicesBeside(context.db, namespace.id, principals, rows), placeOf);
        return rows.filter((one) => {
          const chosen = effectiveChoice(choices.get(placeOf(one)) ?? [], runner, one.type, one.profile);
          const isChosen = chosen?.identity_id === one.id && chosen.principal_id === one.principal_id;
          return isChosen && usability(one.reach, namespace.lineage) === 'usable';
        });
      },
      positionOf: positionOfAssigned,
    });
  },
};

/** Removes an identity only when its name is typed. Irreversible: one of the same name is another, with another subject. */
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

async function identityAndGroup(context: Context, input: { ref: string; group: string }): Promise<IdentityAndGroup> {
  const found = await identityAt(context, input.ref);
  await context.demand('managed_identity.view', found);
  const target = await namespaceAt(context, 'group', input.group);
  await context.demand('managed_identity.move', target);
  if (target.organization_id !== found.organization_id)
    throw new ArsiaError('conflict', 'A managed identity never leaves its organisation.');
  return { ...found, group: target.namespace };
}

async function maskAt(context: Context, input: { namespace: string; identity: string }): Promise<FoundMask> {
  const place = await namespaceAt(context, 'any', input.namespace);
  await context.demand('namespace.view', place);
  const { identity } = await identityAt(context, input.identity);
  if (usability(await reachOf(context.db, identity, place.lineage), place.lineage) === 'out_of_reach')
    throw missing('managed identity', input.identity);
  return { ...place, identity, audit: { ...place.audit, identity_id: identity.id } };
}
