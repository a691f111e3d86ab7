import { createHash } from 'node:crypto';
import { ArsiaError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import { day } from '../core/lifetimes.ts';
import { leafName, parentPath } from '../core/namespace.ts';
import { bytesOfRight } from '../core/quotas.ts';
import { findNamespace, type Page } from '../store/namespaces.ts';
import {
  deleteMayAct,
  deleteSecret,
  deleteSecrets,
  findMayAct,
  findServiceAccount,
  findServiceAccountByName,
  insertMayAct,
  insertSecret,
  insertServiceAccount,
  listMayAct,
  listServiceAccounts,
  type MayActRow,
  type ServiceAccount,
  updateServiceAccount,
} from '../store/principals.ts';
import { findTeam } from '../store/teams.ts';
import { endSignIns } from '../store/useridentities.ts';
import type { Action, Context, Place } from './action.ts';
import { type FoundNamespace, namespaceAt, ownOrganization, visibleRoots } from './namespaces.ts';
import { missing } from './rights.ts';
import { userOf } from './users.ts';

export interface FoundAccount extends Place {
  account: ServiceAccount;
}

const secretLifetime = 90 * day;

export async function serviceAccountAt(context: Context, ref: string): Promise<FoundAccount> {
  const account = isId('service_account', ref)
    ? await findServiceAccount(context.db, ref)
    : await findServiceAccountByName(context.db, parentPath(ref) ?? '', leafName(ref));
  const group = account && (await findNamespace(context.db, 'group', account.group_id));
  if (account === undefined || group === undefined) throw missing('service account', ref);
  return {
    account,
    organization_id: account.organization_id,
    lineage: group.lineage,
    named: { noun: 'service account', ref },
    audit: { target_id: account.id },
  };
}

export const createServiceAccount: Action<
  { name: string; group: string; description: string; jwks: ServiceAccount['jwks'] },
  FoundNamespace,
  ServiceAccount
> = {
  name: 'service_account.create',
  needs: 'service_account.manage',
  changes: true,
  adds: ['service_accounts'],
  find: (context, input) => namespaceAt(context, 'group', input.group),
  async run(context, input, { namespace }) {
    if ((await findServiceAccountByName(context.db, namespace.path, input.name)) !== undefined)
      throw new ArsiaError('conflict', `There is already a service account ${input.name} in ${namespace.path}.`, {
        fields: [{ pointer: '/name', detail: 'is taken in this group' }],
      });
    await context.admit('service_accounts', namespace.organization_id);
    const row: ServiceAccount = {
      id: context.id('service_account'),
      organization_id: namespace.organization_id,
      group_id: namespace.id,
      name: input.name,
      description: input.description,
      is_active: true,
      jwks: input.jwks,
      created_at: new Date(context.now),
      version: 1,
    };
    await insertServiceAccount(context.db, row);
    return row;
  },
  describe: (_input, { namespace }, row) => ({ target_id: row.id, detail: { group: namespace.path, name: row.name } }),
};

export const getServiceAccount: Action<{ ref: string }, FoundAccount, ServiceAccount> = {
  name: 'service_account.get',
  needs: 'service_account.view',
  changes: false,
  find: (context, input) => serviceAccountAt(context, input.ref),
  run: async (_context, _input, { account }) => account,
};

export const listAllServiceAccounts: Action<{ page: Page }, Place, ServiceAccount[]> = {
  name: 'service_account.list',
  needs: 'member',
  changes: false,
  find: ownOrganization,
  async run(context, input, { organization_id }) {
    const roots = await visibleRoots(context);
    if (roots.length === 0 || organization_id === null) return [];
    return await listServiceAccounts(context.db, { organization_id, roots }, input.page);
  },
};

export const changeServiceAccount: Action<
  {
    ref: string;
    description?: string | undefined;
    is_active?: boolean | undefined;
    jwks?: ServiceAccount['jwks'] | undefined;
  },
  FoundAccount,
  ServiceAccount
> = {
  name: 'service_account.update',
  needs: 'service_account.manage',
  changes: true,
  find: (context, input) => serviceAccountAt(context, input.ref),
  version: ({ account }) => account.version,
  async run(context, { ref: _ref, ...change }, { account }) {
    // Active again one day, it signs in again: a token that leaked comes not back to life.
    if (change.is_active === false) await endSignIns(context.db, account.id);
    // An account with keys has no secrets: those of before must not open it again on the day that its keys are removed.
    if (change.jwks) await deleteSecrets(context.db, account.id);
    return await updateServiceAccount(context.db, account.id, change);
  },
  describe: ({ ref: _ref, jwks, ...change }) => ({
    detail: { ...change, ...(jwks !== undefined && { keys: 'changed' }), ...(jwks && { secrets: 'deleted' }) },
  }),
};

export interface NewSecret {
  id: string;
  client_id: string;
  /** Told once, kept as a hash. */
  client_secret: string;
  expires_at: Date;
}

export const createSecret: Action<{ ref: string }, FoundAccount, NewSecret> = {
  name: 'service_account_secret.create',
  needs: 'service_account.manage',
  changes: true,
  // Two by default, so that a secret can be rotated without a gap.
  adds: ['secrets_per_service_account'],
  find: (context, input) => serviceAccountAt(context, input.ref),
  async run(context, _input, { account }) {
    const now = new Date(context.now);
    if (account.jwks !== null)
      throw new ArsiaError('conflict', `${account.name} authenticates by its registered keys alone.`, {
        advice: 'Remove its keys (PATCH with `"jwks": null`) before you make a secret.',
      });
    await context.admit('secrets_per_service_account', account.organization_id, account);
    const client_secret = `arsia_secret_${Buffer.from(context.random(32)).toString('base64url')}`;
    const row = {
      id: context.id('secret'),
      service_account_id: account.id,
      secret_hash: createHash('sha256').update(client_secret).digest(),
      expires_at: new Date(context.now + secretLifetime * 1000),
      created_at: now,
    };
    await insertSecret(context.db, row);
    return { id: row.id, client_id: account.id, client_secret, expires_at: row.expires_at };
  },
  describe: (_input, _found, secret) => ({ detail: { secret_id: secret.id, expires_at: secret.expires_at } }),
};

export const removeSecret: Action<{ ref: string; secret: string }, FoundAccount, void> = {
  name: 'service_account_secret.delete',
  needs: 'service_account.manage',
  changes: true,
  find: (context, input) => serviceAccountAt(context, input.ref),
  async run(context, input, { account }) {
    if (!(await deleteSecret(context.db, account.id, input.secret))) throw missing('secret', input.secret);
  },
  describe: (input) => ({ detail: { secret_id: input.secret } }),
};

interface FoundMayAct extends FoundAccount {
  right: MayActRow;
}

/** Owners let a launcher act for users on a group or workspace. */
export const createMayAct: Action<
  { ref: string; namespace: string; users: string[]; stages: string[]; labels: Record<string, string> },
  FoundAccount & { target: FoundNamespace },
  MayActRow
> = {
  name: 'may_act.create',
  needs: 'may_act.manage',
  changes: true,
  adds: ['may_act', 'may_act_per_service_account', 'may_act_bytes'],
  async find(context, input) {
    const target = await namespaceAt(context, 'any', input.namespace);
    await context.demand('namespace.view', target);
    const found = await serviceAccountAt(context, input.ref);
    // The right is granted on the namespace, so it is decided there; an account of another organisation looks unknown.
    if (found.organization_id !== target.organization_id) throw missing('service account', input.ref);
    return { ...target, account: found.account, target, audit: found.audit ?? {} };
  },
  async run(context, input, { account, target }) {
    const users: string[] = [];
    for (const ref of input.users) users.push(await actedFor(context, account, ref));
    const row: MayActRow = {
      id: context.id('may_act'),
      service_account_id: account.id,
      namespace_id: target.namespace.id,
      organization_id: account.organization_id,
      users,
      stages: input.stages,
      labels: input.labels,
      created_at: new Date(context.now),
    };
    const place = { id: `${account.id} ${target.namespace.id}`, name: `${account.name} on ${target.namespace.path}` };
    await context.admit('may_act', account.organization_id);
    await context.admit('may_act_per_service_account', account.organization_id, account);
    await context.admit('may_act_bytes', account.organization_id, place, bytesOfRight(row));
    await insertMayAct(context.db, row);
    return row;
  },
  describe: (input, { target }, row) => ({
    detail: {
      may_act_id: row.id,
      namespace: target.namespace.path,
      users: row.users,
      stages: input.stages,
      labels: input.labels,
    },
  }),
};

/** A user or a team of the organisation, everyone, or the account itself: for the stages and labels of its own jobs. */
async function actedFor(context: Context, account: ServiceAccount, ref: string): Promise<string> {
  if (ref === '*' || ref === account.id) return ref;
  if (isId('team', ref)) {
    const team = await findTeam(context.db, account.organization_id, ref);
    if (team === undefined) throw missing('team', ref);
    return team.id;
  }
  return (await userOf(context, account.organization_id, ref)).id;
}

export const listRightsToAct: Action<{ ref: string; page: Page }, FoundAccount, MayActRow[]> = {
  name: 'may_act.list',
  needs: 'service_account.view',
  changes: false,
  find: (context, input) => serviceAccountAt(context, input.ref),
  run: (context, { page }, { account }) => listMayAct(context.db, account.id, page),
};

export const removeMayAct: Action<{ ref: string; id: string }, FoundMayAct, void> = {
  name: 'may_act.delete',
  needs: 'may_act.manage',
  changes: true,
  async find(context, input) {
    const found = await serviceAccountAt(context, input.ref);
    const right = await findMayAct(context.db, found.account.id, input.id);
    // Who granted it owns the place, and may not see the group of the account.
    if (right === undefined) await context.demand('service_account.view', found);
    if (right === undefined) throw missing('right to act', input.id);
    const { lineage } = await namespaceAt(context, 'any', right.namespace_id);
    return { ...found, lineage, right };
  },
  run: (context, _input, { right }) => deleteMayAct(context.db, right.id),
  describe: (_input, { right }) => ({ detail: { may_act_id: right.id, namespace_id: right.namespace_id } }),
};
