import { ArsiaError } from '../../core/errors.ts';
import { decide, type Role } from '../../core/permissions.ts';
import { findNamespace, findOnlyOrganization } from '../../store/namespaces/namespaces.ts';
import { type Invitation, listLiveInvitations } from '../../store/people/invitations.ts';
import { listMembershipsOf } from '../../store/people/memberships.ts';
import { listSignInUsers, type SignInUser } from '../../store/people/useridentities.ts';
import type { Context, Place } from '../pipeline/action.ts';
import { findPrincipal } from '../pipeline/principals.ts';

/** A person that the identity provider authenticated, after every check of its answer. */
export interface Person {
  iss: string;
  sub: string;
  /** The canonical form of the e-mail address; null unless the provider asserts that it verified the address. */
  verified_email: string | null;
  username: string | null;
  display_name: string;
  /** The groups claim; null where none is configured. */
  teams: string[] | null;
}

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
}

export type SignInChoice = { user: string } | { invitation: string } | { join: true };

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
 * Returns the choice of a person who has only one; undefined where the person must choose. An invitation always needs a
 * choice.
 */
export function findOnlyChoice({ users, invitations, joinable }: SignInOptions): SignInChoice | undefined {
  if (invitations.length > 0 || users.length + Number(joinable !== null) !== 1) return undefined;
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
  // An invitation to the same organisation gives more than joining does.
  const isInvited = invitations.some((one) => one.organization_id === joinable?.id);
  const options = {
    users: active.map(({ id, login, organization }) => ({ id, login, organization })),
    invitations: offered,
    joinable: joinable === undefined || isInvited ? null : joinable.name,
  };
  if (options.users.length + offered.length > 0 || options.joinable !== null) return options;
  throw known.length > 0 ? buildDeactivatedError(known) : buildUninvitedError(person, users);
}

/**
 * Returns the live invitations of the person's address to organisations where they have no user. The inviter must still
 * have the right to invite: owners who left must not return by an invitation that they sent to themselves.
 */
export async function listAcceptableInvitations(
  { db, now }: Context,
  { verified_email }: Person,
  known: readonly SignInUser[],
): Promise<Invitation[]> {
  if (verified_email === null) return [];
  const open: Invitation[] = [];
  for (const invitation of await listLiveInvitations(db, verified_email, new Date(now))) {
    const { organization_id, invited_by } = invitation;
    if (known.some((user) => user.organization_id === organization_id)) continue;
    const inviter = await findPrincipal(db, invited_by);
    const memberships = await listMembershipsOf(db, invited_by, [organization_id]);
    if (inviter?.is_active && decide('user.manage', [organization_id], memberships) === 'allow') open.push(invitation);
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

/** Builds the refusal of a deactivated person. It names only organisations where the person has a user. */
export function buildDeactivatedError(known: readonly SignInUser[]): ArsiaError {
  const organizations = known.map(({ organization }) => organization ?? 'the installation');
  const [user] = known;
  return new ArsiaError(
    'user_inactive',
    known.length === 1
      ? `User ${user!.login} is deactivated.`
      : `You are deactivated in ${organizations.slice(0, -1).join(', ')} and ${organizations.at(-1)}.`,
    { advice: `Ask an owner of ${organizations.join(' or ')} to activate your user again.` },
  );
}

function buildUninvitedError({ verified_email }: Person, users: SignInUsers): ArsiaError {
  if (users === 'anyone')
    return new ArsiaError('sign_in_refused', 'This installation has no organisation yet.', {
      advice: 'Run `arsia server bootstrap --organization <name>` on the server first.',
    });
  return new ArsiaError(
    'sign_in_refused',
    verified_email === null
      ? 'You have no invitation, or the identity provider does not confirm your e-mail address.'
      : `There is no invitation for ${verified_email}.`,
    { advice: 'Ask an owner of the organisation to invite the e-mail address that you sign in with.' },
  );
}
