import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import { users } from '../../entities/users.ts';
import { deleteOpenLinks } from '../../store/people/adminlinks.ts';
import { hasAnyRole, listActiveOwners } from '../../store/people/memberships.ts';
import { endSignIns } from '../../store/people/useridentities.ts';
import {
  findUser,
  insertUser,
  listUsers,
  type PrincipalFilter,
  type User,
  updateUser,
} from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

interface FoundUser extends Place {
  user: User;
}

/**
 * Returns a user of the organisation by id or login. Throws `not_found` where it has none such, also for a user of
 * another organisation.
 */
export async function resolveUserIn(context: Context, organization_id: string | null, ref: string): Promise<User> {
  const user = organization_id === null ? undefined : await findUser(context.db, organization_id, ref);
  if (user === undefined) throw buildNotFoundError('user', ref);
  return user;
}

/** Finds a user of the caller's organisation by id or login. Throws `not_found`. */
async function resolveUser(context: Context, input: { ref: string }): Promise<FoundUser> {
  const place = await findOwnOrganization(context);
  const user = await resolveUserIn(context, place.organization_id, input.ref);
  return {
    ...place,
    user,
    named: { noun: 'user', ref: input.ref },
    audit: { user_id: user.id, target_id: user.id },
  };
}

export const createUser: Action<Created<typeof users>, Place, User> = {
  name: 'user.create',
  needs: 'user.manage',
  changes: true,
  adds: ['users'],
  find: findOwnOrganization,
  async run(context, input, { organization_id }) {
    await refuseTakenLogin(context, organization_id, input.login);
    await context.admit('users', organization_id);
    return await insertNewUser(context, organization_id, input);
  },
  describe: (_input, _place, row) => ({ user_id: row.id, target_id: row.id, detail: users.recorded(row) }),
};

/** Adds an active user who is no operator. Checks neither quotas nor whether the login is free. */
export async function insertNewUser(
  context: Context,
  organization_id: string | null,
  { login, display_name }: Pick<User, 'login' | 'display_name'>,
): Promise<User> {
  const user: User = {
    id: context.newId('user'),
    organization_id,
    login,
    display_name,
    is_operator: false,
    is_active: true,
    created_at: new Date(context.now),
    version: 1,
  };
  await insertUser(context.db, user);
  return user;
}

export const getUser: Action<{ ref: string }, FoundUser, User> = {
  name: 'user.get',
  needs: 'member',
  changes: false,
  find: resolveUser,
  async run(context, input, { user }) {
    const only = await findOnlyVisiblePrincipal(context);
    if (only !== undefined && only !== user.id) throw buildNotFoundError('user', input.ref);
    return user;
  },
};

export const listAllUsers: Action<PrincipalFilter & { page: Page }, Place, User[]> = {
  name: 'user.list',
  needs: 'member',
  changes: false,
  find: findOwnOrganization,
  async run(context, { page, ...filter }, { organization_id }) {
    return await listUsers(context.db, organization_id!, page, await findOnlyVisiblePrincipal(context), filter);
  },
};

/**
 * Returns undefined for a caller with a role in the organisation, who sees all people and teams. Returns the id of a
 * caller without a role, who sees only themselves and their teams.
 */
export async function findOnlyVisiblePrincipal({ caller, db }: Context): Promise<string | undefined> {
  if (caller.kind === 'system') return undefined;
  const id = caller.id ?? '';
  return (await hasAnyRole(db, id)) ? undefined : id;
}

/** Changes a user. After a deactivation, nothing is issued for the user from the next request on. */
export const changeUser: Action<Changed<typeof users> & { ref: string }, FoundUser, User> = {
  name: 'user.update',
  needs: 'user.manage',
  changes: true,
  find: resolveUser,
  version: ({ user }) => user.version,
  async run(context, { ref: _ref, ...change }, { user }) {
    if (change.is_active === false) {
      await refuseLastOwner(context, user.organization_id!, user.id);
      // Sign-ins and links end for good: a user who is activated again must sign in again.
      await endSignIns(context.db, user.id);
      await deleteOpenLinks(context.db, user.id);
    }
    return await updateUser(context.db, user.id, change);
  },
  describe: ({ ref: _ref, ...change }) => ({ detail: change }),
};

/** Throws `conflict` for the last active owner of an organisation: without one, no member can administer it. */
export async function refuseLastOwner(context: Context, organization_id: string, user_id: string): Promise<void> {
  const owners = await listActiveOwners(context.db, organization_id);
  if (owners.length > 1 || !owners.includes(user_id)) return;
  throw new ArsiaError('conflict', 'This is the last active owner of the organisation.', {
    advice: 'Make another user an owner of the root group first.',
  });
}

export async function refuseTakenLogin(context: Context, organization_id: string | null, login: string): Promise<void> {
  if ((await findUser(context.db, organization_id, login)) === undefined) return;
  throw new ArsiaError('conflict', `There is already a user with the login ${login}.`, {
    advice: 'Choose another login.',
    fields: [{ pointer: '/login', detail: 'is already used' }],
  });
}
