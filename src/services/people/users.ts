import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import { users } from '../../entities/users.ts';
import { deleteOpenLinks } from '../../store/people/adminlinks.ts';
import { hasAnyRole, listActiveOwners } from '../../store/people/memberships.ts';
import { endSignIns } from '../../store/people/useridentities.ts';
import { findUser, insertUser, listUsers, type User, updateUser } from '../../store/people/users.ts';
import { ownOrganization } from '../namespaces/namespaces.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { missing } from '../pipeline/rights.ts';

interface FoundUser extends Place {
  user: User;
}

/** Returns a user of the organisation by id or login; one of another organisation is `not_found`, as an unknown one is. */
export async function userOf(context: Context, organization_id: string | null, ref: string): Promise<User> {
  const user = organization_id === null ? undefined : await findUser(context.db, organization_id, ref);
  if (user === undefined) throw missing('user', ref);
  return user;
}

/** A user of the caller's organisation. */
async function userAt(context: Context, input: { ref: string }): Promise<FoundUser> {
  const place = await ownOrganization(context);
  const user = await userOf(context, place.organization_id, input.ref);
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
  find: ownOrganization,
  async run(context, input, { organization_id }) {
    const row: User = {
      id: context.id('user'),
      organization_id,
      ...input,
      is_operator: false,
      is_active: true,
      created_at: new Date(context.now),
      version: 1,
    };
    await refuseTakenLogin(context, organization_id, input.login);
    await context.admit('users', organization_id);
    await insertUser(context.db, row);
    return row;
  },
  describe: (_input, _place, row) => ({ user_id: row.id, target_id: row.id, detail: users.recorded(row) }),
};

export const getUser: Action<{ ref: string }, FoundUser, User> = {
  name: 'user.get',
  needs: 'member',
  changes: false,
  find: userAt,
  async run(context, input, { user }) {
    const only = await onlyPrincipal(context);
    if (only !== undefined && only !== user.id) throw missing('user', input.ref);
    return user;
  },
};

export const listAllUsers: Action<{ page: Page }, Place, User[]> = {
  name: 'user.list',
  needs: 'member',
  changes: false,
  find: ownOrganization,
  async run(context, { page }, { organization_id }) {
    return await listUsers(context.db, organization_id!, page, await onlyPrincipal(context));
  },
};

/**
 * Returns undefined for a caller with any role in the organisation: they see all people and teams. Returns the id of a
 * caller without one: they see themselves and the teams that they are in.
 */
export async function onlyPrincipal({ caller, db }: Context): Promise<string | undefined> {
  if (caller.kind === 'system') return undefined;
  const id = caller.id ?? '';
  return (await hasAnyRole(db, id)) ? undefined : id;
}

/** Deactivating a user stops issuing for them with the next request. */
export const changeUser: Action<Changed<typeof users> & { ref: string }, FoundUser, User> = {
  name: 'user.update',
  needs: 'user.manage',
  changes: true,
  find: userAt,
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

/** Throws `conflict` for the last active owner of an organisation, which nobody else could administer. */
export async function refuseLastOwner(context: Context, organization_id: string, user_id: string): Promise<void> {
  const owners = await listActiveOwners(context.db, organization_id);
  if (owners.length > 1 || !owners.includes(user_id)) return;
  throw new ArsiaError('conflict', 'This is the last active owner of the organisation.', {
    advice: 'Make somebody else an owner of the root group first.',
  });
}

export async function refuseTakenLogin(context: Context, organization_id: string | null, login: string): Promise<void> {
  if ((await findUser(context.db, organization_id, login)) === undefined) return;
  throw new ArsiaError('conflict', `The login ${login} is taken.`, {
    advice: 'Choose another login.',
    fields: [{ pointer: '/login', detail: 'is taken' }],
  });
}
