import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { aliases } from '../../entities/aliases.ts';
import type { Created } from '../../entities/entity.ts';
import {
  type Alias,
  deleteAlias,
  findAlias,
  findAliasIn,
  insertAlias,
  listAliases,
} from '../../store/identities/aliases.ts';
import { readReach } from '../../store/identities/reach.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { resolveNamespace } from '../namespaces/namespaces.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { dropLostAssignments, listLostAssignments } from './cutoffs.ts';
import { refuseTakenName } from './identities.ts';
import { type FoundIdentity, identityPath, resolveIdentity, resolveIdentityToList, toQuotaHolder } from './lookup.ts';

export interface IdentityAndGroup extends FoundIdentity {
  group: Namespace;
}

interface FoundAlias extends FoundIdentity {
  removed: Alias;
}

export const createAlias: Action<Created<typeof aliases> & { ref: string }, IdentityAndGroup, Alias> = {
  name: 'alias.create',
  needs: 'managed_identity.move',
  changes: true,
  adds: ['aliases_per_identity'],
  find: resolveIdentityAndGroup,
  async run(context, input, { identity, group }) {
    const name = input.name ?? identity.name;
    await refuseTakenName(context, `${group.path}/${name}`);
    const same = await findAliasIn(context.db, group.id, identity.id);
    if (same !== undefined || group.id === identity.group_id)
      throw new ArsiaError('conflict', `${group.path} already has ${identityPath(identity)}.`);
    await context.admit('aliases_per_identity', identity.organization_id, toQuotaHolder(identity));
    const row = {
      id: context.newId('alias'),
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
  find: (context, input) => resolveIdentityToList(context, input.ref),
  run: (context, { page }, { identity }) => listAliases(context.db, identity.id, page),
};

export const removeAlias: Action<{ ref: string; id: string; force: boolean }, FoundAlias, string[]> = {
  name: 'alias.delete',
  needs: 'managed_identity.move',
  changes: true,
  load: ({ force }) => (force ? 'heavy' : 'change'),
  async find(context, input) {
    const found = await resolveIdentity(context, input.ref);
    const alias = await findAlias(context.db, input.id);
    const isOfIt = alias?.identity_id === found.identity.id;
    // An owner of the alias's group may remove it without a role on the identity.
    if (isOfIt && (await context.can('managed_identity.move', { ...found, lineage: alias.lineage })))
      return { ...found, lineage: alias.lineage, removed: alias };
    await context.demand('managed_identity.view', found);
    if (!isOfIt) throw buildNotFoundError('alias', input.id);
    return { ...found, removed: alias };
  },
  async run(context, input, { identity, removed }) {
    const reach = await readReach(context.db, identity);
    const after = { ...reach, group_ids: reach.group_ids.filter((id) => id !== removed.group_id) };
    const dropped = await dropLostAssignments(
      context,
      identity,
      await listLostAssignments(context, identity, after),
      input.force,
    );
    await deleteAlias(context.db, removed.id);
    return dropped;
  },
  describe: (input, { removed }, dropped) => ({
    target_id: removed.id,
    detail: { alias: `${removed.group_path}/${removed.name}`, force: input.force, dropped },
  }),
};

/** Finds an identity and a group of its organisation where the caller may move identities. */
export async function resolveIdentityAndGroup(
  context: Context,
  input: { ref: string; group: string },
): Promise<IdentityAndGroup> {
  const found = await resolveIdentity(context, input.ref);
  await context.demand('managed_identity.view', found);
  const target = await resolveNamespace(context, 'group', input.group);
  await context.demand('managed_identity.move', target);
  if (target.organization_id !== found.organization_id)
    throw new ArsiaError('conflict', 'A managed identity cannot leave its organisation.');
  return { ...found, group: target.namespace };
}
