import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { decide, type Role } from '../../core/permissions.ts';
import { findServiceAccount } from '../../store/machines/serviceaccounts.ts';
import { findNamespace, findOnlyOrganization } from '../../store/namespaces/namespaces.ts';
import { type Invitation, listLiveInvitations } from '../../store/people/invitations.ts';
import { listMembershipsOf } from '../../store/people/memberships.ts';
import { listSignInUsers, type SignInUser } from '../../store/people/useridentities.ts';
import { findUserById } from '../../store/people/users.ts';
import type { Context, Place } from '../pipeline/action.ts';

/** A person as the identity provider vouches for them, after every check of its answer. */
export interface Person {
  iss: string;
  sub: string;
  /** Canonical form of the e-mail address; null unless the provider says that it verified it. */
  verified_email: string | null;
  username: string | null;
  display_name: string;
  /** The groups claim; null where none is configured. */
  teams: string[] | null;
}

/** An invitation as the person is shown it. */
export interface OfferedInvitation {
  id: string;
  /** The name of the organisation. */
  organization: string;
  role: Role | null;
  /** The path of the group or workspace that the role is for. */
  namespace: string | null;
  /** The login or the name of whoever invited. */
  invited_by: string;
}

/**
 * The users that a person can sign in as, and the organisations that the person can join. No organisation takes precedence.
 */
export interface SignInOptions {
  users: { id: string; login: string; organization: string | null }[];
  invitations: OfferedInvitation[];
  /** The name of the organisation that anyone joins who signs in, where the person has no user in it. */
  joinable: string | null;
}

export type SignInChoice = { user: string } | { invitation: string } | { join: true };

/** `anyone` who signs in becomes a user of the one organisation, or those who are `invited`. */
export type SignInUsers = 'anyone' | 'invited';

/** The place of a sign-in: the user, where it can only be about one, so that the owners of their organisation read of it. */
export interface FoundPerson extends Place {
  known: SignInUser[];
}

/** Returns the one thing that a person can do here; undefined where they must choose. An invitation is always a choice. */
export function onlyChoice({ users, invitations, joinable }: SignInOptions): SignInChoice | undefined {
  if (invitations.length > 0 || users.length + Number(joinable !== null) !== 1) return undefined;
  return users[0] === undefined ? { join: true } : { user: users[0].id };
}

export async function personAt(context: Context, person: Person, choice?: SignInChoice): Promise<FoundPerson> {
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

/** Reads what a person can choose between. Throws `user_inactive` or `sign_in_refused` where there is nothing. */
export async function optionsOf(
  context: Context,
  person: Person,
  known: readonly SignInUser[],
  users: SignInUsers,
): Promise<SignInOptions> {
  const active = known.filter((user) => user.is_active);
  const invitations = await acceptableInvitations(context, person, known);
  const joinable = users === 'anyone' ? await joinableOrganization(context, known) : undefined;
  const offered: OfferedInvitation[] = [];
  for (const invitation of invitations) offered.push(await offer(context, invitation));
  // An invitation to the same organisation comes with more.
  const isInvited = invitations.some((one) => one.organization_id === joinable?.id);
  const options = {
    users: active.map(({ id, login, organization }) => ({ id, login, organization })),
    invitations: offered,
    joinable: joinable === undefined || isInvited ? null : joinable.name,
  };
  if (options.users.length + offered.length > 0 || options.joinable !== null) return options;
  throw known.length > 0 ? deactivated(known) : uninvited(person, users);
}

/**
 * Returns the live invitations of the person's address to organisations that they are no user of, made by somebody who could
 * make them still: owners who left must not come back by one that they sent to themselves.
 */
export async function acceptableInvitations(
  { db, now }: Context,
  { verified_email }: Person,
  known: readonly SignInUser[],
): Promise<Invitation[]> {
  if (verified_email === null) return [];
  const open: Invitation[] = [];
  for (const invitation of await listLiveInvitations(db, verified_email, new Date(now))) {
    const { organization_id, invited_by } = invitation;
    if (known.some((user) => user.organization_id === organization_id)) continue;
    const inviter = await (isId('service_account', invited_by) ? findServiceAccount : findUserById)(db, invited_by);
    const memberships = await listMembershipsOf(db, invited_by, [organization_id]);
    if (inviter?.is_active && decide('user.manage', [organization_id], memberships) === 'allow') open.push(invitation);
  }
  return open;
}

/** Returns the organisation that anyone may join, unless the person is a user of it already, active or not. */
export async function joinableOrganization(
  { db }: Context,
  known: readonly SignInUser[],
): Promise<{ id: string; name: string } | undefined> {
  const id = await findOnlyOrganization(db);
  if (id === undefined || known.some((user) => user.organization_id === id)) return undefined;
  const organization = await findNamespace(db, 'group', id);
  return organization && { id, name: organization.path };
}

async function offer({ db }: Context, invitation: Invitation): Promise<OfferedInvitation> {
  const { id, organization_id, namespace_id, role, invited_by } = invitation;
  const organization = await findNamespace(db, 'group', organization_id);
  const namespace = namespace_id === null ? undefined : await findNamespace(db, 'any', namespace_id);
  const inviter = isId('service_account', invited_by)
    ? (await findServiceAccount(db, invited_by))?.name
    : (await findUserById(db, invited_by))?.login;
  return {
    id,
    organization: organization!.path,
    role,
    namespace: namespace?.path ?? null,
    invited_by: inviter ?? invited_by,
  };
}

/** Names organisations only to a person who was a user there. */
export function deactivated(known: readonly SignInUser[]): ArsiaError {
  const organizations = known.map(({ organization }) => organization ?? 'the installation');
  const [user] = known;
  return new ArsiaError(
    'user_inactive',
    known.length === 1
      ? `User ${user!.login} is deactivated.`
      : `You are deactivated in ${organizations.slice(0, -1).join(', ')} and ${organizations.at(-1)}.`,
    { advice: `Ask an owner of ${organizations.join(' or ')} to activate you again.` },
  );
}

function uninvited({ verified_email }: Person, users: SignInUsers): ArsiaError {
  if (users === 'anyone')
    return new ArsiaError('sign_in_refused', 'This installation has no organisation yet.', {
      advice: 'Run `arsia server bootstrap --organization <name>` on the server first.',
    });
  return new ArsiaError(
    'sign_in_refused',
    verified_email === null
      ? 'Nobody invited you, or the identity provider does not say that it verified your e-mail address.'
      : `Nobody invited ${verified_email}.`,
    { advice: 'Ask an owner of the organisation to invite the e-mail address that you sign in with.' },
  );
}
