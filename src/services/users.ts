import { ArsiaError } from '../core/errors.ts';
import { activeOwners } from '../store/memberships.ts';
import type { Page } from '../store/namespaces.ts';
import { findUser, insertUser, listUsers, type User, updateUser } from '../store/principals.ts';
import { endSignIns } from '../store/useridentities.ts';
import { type Action, type Context, missing, type Place } from './action.ts';
import { ownOrganization } from './namespaces.ts';

interface FoundUser extends Place {
  user: User;
}

/** A user of the caller's organisation, by id or login; one of another organisation looks unknown. */
export async function userAt(context: Context, ref: string): Promise<FoundUser> {
  const user = await findUser(context.db, ref);
  if (user === undefined || user.organization_id === null) throw missing('user', ref);
  return {
    user,
    organization_id: user.organization_id,
    lineage: [user.organization_id],
    named: { noun: 'user', ref },
    audit: { user_id: user.id, target_id: user.id },
  };
}

export const createUser: Action<{ login: string; display_name: string }, Place, User> = {
  name: 'user.create',
  needs: 'user.manage',
  changes: true,
  adds: ['users'],
  find: ownOrganization,
  async run(context, input, { organization_id }) {
    const row: User = {
      id: context.id('user'),
      organization_id,
      login: input.login,
      display_name: input.display_name,
      is_operator: false,
      is_active: true,
      created_at: new Date(context.now),
      version: 1,
    };
    await refuseTakenLogin(context, input.login);
    await context.admit('users', organization_id);
    await insertUser(context.db, row);
    return row;
  },
  describe: (_input, _place, row) => ({ user_id: row.id, target_id: row.id, detail: { login: row.login } }),
};

export const getUser: Action<{ ref: string }, FoundUser, User> = {
  name: 'user.get',
  needs: 'member',
  changes: false,
  find: (context, input) => userAt(context, input.ref),
  run: async (_context, _input, { user }) => user,
};

export const listAllUsers: Action<{ page: Page }, Place, User[]> = {
  name: 'user.list',
  needs: 'member',
  changes: false,
  find: ownOrganization,
  run: async (context, input, { organization_id }) => await listUsers(context.db, organization_id!, input.page),
};

/** Deactivating a user stops issuing for them with the next request. */
export const changeUser: Action<
  { ref: string; display_name?: string | undefined; is_active?: boolean | undefined },
  FoundUser,
  User
> = {
  name: 'user.update',
  needs: 'user.manage',
  changes: true,
  find: (context, input) => userAt(context, input.ref),
  version: ({ user }) => user.version,
  async run(context, input, { user }) {
    if (input.is_active === false) {
      await refuseLastOwner(context, user.organization_id!, user.id);
      // Active again one day, they sign in again: what they held comes not back to life.
      await endSignIns(context.db, user.id);
    }
    return await updateUser(context.db, user.id, { display_name: input.display_name, is_active: input.is_active });
  },
  describe: ({ ref: _ref, ...change }) => ({ detail: change }),
};

/** An organisation without an owner could be run by nobody: the last active one stays. */
export async function refuseLastOwner(context: Context, organization_id: string, user_id: string): Promise<void> {
  const owners = await activeOwners(context.db, organization_id);
  if (owners.length > 1 || !owners.includes(user_id)) return;
  throw new ArsiaError('conflict', 'This is the last active owner of the organisation.', {
    advice: 'Make somebody else an owner of the root group first.',
  });
}

export async function refuseTakenLogin(context: Context, login: string): Promise<void> {
  if ((await findUser(context.db, login)) === undefined) return;
  throw new ArsiaError('conflict', `The login ${login} is taken.`, {
    advice: 'Choose another login.',
    fields: [{ pointer: '/login', detail: 'is taken' }],
  });
}
