import type { Page } from '../../database/page.ts';
import { type AliasAlong, type IdentityUse, listAliasesIn, listIdentityUses } from '../../store/identities/uses.ts';
import { listVisibleRoots } from '../namespaces/namespaces.ts';
import type { Action } from '../pipeline/action.ts';
import { type FoundIdentity, resolveIdentityToList } from './lookup.ts';

/** The assignment of an identity to a workspace. `alias` is null where the identity reaches the workspace from its own group. */
export type NamedUse = Omit<IdentityUse, 'lineage'> & { alias: Pick<AliasAlong, 'id' | 'path'> | null };

/** Lists the assignments of an identity to the workspaces that the caller sees, each with the alias by which it reaches. */
export const listUsesOfIdentity: Action<{ ref: string; page: Page }, FoundIdentity, NamedUse[]> = {
  name: 'managed_identity.list_uses',
  needs: 'managed_identity.view',
  changes: false,
  find: (context, input) => resolveIdentityToList(context, input.ref),
  async run(context, { page }, { identity }) {
    const roots = context.caller.kind === 'system' ? [identity.organization_id] : await listVisibleRoots(context);
    const uses = await listIdentityUses(context.db, identity, roots, page);
    const elsewhere = uses.filter(({ lineage }) => !lineage.includes(identity.group_id));
    const aliases = await listAliasesIn(context.db, identity.id, [
      ...new Set(elsewhere.flatMap(({ lineage }) => lineage)),
    ]);
    return uses.map(({ lineage, ...use }) => {
      const alias = lineage.includes(identity.group_id)
        ? undefined
        : aliases.find(({ group_id }) => lineage.includes(group_id));
      return { ...use, alias: alias === undefined ? null : { id: alias.id, path: alias.path } };
    });
  },
};
