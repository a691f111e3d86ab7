import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import type { ServiceAccount } from '../../store/machines/serviceaccounts.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { findTeam, type Team } from '../../store/people/teams.ts';
import { findUser, type User } from '../../store/people/users.ts';
import { findServiceAccountByRef } from '../machines/serviceaccounts.ts';
import type { Context } from '../pipeline/action.ts';

/** How requests name principals, for advice. */
export const principalForms =
  'Name a user by id or login, a team by id or name, and a service account by id or by its path, such as acme/lab/launcher.';

/**
 * Finds a user, a team or a service account of the organisation. Returns undefined where it has none such, or where the path
 * is that of a service account that the caller may not see. Throws `invalid_request` where a user and a team have the name.
 */
export async function findPrincipalId(
  context: Context,
  organization_id: string,
  ref: string,
  pointer = '/principal',
): Promise<string | undefined> {
  const found =
    isId('service_account', ref) || ref.includes('/')
      ? await findVisibleAccount(context, organization_id, ref)
      : await findUserOrTeam(context, organization_id, ref, pointer);
  return found?.id;
}

/**
 * Finds a service account of the organisation by id or path. A path is found only where the caller may see the account: else
 * paths could be tried out. An id cannot be guessed.
 */
export async function findVisibleAccount(
  context: Context,
  organization_id: string,
  ref: string,
): Promise<ServiceAccount | undefined> {
  const account = await findServiceAccountByRef(context.db, ref);
  if (account?.organization_id !== organization_id) return undefined;
  if (isId('service_account', ref) || account.id === context.caller.id) return account;
  const group = await findNamespace(context.db, 'group', account.group_id);
  const isVisible = group && (await context.can('service_account.view', { organization_id, lineage: group.lineage }));
  return isVisible ? account : undefined;
}

/**
 * Finds a user by id or login, or a team by id or name. Throws `invalid_request` where both have the name: the request could
 * mean either.
 */
export async function findUserOrTeam(
  context: Context,
  organization_id: string,
  ref: string,
  pointer: string,
): Promise<User | Team | undefined> {
  const user = isId('team', ref) ? undefined : await findUser(context.db, organization_id, ref);
  const team = isId('user', ref) ? undefined : await findTeam(context.db, organization_id, ref);
  if (user !== undefined && team !== undefined)
    throw new ArsiaError('invalid_request', `There is a user and a team with the name ${JSON.stringify(ref)}.`, {
      advice: `Send the id: ${user.id} for the user, ${team.id} for the team.`,
      fields: [{ pointer, detail: 'names a user and a team' }],
    });
  return user ?? team;
}
