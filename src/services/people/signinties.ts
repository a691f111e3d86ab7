import { decide } from '../../core/permissions.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { listMembershipsOf } from '../../store/people/memberships.ts';
import { listUserIdentities, type SignInUser } from '../../store/people/useridentities.ts';
import { findUser, type User } from '../../store/people/users.ts';
import { listUserTiesOf, takeUserTie, type UserTie } from '../../store/people/userties.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findPrincipal } from '../pipeline/principals.ts';
import type { Person } from './signinperson.ts';
import { buildClosedOfferError } from './signinrefusals.ts';

/** A user that an owner has tied to the person, as the person sees it. */
export interface OfferedTie {
  id: string;
  login: string;
  /** The name of the organisation. */
  organization: string;
  /** The login of the user or the name of the service account that made the tie. */
  created_by: string;
}

/** A tie with the user whom it opens. */
interface OpenTie {
  tie: UserTie;
  user: User;
}

/**
 * Returns the live ties of the person, to users of organisations where they have no user yet. Whoever made the tie must
 * still have the right to do so. No tie opens a user who is deactivated, who became an operator, or as whom somebody
 * signs in already.
 */
export async function listOpenTies(context: Context, person: Person, known: readonly SignInUser[]): Promise<OpenTie[]> {
  const { db, now } = context;
  const open: OpenTie[] = [];
  for (const tie of await listUserTiesOf(db, person, new Date(now))) {
    const { organization_id, user_id, created_by } = tie;
    if ([...known, ...open.map(({ user }) => user)].some((user) => user.organization_id === organization_id)) continue;
    const user = await findUser(db, organization_id, user_id);
    if (user === undefined || !user.is_active || user.is_operator) continue;
    if ((await listUserIdentities(db, { user_id })).length > 0) continue;
    if (await mayManageUsers(context, created_by, organization_id)) open.push({ tie, user });
  }
  return open;
}

/** Returns whether an active principal has the right to manage the users of an organisation. */
export async function mayManageUsers({ db }: Context, principal_id: string, organization_id: string): Promise<boolean> {
  const principal = await findPrincipal(db, principal_id);
  const memberships = await listMembershipsOf(db, principal_id, [organization_id]);
  return principal?.is_active === true && decide('user.manage', [organization_id], memberships) === 'allow';
}

export async function describeTie({ db }: Context, { tie, user }: OpenTie): Promise<OfferedTie> {
  const organization = await findNamespace(db, 'group', tie.organization_id);
  return {
    id: tie.id,
    login: user.login,
    organization: organization!.path,
    created_by: (await findPrincipal(db, tie.created_by))?.name ?? tie.created_by,
  };
}

/** Uses a tie. Throws `sign_in_refused` where it is not open: of concurrent sign-ins exactly one gets the user. */
export async function useTie(
  context: Context,
  person: Person,
  id: string,
  known: readonly SignInUser[],
): Promise<OpenTie> {
  const open = (await listOpenTies(context, person, known)).find(({ tie }) => tie.id === id);
  if (open === undefined || !(await takeUserTie(context.db, id))) throw buildClosedOfferError('tie');
  return open;
}

/** Deletes a tie at the wish of its person. */
export const declineTie: Action<{ person: Person; id: string }, Place, UserTie> = {
  name: 'user_tie.decline',
  needs: 'anyone',
  changes: true,
  find: async (_context, { person }) => ({ organization_id: null, lineage: [], recorded: { iss: person.iss } }),
  async run({ db, now }, { person, id }) {
    const tie = (await listUserTiesOf(db, person, new Date(now))).find((one) => one.id === id);
    if (tie === undefined || !(await takeUserTie(db, id))) throw buildClosedOfferError('tie');
    return tie;
  },
  describe: (_input, _place, { id, organization_id, user_id, email }) => ({
    organization_id,
    user_id,
    target_id: user_id,
    detail: { tie: id, ...(email !== null && { email }) },
  }),
};
