import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { leafName, parentPath } from '../../core/namespace.ts';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import { serviceAccounts } from '../../entities/serviceaccounts.ts';
import {
  deleteSecrets,
  findServiceAccount,
  findServiceAccountByName,
  insertServiceAccount,
  listLiveSecretHashes,
  listServiceAccounts,
  type ServiceAccount,
  updateServiceAccount,
} from '../../store/machines/serviceaccounts.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { endSignIns } from '../../store/people/useridentities.ts';
import type { PrincipalFilter } from '../../store/people/users.ts';
import { type FoundNamespace, listVisibleRoots, resolveNamespace } from '../namespaces/namespaces.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

export interface FoundAccount extends Place {
  account: ServiceAccount;
}

/** Returns the service account with this id or path. */
export async function findServiceAccountByRef(db: Queries, ref: string): Promise<ServiceAccount | undefined> {
  if (isId('service_account', ref)) return await findServiceAccount(db, ref);
  return await findServiceAccountByName(db, parentPath(ref) ?? '', leafName(ref));
}

/** Finds a service account by id or path. Throws `not_found`. */
export async function resolveServiceAccount(context: Context, ref: string): Promise<FoundAccount> {
  const account = await findServiceAccountByRef(context.db, ref);
  const group = account && (await findNamespace(context.db, 'group', account.group_id));
  if (account === undefined || group === undefined) throw buildNotFoundError('service account', ref);
  return {
    account,
    organization_id: account.organization_id,
    lineage: group.lineage,
    named: { noun: 'service account', ref },
    audit: { target_id: account.id },
  };
}

export const createServiceAccount: Action<Created<typeof serviceAccounts>, FoundNamespace, ServiceAccount> = {
  name: 'service_account.create',
  needs: 'service_account.manage',
  changes: true,
  adds: ['service_accounts'],
  find: (context, input) => resolveNamespace(context, 'group', input.group),
  async run(context, { group: _group, ...given }, { namespace }) {
    if ((await findServiceAccountByName(context.db, namespace.path, given.name)) !== undefined)
      throw new ArsiaError('conflict', `There is already a service account ${given.name} in ${namespace.path}.`, {
        fields: [{ pointer: '/name', detail: 'is already used in this group' }],
      });
    await context.admit('service_accounts', namespace.organization_id);
    const row: ServiceAccount = {
      id: context.newId('service_account'),
      organization_id: namespace.organization_id,
      group_id: namespace.id,
      ...given,
      is_active: true,
      created_at: new Date(context.now),
      version: 1,
      deleted_at: null,
      deleted_path: null,
    };
    await insertServiceAccount(context.db, row);
    return row;
  },
  describe: (_input, { namespace }, row) => ({
    target_id: row.id,
    detail: { group: namespace.path, ...serviceAccounts.recorded(row) },
  }),
};

export const getServiceAccount: Action<{ ref: string }, FoundAccount, ServiceAccount> = {
  name: 'service_account.get',
  needs: 'service_account.view',
  changes: false,
  find: (context, input) => resolveServiceAccount(context, input.ref),
  run: async (_context, _input, { account }) => account,
};

export const listAllServiceAccounts: Action<PrincipalFilter & { page: Page }, Place, ServiceAccount[]> = {
  name: 'service_account.list',
  needs: 'member',
  changes: false,
  find: findOwnOrganization,
  async run(context, { page, ...filter }, { organization_id }) {
    const roots = await listVisibleRoots(context);
    if (roots.length === 0 || organization_id === null) return [];
    return await listServiceAccounts(context.db, { ...filter, organization_id, roots }, page);
  },
};

export const changeServiceAccount: Action<
  Changed<typeof serviceAccounts> & { ref: string; force: boolean },
  FoundAccount,
  ServiceAccount
> = {
  name: 'service_account.update',
  needs: 'service_account.manage',
  changes: true,
  find: (context, input) => resolveServiceAccount(context, input.ref),
  version: ({ account }) => account.version,
  async run(context, { ref: _ref, force, ...change }, { account }) {
    // Its tokens end for good: a leaked one must not become valid again when the account is activated again.
    if (change.is_active === false) await endSignIns(context.db, account.id);
    // An account with keys has no secrets: older ones would become valid again when its keys are removed.
    if (change.jwks) await dropSecrets(context, account, force);
    return await updateServiceAccount(context.db, account.id, change);
  },
  describe: ({ ref: _ref, force: _force, jwks, ...change }) => ({
    detail: { ...change, ...(jwks !== undefined && { keys: 'changed' }), ...(jwks && { secrets: 'deleted' }) },
  }),
};

/** Throws `conflict` where a secret could still be in use, unless forced. */
async function dropSecrets(context: Context, { id, name }: ServiceAccount, force: boolean): Promise<void> {
  const live = await listLiveSecretHashes(context.db, id, new Date(context.now));
  if (live.length > 0 && !force)
    throw new ArsiaError(
      'conflict',
      `Registering keys would delete the live client secrets of ${name}: ${live.length}.`,
      {
        advice: 'Delete them first, or add `?force=true`: whoever uses one is refused with the next request.',
        fields: [{ pointer: '/jwks', detail: 'would delete the client secrets' }],
      },
    );
  await deleteSecrets(context.db, id);
}
