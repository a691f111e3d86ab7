import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { deleteMask, insertMask, listMasks, listMasksOf, type Mask } from '../../store/identities/masks.ts';
import { readReach } from '../../store/identities/reach.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { demandOnEach } from '../namespaces/descendants.ts';
import { type FoundNamespace, resolveNamespace } from '../namespaces/namespaces.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { dropLostAssignments, listLostAssignments } from './cutoffs.ts';
import { type FoundIdentity, identityPath, resolveIdentityToList, toQuotaHolder } from './lookup.ts';
import { resolveReachingSource } from './reaching.ts';

interface FoundMask extends FoundNamespace {
  identity: ManagedIdentity;
}

/** Hides an inherited identity in a workspace or below a group. */
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
  find: resolveMaskTarget,
  async run(context, input, { namespace, identity }) {
    if (identity.group_id === namespace.id)
      throw new ArsiaError(
        'conflict',
        `${identityPath(identity)} belongs to ${namespace.path}; only what is inherited can be masked.`,
        {
          advice: 'Move or delete the identity instead.',
        },
      );
    const reach = await readReach(context.db, identity);
    if (!reach.masked_in.includes(namespace.id))
      await context.admit('masks_per_identity', namespace.organization_id, toQuotaHolder(identity));
    const masked = { ...reach, masked_in: [...reach.masked_in, namespace.id] };
    const lost = await listLostAssignments(context, identity, masked);
    // A mask unassigns the identity in the workspaces below, so the caller needs the right to unassign in each of them.
    await demandOnEach(context, namespace, lost, 'assignment.manage');
    const dropped = await dropLostAssignments(context, identity, lost, input.force);
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
  find: resolveMaskTarget,
  async run(context, _input, { namespace, identity }) {
    if (!(await deleteMask(context.db, namespace.id, identity.id)))
      throw new ArsiaError('not_found', `${identityPath(identity)} is not masked in ${namespace.path} itself.`, {
        advice: `List its masks: GET /api/v1/managed-identities/${identity.id}/masks.`,
      });
  },
  describe: (_input, { namespace, identity }) => ({
    detail: { namespace: namespace.path, identity: identityPath(identity) },
  }),
};

export const listIdentityMasks: Action<{ ref: string; page: Page }, FoundIdentity, Mask[]> = {
  name: 'identity_mask.list',
  needs: 'managed_identity.view',
  changes: false,
  find: (context, input) => resolveIdentityToList(context, input.ref),
  run: (context, { page }, { identity }) => listMasks(context.db, identity.id, page),
};

/** Lists the masks of a group or workspace itself, not those above it. */
export const listNamespaceMasks: Action<{ kind: Namespace['kind']; ref: string; page: Page }, FoundNamespace, Mask[]> =
  {
    name: 'identity_mask.list_of_namespace',
    needs: 'namespace.view',
    changes: false,
    find: (context, input) => resolveNamespace(context, input.kind, input.ref),
    run: (context, { page }, { namespace }) => listMasksOf(context.db, namespace.id, page),
  };

async function resolveMaskTarget(context: Context, input: { namespace: string; identity: string }): Promise<FoundMask> {
  const place = await resolveNamespace(context, 'any', input.namespace);
  await context.demand('namespace.view', place);
  const identity = await resolveReachingSource(context, input.identity, place.namespace);
  return { ...place, identity, audit: { ...place.audit, identity_id: identity.id } };
}
