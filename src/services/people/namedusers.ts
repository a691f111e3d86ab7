import { isId } from '../../core/ids.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { findUser, findUserById, type User } from '../../store/people/users.ts';
import type { Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

/** The user that an operator or a command names. */
export interface NamedUser {
  /** A login, or the id of a user. */
  login: string;
  /** The name or the id of the user's organisation; absent: a user of no organisation. */
  organization?: string | undefined;
}

/**
 * Finds a user by id, or by login and organisation. Owners choose the logins of their users, and people choose their
 * own at the identity provider. A login without an organisation therefore never matches a user of an organisation:
 * otherwise a user with the login `operator` could become an operator.
 */
export async function findNamedUser(context: Context, { login, organization }: NamedUser): Promise<User | undefined> {
  if (organization !== undefined)
    return await findUser(context.db, (await resolveOrganization(context, organization)).id, login);
  return isId('user', login) ? await findUserById(context.db, login) : await findUser(context.db, null, login);
}

/**
 * Returns an organisation by id or name. Throws `not_found` where it does not exist, and for a group below an
 * organisation.
 */
export async function resolveOrganization(context: Context, ref: string): Promise<Namespace> {
  const organization = await findNamespace(context.db, 'group', ref);
  if (organization === undefined || organization.parent_id !== null) throw buildNotFoundError('organisation', ref);
  return organization;
}
