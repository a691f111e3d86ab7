import { isId } from '../../core/ids.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { findUser, findUserById, type User } from '../../store/people/users.ts';
import type { Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

/** Names any user, as operators and commands do. */
export interface NamedUser {
  /** A login, or the id of a user. */
  login: string;
  /** The name or the id of the organisation that the login is of; absent: of a user of no organisation. */
  organization?: string | undefined;
}

/**
 * Owners choose the logins of their users, and people choose their own at the identity provider. A login alone is therefore
 * never that of a user of an organisation: who is called `operator` there does not become one.
 */
export async function findNamedUser(context: Context, { login, organization }: NamedUser): Promise<User | undefined> {
  if (organization !== undefined)
    return await findUser(context.db, (await resolveOrganization(context, organization)).id, login);
  return isId('user', login) ? await findUserById(context.db, login) : await findUser(context.db, null, login);
}

/** Returns an organisation by id or name. Throws `not_found` for one that is not there, and for a group below one. */
export async function resolveOrganization(context: Context, ref: string): Promise<Namespace> {
  const organization = await findNamespace(context.db, 'group', ref);
  if (organization === undefined || organization.parent_id !== null) throw buildNotFoundError('organisation', ref);
  return organization;
}
