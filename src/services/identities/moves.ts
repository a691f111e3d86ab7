import { findIdentity, type ManagedIdentity, moveIdentity } from '../../store/identities/identities.ts';
import { readReach } from '../../store/identities/reach.ts';
import type { Action } from '../pipeline/action.ts';
import { type IdentityAndGroup, resolveIdentityAndGroup } from './aliases.ts';
import { dropLostAssignments, listLostAssignments } from './cutoffs.ts';
import { refuseTakenName } from './identities.ts';
import { identityPath } from './lookup.ts';
import { attachSettings, type WithSettings } from './storedsettings.ts';

/**
 * Moves an identity to another group of the organisation. Needs an owner of both groups. The subject does not change,
 * so nothing must be changed at the cloud.
 */
export const moveIdentityTo: Action<
  { ref: string; group: string; force: boolean },
  IdentityAndGroup,
  { identity: WithSettings<ManagedIdentity>; dropped: string[] }
> = {
  name: 'managed_identity.move',
  needs: 'managed_identity.move',
  changes: true,
  load: () => 'heavy',
  find: resolveIdentityAndGroup,
  version: ({ identity }) => identity.version,
  async run(context, input, { identity, group }) {
    await refuseTakenName(context, `${group.path}/${identity.name}`, identity.id);
    const reach = await readReach(context.db, identity);
    const after = { ...reach, group_ids: [group.id, ...reach.group_ids.filter((id) => id !== identity.group_id)] };
    const dropped = await dropLostAssignments(
      context,
      identity,
      await listLostAssignments(context, identity, after),
      input.force,
    );
    await moveIdentity(context.db, identity.id, group.id);
    return { identity: attachSettings((await findIdentity(context.db, identity.id))!), dropped };
  },
  describe: (input, { identity, group }, { dropped }) => ({
    detail: { path: identityPath(identity), to: group.path, force: input.force, dropped },
  }),
};
