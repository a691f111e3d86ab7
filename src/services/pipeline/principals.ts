import { isId } from '../../core/ids.ts';
import { accountCaller, type Caller, userCaller } from '../../core/principals.ts';
import type { Queries } from '../../database/connections.ts';
import { findServiceAccount } from '../../store/machines/serviceaccounts.ts';
import { findUserById } from '../../store/people/users.ts';

export interface Principal {
  /** The login of a user, or the name of a service account. */
  name: string;
  organization_id: string | null;
  is_active: boolean;
  caller: Caller;
}

/** Returns the user or the service account with this id. */
export async function findPrincipal(db: Queries, id: string): Promise<Principal | undefined> {
  if (isId('user', id)) {
    const user = await findUserById(db, id);
    return user && { ...user, name: user.login, caller: userCaller(user) };
  }
  const account = await findServiceAccount(db, id);
  return account && { ...account, caller: accountCaller(account) };
}
