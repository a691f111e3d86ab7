import { isId } from '../../core/ids.ts';
import { countRightBytes } from '../../core/quotas.ts';
import type { Page } from '../../database/page.ts';
import type { Created } from '../../entities/entity.ts';
import { mayAct } from '../../entities/mayact.ts';
import { deleteMayAct, findMayAct, insertMayAct, listMayAct, type MayActRow } from '../../store/machines/mayact.ts';
import type { ServiceAccount } from '../../store/machines/serviceaccounts.ts';
import { type FoundNamespace, resolveNamespace } from '../namespaces/namespaces.ts';
import { findUserOrTeam } from '../people/principalrefs.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type FoundAccount, findServiceAccountByRef, resolveServiceAccount } from './serviceaccounts.ts';

interface FoundMayAct extends FoundAccount {
  right: MayActRow;
}

/** Grants a launcher the right to act for users on a group or workspace. */
export const createMayAct: Action<
  Created<typeof mayAct> & { ref: string },
  FoundAccount & { target: FoundNamespace },
  MayActRow
> = {
  name: 'may_act.create',
  needs: 'may_act.manage',
  changes: true,
  adds: ['may_act', 'may_act_per_service_account', 'may_act_bytes'],
  async find(context, input) {
    const target = await resolveNamespace(context, 'any', input.namespace);
    await context.demand('namespace.view', target);
    const found = await resolveServiceAccount(context, input.ref);
    // The right is granted on the namespace, so the caller needs the permission there. An account of another
    // organisation gets `not_found`.
    if (found.organization_id !== target.organization_id) throw buildNotFoundError('service account', input.ref);
    return { ...target, account: found.account, target, audit: found.audit ?? {} };
  },
  async run(context, { ref: _ref, namespace: _namespace, ...given }, { account, target }) {
    const users: string[] = [];
    for (const [index, ref] of given.users.entries())
      users.push(await resolveUserOrTeam(context, account, ref, `/users/${index}`));
    const row: MayActRow = {
      id: context.newId('may_act'),
      service_account_id: account.id,
      namespace_id: target.namespace.id,
      organization_id: account.organization_id,
      ...given,
      users,
      created_at: new Date(context.now),
    };
    const place = { id: `${account.id} ${target.namespace.id}`, name: `${account.name} on ${target.namespace.path}` };
    await context.admit('may_act', account.organization_id);
    await context.admit('may_act_per_service_account', account.organization_id, account);
    await context.admit('may_act_bytes', account.organization_id, place, countRightBytes(row));
    await insertMayAct(context.db, row);
    return row;
  },
  describe: (_input, { target }, row) => ({
    detail: { may_act_id: row.id, namespace: target.namespace.path, ...mayAct.recorded(row) },
  }),
};

/**
 * Returns the id of a user or team of the organisation (by id, login or name), `*` for everyone, or the account itself (the stages and labels
 * of its own jobs).
 */
async function resolveUserOrTeam(
  context: Context,
  account: ServiceAccount,
  ref: string,
  pointer: string,
): Promise<string> {
  if (ref === '*' || ref === account.id) return ref;
  if (ref.includes('/') && (await findServiceAccountByRef(context.db, ref))?.id === account.id) return account.id;
  const found = await findUserOrTeam(context, account.organization_id, ref, pointer);
  if (found === undefined) throw buildNotFoundError(isId('team', ref) ? 'team' : 'user or team', ref);
  return found.id;
}

export const listRightsToAct: Action<{ ref: string; page: Page }, FoundAccount, MayActRow[]> = {
  name: 'may_act.list',
  needs: 'service_account.view',
  changes: false,
  find: (context, input) => resolveServiceAccount(context, input.ref),
  run: (context, { page }, { account }) => listMayAct(context.db, account.id, page),
};

export const removeMayAct: Action<{ ref: string; id: string }, FoundMayAct, void> = {
  name: 'may_act.delete',
  needs: 'may_act.manage',
  changes: true,
  async find(context, input) {
    const found = await resolveServiceAccount(context, input.ref);
    const right = await findMayAct(context.db, found.account.id, input.id);
    // An owner of the namespace may have granted it without a role in the group of the account.
    if (right === undefined) await context.demand('service_account.view', found);
    if (right === undefined) throw buildNotFoundError('right to act', input.id);
    const { lineage } = await resolveNamespace(context, 'any', right.namespace_id);
    return { ...found, lineage, right };
  },
  run: (context, _input, { right }) => deleteMayAct(context.db, right.id),
  describe: (_input, { right }) => ({ detail: { may_act_id: right.id, namespace_id: right.namespace_id } }),
};
