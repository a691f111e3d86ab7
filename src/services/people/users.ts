import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { loginTombstone } from '../../core/lifetimes.ts';
import type { Page } from '../../database/page.ts';
import type { Changed } from '../../entities/entity.ts';
import type { users } from '../../entities/users.ts';
import { deleteOpenLinks } from '../../store/people/adminlinks.ts';
import { reserveLogin } from '../../store/people/logins.ts';
import { hasAnyRole, listActiveOwners } from '../../store/people/memberships.ts';
import { endSignIns } from '../../store/people/useridentities.ts';
import {
  findUser,
  findUserOrDeleted,
  insertUser,
  listUsers,
  type PrincipalFilter,
  type User,
  updateUser,
} from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { claimLogin } from './logins.ts';

export interface FoundUser extends Place {
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

/**
 * Finds a user of the caller's organisation by id or login, a deleted one by its id only. Throws `not_found`. An action
 * that changes the user calls `refuseDeleted`.
 */
export async function resolveUser(context: Context, { ref }: { ref: string }): Promise<FoundUser> {
  const place = await findOwnOrganization(context);
  const { organization_id } = place;
  const user =
    organization_id !== null && isId('user', ref)
      ? await findUserOrDeleted(context.db, organization_id, ref)
      : await resolveUserIn(context, organization_id, ref);
  if (user === undefined) throw buildNotFoundError('user', ref);
  return {
    ...place,
    user,
    named: { noun: 'user', ref },
    audit: { user_id: user.id, target_id: user.id },
  };
}

/** Throws `conflict` for a deleted user, and names the user that took over. */
export function refuseDeleted({ login, deleted_at, merged_into }: User): void {
  if (deleted_at === null) return;
  const day = deleted_at.toISOString().slice(0, 10);
  if (merged_into === null)
    throw new ArsiaError('conflict', `User ${login} was deleted on ${day}.`, {
      advice: 'Deleted users do not return. Create another user.',
    });
  throw new ArsiaError('conflict', `User ${login} was merged into ${merged_into} on ${day}.`, {
    advice: `Name the user ${merged_into}.`,
  });
}

/** Throws `conflict` for an operator: what an owner does to a user must not change who operates the installation. */
export function refuseOperator(user: User): void {
  if (!user.is_operator) return;
  throw new ArsiaError('conflict', `${user.login} is an operator of the installation.`, {
    advice: `Run \`arsia server admin dismiss --login ${user.id}\` on the server first.`,
  });
}

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
    deleted_at: null,
    merged_into: null,
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

/**
 * Changes a user. After a deactivation, nothing is issued for the user from the next request on. After a rename, the
 * former login is reserved for 30 days.
 */
export const changeUser: Action<Changed<typeof users> & { ref: string }, FoundUser, User> = {
  name: 'user.update',
  needs: 'user.manage',
  changes: true,
  adds: ['former_logins_per_user'],
  find: resolveUser,
  version: ({ user }) => user.version,
  async run(context, { ref: _ref, ...change }, { user }) {
    refuseDeleted(user);
    if (change.login !== undefined && change.login !== user.login) await renameUser(context, user, change.login);
    if (change.is_active === false) {
      await refuseLastOwner(context, user.organization_id!, user.id);
      // Sign-ins and links end for good: a user who is activated again must sign in again.
      await endSignIns(context.db, user.id);
      await deleteOpenLinks(context.db, user.id);
    }
    return await updateUser(context.db, user.id, change);
  },
  describe: ({ ref: _ref, ...change }, { user }) => ({
    detail: { ...change, ...(change.login !== undefined && { former_login: user.login }) },
  }),
};

/** Frees the new login and reserves the former one. An operator keeps the login by which commands of the server name them. */
async function renameUser(context: Context, user: User, login: string): Promise<void> {
  refuseOperator(user);
  const organization_id = user.organization_id!;
  await claimLogin(context, organization_id, login, user);
  await context.admit('former_logins_per_user', organization_id, { id: user.id, name: user.login });
  const expires_at = new Date(context.now + loginTombstone * 1000);
  await reserveLogin(context.db, { organization_id, login: user.login, user_id: user.id, expires_at });
}

/** Throws `conflict` for the last active owner of an organisation: without one, no member can administer it. */
export async function refuseLastOwner(context: Context, organization_id: string, user_id: string): Promise<void> {
  const owners = await listActiveOwners(context.db, organization_id);
  if (owners.length > 1 || !owners.includes(user_id)) return;
  throw new ArsiaError('conflict', 'This is the last active owner of the organisation.', {
    advice: 'Make another user an owner of the root group first.',
  });
}
