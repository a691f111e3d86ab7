import { isId } from '../../core/ids.ts';
import { countRightBytes } from '../../core/quotas.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import { mayAct } from '../../entities/mayact.ts';
import {
  deleteMayAct,
  findMayAct,
  insertMayAct,
  listMayAct,
  type MayActRow,
  updateMayAct,
} from '../../store/machines/mayact.ts';
import type { ServiceAccount } from '../../store/machines/serviceaccounts.ts';
import { type FoundNamespace, resolveNamespace } from '../namespaces/namespaces.ts';
import { findUserOrTeam } from '../people/principalrefs.ts';
import type { Action, Context } from '../pipeline/action.ts';
import type { QuotaHolderRef } from '../pipeline/admit.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type FoundAccount, findServiceAccountByRef, resolveServiceAccount } from './serviceaccounts.ts';

interface FoundMayAct extends FoundAccount {
  right: MayActRow;
  target: FoundNamespace;
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
    const users = await resolveUsers(context, account, given.users);
    const row: MayActRow = {
      id: context.newId('may_act'),
      service_account_id: account.id,
      namespace_id: target.namespace.id,
      organization_id: account.organization_id,
      ...given,
      users,
      created_at: new Date(context.now),
      version: 1,
    };
    await context.admit('may_act', account.organization_id);
    await context.admit('may_act_per_service_account', account.organization_id, account);
    await context.admit('may_act_bytes', account.organization_id, toBytesHolder(account, target), countRightBytes(row));
    await insertMayAct(context.db, row);
    return row;
  },
  describe: (_input, { target }, row) => ({
    detail: { may_act_id: row.id, namespace: target.namespace.path, ...mayAct.recorded(row) },
  }),
};

/** Returns the holder of the quota of bytes: the rights of one account on one namespace. */
function toBytesHolder(account: ServiceAccount, { namespace }: FoundNamespace): QuotaHolderRef {
  return { id: `${account.id} ${namespace.id}`, name: `${account.name} on ${namespace.path}` };
}

async function resolveUsers(context: Context, account: ServiceAccount, refs: readonly string[]): Promise<string[]> {
  const users: string[] = [];
  for (const [index, ref] of refs.entries())
    users.push(await resolveUserOrTeam(context, account, ref, `/users/${index}`));
  return users;
}

/**
 * Returns the id of a user or team of the organisation (by id, login or name), `*` for everyone, or the account itself
 * (the stages and labels of its own jobs).
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

/** Changes users, stages and labels of a right to act. Jobs that it no longer covers lose it with their next request. */
export const changeMayAct: Action<Changed<typeof mayAct> & { ref: string; id: string }, FoundMayAct, MayActRow> = {
  name: 'may_act.update',
  needs: 'may_act.manage',
  changes: true,
  adds: ['may_act_bytes'],
  find: resolveMayAct,
  version: ({ right }) => right.version,
  async run(context, input, { account, right, target }) {
    const after = {
      users: input.users === undefined ? right.users : await resolveUsers(context, account, input.users),
      stages: input.stages ?? right.stages,
      labels: input.labels ?? right.labels,
    };
    const more = countRightBytes(after) - countRightBytes(right);
    if (more > 0) await context.admit('may_act_bytes', account.organization_id, toBytesHolder(account, target), more);
    return await updateMayAct(context.db, right.id, after);
  },
  describe: (_input, { right, target }, row) => ({
    detail: {
      may_act_id: right.id,
      namespace: target.namespace.path,
      before: mayAct.recorded(right),
      ...mayAct.recorded(row),
    },
  }),
};

export const removeMayAct: Action<{ ref: string; id: string }, FoundMayAct, void> = {
  name: 'may_act.delete',
  needs: 'may_act.manage',
  changes: true,
  find: resolveMayAct,
  version: ({ right }) => right.version,
  run: (context, _input, { right }) => deleteMayAct(context.db, right.id),
  describe: (_input, { right }) => ({ detail: { may_act_id: right.id, namespace_id: right.namespace_id } }),
};

async function resolveMayAct(context: Context, input: { ref: string; id: string }): Promise<FoundMayAct> {
  const found = await resolveServiceAccount(context, input.ref);
  const right = await findMayAct(context.db, found.account.id, input.id);
  // An owner of the namespace may have granted it without a role in the group of the account.
  if (right === undefined) await context.demand('service_account.view', found);
  if (right === undefined) throw buildNotFoundError('right to act', input.id);
  const target = await resolveNamespace(context, 'any', right.namespace_id);
  return { ...found, lineage: target.lineage, right, target };
}
