import type { Role } from '../../core/permissions.ts';
import { findNamespace, findOnlyOrganization } from '../../store/namespaces/namespaces.ts';
import { type Invitation, listLiveInvitations } from '../../store/people/invitations.ts';
import { listSignInUsers, listUserIdentities, type SignInUser } from '../../store/people/useridentities.ts';
import { findUser, type User } from '../../store/people/users.ts';
import type { Context, Place } from '../pipeline/action.ts';
import { findPrincipal } from '../pipeline/principals.ts';
import type { Person } from './signinperson.ts';
import { buildDeactivatedError, buildUninvitedError } from './signinrefusals.ts';
import { describeTie, listOpenTies, mayManageUsers, type OfferedTie } from './signinties.ts';

/** An invitation as the person sees it. */
export interface OfferedInvitation {
  id: string;
  /** The name of the organisation. */
  organization: string;
  role: Role | null;
  /** The path of the group or workspace that the role is for. */
  namespace: string | null;
  /** The login of the user or the name of the service account that invited. */
  invited_by: string;
}

/**
 * The users that a person can sign in as, and the organisations that the person can join. No organisation takes
 * precedence.
 */
export interface SignInOptions {
  users: { id: string; login: string; organization: string | null }[];
  invitations: OfferedInvitation[];
  /**
   * The name of the organisation that anyone joins at sign-in; null where the person is a user of it or there is none.
   */
  joinable: string | null;
  /** Users that owners have tied to the person. */
  ties: OfferedTie[];
  /**
   * The login of a user of the joinable organisation that is the person's address, and that nobody signs in as: an owner
   * created the user and did not tie it. Null where there is none.
   */
  namesake: string | null;
}

export type SignInChoice = { user: string } | { invitation: string } | { tie: string } | { join: true };

/** `anyone`: people who sign in join the only organisation. `invited`: people without an invitation are refused. */
export type SignInUsers = 'anyone' | 'invited';

/**
 * The place of a sign-in. It names the user where it can concern only one, so that the owners of that organisation see
 * the record.
 */
export interface FoundPerson extends Place {
  known: SignInUser[];
}

/**
 * Returns the choice of a person who has only one; undefined where the person must choose. Invitations and ties always need
 * a choice, and so does joining beside a user that has the person's address.
 */
export function findOnlyChoice({
  users,
  invitations,
  ties,
  joinable,
  namesake,
}: SignInOptions): SignInChoice | undefined {
  if (invitations.length + ties.length > 0 || namesake !== null || users.length + Number(joinable !== null) !== 1)
    return undefined;
  return users[0] === undefined ? { join: true } : { user: users[0].id };
}

export async function findPerson(context: Context, person: Person, choice?: SignInChoice): Promise<FoundPerson> {
  const known = await listSignInUsers(context.db, person.iss, person.sub);
  const named = known.filter(({ id }) => choice === undefined || ('user' in choice && choice.user === id));
  const [user] = named.length === 1 ? named : [];
  return {
    known,
    organization_id: user?.organization_id ?? null,
    lineage: [],
    recorded: { iss: person.iss },
    ...(user && { audit: { user_id: user.id, target_id: user.id } }),
  };
}

/** Returns what a person can choose between. Throws `user_inactive` or `sign_in_refused` where there is nothing. */
export async function readSignInOptions(
  context: Context,
  person: Person,
  known: readonly SignInUser[],
  users: SignInUsers,
): Promise<SignInOptions> {
  const active = known.filter((user) => user.is_active);
  const invitations = await listAcceptableInvitations(context, person, known);
  const joinable = users === 'anyone' ? await findJoinableOrganization(context, known) : undefined;
  const offered: OfferedInvitation[] = [];
  for (const invitation of invitations) offered.push(await describeInvitation(context, invitation));
  const ties = await listOpenTies(context, person, known);
  const tied: OfferedTie[] = [];
  for (const tie of ties) tied.push(await describeTie(context, tie));
  // An invitation or a tie to the same organisation gives more than joining does.
  const isInvited = [...invitations, ...ties.map(({ tie }) => tie)].some((one) => one.organization_id === joinable?.id);
  const mayJoin = joinable !== undefined && !isInvited;
  const options = {
    users: active.map(({ id, login, organization }) => ({ id, login, organization })),
    invitations: offered,
    ties: tied,
    joinable: mayJoin ? joinable.name : null,
    namesake: mayJoin ? ((await findNamesake(context, person, joinable.id))?.login ?? null) : null,
  };
  if (options.users.length + offered.length + tied.length > 0 || options.joinable !== null) return options;
  throw known.length > 0 ? buildDeactivatedError(known) : buildUninvitedError(person, users);
}

/**
 * Returns the live invitations of the person's address: to organisations where they have no user, and with a role also to
 * those where they are an active user. The inviter must still have the right to invite: owners who left must not return by
 * an invitation that they sent to themselves.
 */
export async function listAcceptableInvitations(
  context: Context,
  { verified_email }: Person,
  known: readonly SignInUser[],
): Promise<Invitation[]> {
  if (verified_email === null) return [];
  const open: Invitation[] = [];
  for (const invitation of await listLiveInvitations(context.db, verified_email, new Date(context.now))) {
    const { organization_id, invited_by, role } = invitation;
    const user = known.find((one) => one.organization_id === organization_id);
    if (user !== undefined && (!user.is_active || role === null)) continue;
    if (await mayManageUsers(context, invited_by, organization_id)) open.push(invitation);
  }
  return open;
}

/** Returns the organisation that anyone may join, unless the person has a user in it, active or not. */
export async function findJoinableOrganization(
  { db }: Context,
  known: readonly SignInUser[],
): Promise<{ id: string; name: string } | undefined> {
  const id = await findOnlyOrganization(db);
  if (id === undefined || known.some((user) => user.organization_id === id)) return undefined;
  const organization = await findNamespace(db, 'group', id);
  return organization && { id, name: organization.path };
}

/** Returns the user of an organisation whose login is the person's address, and as whom nobody signs in. */
export async function findNamesake(
  { db }: Context,
  { verified_email }: Person,
  organization_id: string,
): Promise<User | undefined> {
  const user = verified_email === null ? undefined : await findUser(db, organization_id, verified_email);
  if (user === undefined || (await listUserIdentities(db, { user_id: user.id })).length > 0) return undefined;
  return user;
}

async function describeInvitation({ db }: Context, invitation: Invitation): Promise<OfferedInvitation> {
  const { id, organization_id, namespace_id, role, invited_by } = invitation;
  const organization = await findNamespace(db, 'group', organization_id);
  const namespace = namespace_id === null ? undefined : await findNamespace(db, 'any', namespace_id);
  return {
    id,
    organization: organization!.path,
    role,
    namespace: namespace?.path ?? null,
    invited_by: (await findPrincipal(db, invited_by))?.name ?? invited_by,
  };
}
