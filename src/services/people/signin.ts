import { ArsiaError } from '../../core/errors.ts';
import { proposeLogin } from '../../core/logins.ts';
import type { Origin } from '../../core/origin.ts';
import { type Role, roles } from '../../core/permissions.ts';
import { anonymous } from '../../core/principals.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { acceptInvitation, deleteInvitation, findInvitation, type Invitation } from '../../store/people/invitations.ts';
import { findMembershipIn, updateMembership } from '../../store/people/memberships.ts';
import { syncSignInTeams } from '../../store/people/signinteams.ts';
import { listTeamIds } from '../../store/people/teams.ts';
import { type SignInUser, saveUserIdentity } from '../../store/people/useridentities.ts';
import type { User } from '../../store/people/users.ts';
import type { UserTie } from '../../store/people/userties.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { isLoginFree } from './logins.ts';
import { insertNewMembership } from './memberships.ts';
import {
  type FoundPerson,
  findJoinableOrganization,
  findNamesake,
  findPerson,
  listAcceptableInvitations,
  readSignInOptions,
  type SignInChoice,
  type SignInOptions,
  type SignInUsers,
} from './signinoptions.ts';
import type { Person } from './signinperson.ts';
import { buildClosedOfferError, buildDeactivatedError } from './signinrefusals.ts';
import { declineTie, useTie } from './signinties.ts';
import { insertNewUser } from './users.ts';

/**
 * Signs people in: lists what a person can choose between, then signs in by one choice. Every sign-in and every refused
 * sign-in leaves one record, `user.sign_in`.
 */
export interface SignIn {
  /**
   * Returns the choices of a person. Throws `sign_in_refused` or `user_inactive`, with a record, where there are none.
   */
  listOptions(person: Person, origin: Origin): Promise<SignInOptions>;
  /**
   * Signs in by a choice. Throws `sign_in_refused` or `user_inactive`, with a record, where it is no longer possible.
   */
  signIn(person: Person, choice: SignInChoice, origin: Origin): Promise<{ id: string; login: string }>;
  /**
   * Deletes an invitation of the person's address. Throws `sign_in_refused`, with a record, where it is no longer open.
   */
  decline(person: Person, invitation: string, origin: Origin): Promise<void>;
  /** Deletes a tie of the person. Throws `sign_in_refused`, with a record, where it is no longer open. */
  declineTie(person: Person, tie: string, origin: Origin): Promise<void>;
  /** Records a sign-in that failed before the identity provider authenticated a person. */
  refuse(error: ArsiaError, origin: Origin): Promise<void>;
}

interface Chosen {
  person: Person;
  choice: SignInChoice;
}

interface SignedIn {
  user: User;
  invitation?: Invitation;
  tie?: UserTie;
  /** A user that has the person's address as its login, and that the person did not become. */
  namesake?: User | undefined;
  isFirst: boolean;
  /** The teams from the groups claim; null where no groups claim is configured. */
  teams: string[] | null;
}

const signInName = 'user.sign_in';

export function createSignIn(parts: { pipeline: Pipeline; users: SignInUsers }): SignIn {
  const { pipeline, users } = parts;
  const buildCall = (origin: Origin) => ({ caller: anonymous, origin });
  const read = buildOptionsAction(users);
  const enter = buildEnterAction(users);
  return {
    listOptions: (person, origin) => pipeline.perform(read, buildCall(origin), person),
    async signIn(person, choice, origin) {
      const { user } = await pipeline.perform(enter, buildCall(origin), { person, choice });
      return { id: user.id, login: user.login };
    },
    async decline(person, id, origin) {
      await pipeline.perform(declineInvitation, buildCall(origin), { person, id });
    },
    async declineTie(person, id, origin) {
      await pipeline.perform(declineTie, buildCall(origin), { person, id });
    },
    refuse: (error, origin) => pipeline.refuse(signInName, buildCall(origin), error),
  };
}

function buildOptionsAction(users: SignInUsers): Action<Person, FoundPerson, SignInOptions> {
  return {
    name: signInName,
    needs: 'anyone',
    changes: false,
    find: findPerson,
    run: (context, person, { known }) => readSignInOptions(context, person, known, users),
  };
}

function buildEnterAction(users: SignInUsers): Action<Chosen, FoundPerson, SignedIn> {
  return {
    name: signInName,
    needs: 'anyone',
    changes: true,
    adds: ['users', 'memberships', 'memberships_per_principal', 'team_members', 'teams_per_user'],
    find: (context, { person, choice }) => findPerson(context, person, choice),
    async run(context, { person, choice }, { known }) {
      const entered = await enter(context, person, choice, known, users);
      const at = new Date(context.now);
      await saveUserIdentity(context.db, {
        iss: person.iss,
        sub: person.sub,
        user_id: entered.user.id,
        email: person.verified_email,
        created_at: at,
        signed_in_at: at,
      });
      return { ...entered, teams: await syncTeams(context, entered.user, person) };
    },
    describe: (_input, _place, { user, invitation, tie, namesake, isFirst, teams }) => ({
      actor_kind: 'user',
      actor_id: user.id,
      organization_id: user.organization_id,
      user_id: user.id,
      target_id: user.id,
      detail: {
        login: user.login,
        first: isFirst,
        ...(invitation && { invitation: invitation.id }),
        ...(tie && { tie: tie.id, tied_by: tie.created_by }),
        ...(namesake && { namesake: namesake.id }),
        ...(teams && { teams }),
      },
    }),
  };
}

type Entered = Omit<SignedIn, 'teams'>;

/** Decides on the committed state, because the page with the options may be older. */
async function enter(
  context: Context,
  person: Person,
  choice: SignInChoice,
  known: readonly SignInUser[],
  users: SignInUsers,
): Promise<Entered> {
  if ('user' in choice) return { user: requireActiveUser(known.find(({ id }) => id === choice.user)), isFirst: false };
  if ('invitation' in choice) return await enterByInvitation(context, person, choice.invitation, known);
  if ('tie' in choice) return await enterByTie(context, person, choice.tie, known);
  const organization = users === 'anyone' ? await findJoinableOrganization(context, known) : undefined;
  if (organization !== undefined) {
    const namesake = await findNamesake(context, person, organization.id);
    return { user: await insertPersonUser(context, person, organization.id), namesake, isFirst: true };
  }
  // The person has joined in another tab meanwhile.
  return { user: requireActiveUser(known.find(({ organization_id }) => organization_id !== null)), isFirst: false };
}

async function enterByInvitation(
  context: Context,
  person: Person,
  id: string,
  known: readonly SignInUser[],
): Promise<Entered> {
  const invitation = (await listAcceptableInvitations(context, person, known)).find((one) => one.id === id);
  if (invitation === undefined) {
    // The form was sent twice: the first request created the user.
    const accepted = await findInvitation(context.db, id);
    const user = known.find((one) => one.id === accepted?.user_id);
    if (user === undefined) throw buildClosedOfferError('invitation');
    return { user: requireActiveUser(user), isFirst: false };
  }
  const { organization_id, namespace_id, role } = invitation;
  const existing = known.find((one) => one.organization_id === organization_id);
  const user =
    existing === undefined ? await insertPersonUser(context, person, organization_id) : requireActiveUser(existing);
  if (!(await acceptInvitation(context.db, id, user.id, new Date(context.now))))
    throw buildClosedOfferError('invitation');
  if (namespace_id !== null && role !== null)
    await giveRole(context, user, { id: namespace_id, organization_id }, role, { isNew: existing === undefined });
  return { user, invitation, isFirst: existing === undefined };
}

/** Gives a user the role of an invitation. A higher role that the user has there remains. */
async function giveRole(
  context: Context,
  { id: principal_id, login }: User,
  namespace: Pick<Namespace, 'id' | 'organization_id'>,
  role: Role,
  { isNew }: { isNew: boolean },
): Promise<void> {
  const existing = await findMembershipIn(context.db, principal_id, namespace.id);
  if (existing === undefined) {
    await context.admit('memberships', namespace.organization_id);
    // A new user has no other membership, so this quota cannot be reached.
    if (!isNew)
      await context.admit('memberships_per_principal', namespace.organization_id, { id: principal_id, name: login });
    await insertNewMembership(context, namespace, { principal_id, role });
  } else if (roles.indexOf(role) > roles.indexOf(existing.role)) await updateMembership(context.db, existing.id, role);
}

async function enterByTie(
  context: Context,
  person: Person,
  id: string,
  known: readonly SignInUser[],
): Promise<Entered> {
  const { tie, user } = await useTie(context, person, id, known);
  return { user, tie, isFirst: true };
}

function requireActiveUser(user: SignInUser | undefined): User {
  if (user === undefined)
    throw new ArsiaError('sign_in_refused', 'You can no longer sign in as this user.', {
      advice: 'Sign in again: the page lists the users that you can choose.',
    });
  if (!user.is_active) throw buildDeactivatedError([user]);
  const { organization: _organization, ...row } = user;
  return row;
}

async function insertPersonUser(context: Context, person: Person, organization_id: string): Promise<User> {
  const login = await chooseFreeLogin(context, organization_id, person);
  await context.admit('users', organization_id);
  return await insertNewUser(context, organization_id, { login, display_name: person.display_name });
}

const declineInvitation: Action<{ person: Person; id: string }, Place, Invitation> = {
  name: 'invitation.decline',
  needs: 'anyone',
  changes: true,
  find: async (_context, { person }) => ({ organization_id: null, lineage: [], recorded: { iss: person.iss } }),
  async run(context, { person, id }) {
    const invitation = (await listAcceptableInvitations(context, person, [])).find((one) => one.id === id);
    if (invitation === undefined) throw buildClosedOfferError('invitation');
    await deleteInvitation(context.db, id);
    return invitation;
  },
  describe: (_input, _place, { id, organization_id, email }) => ({
    organization_id,
    target_id: id,
    detail: { email },
  }),
};

async function syncTeams(context: Context, user: User, person: Person): Promise<string[] | null> {
  const { id, organization_id, login } = user;
  if (person.teams === null || organization_id === null) return null;
  const before = await listTeamIds(context.db, id);
  const names = await syncSignInTeams(context.db, { id, organization_id }, person.teams, new Date(context.now));
  const added = (await listTeamIds(context.db, id)).filter((team) => !before.includes(team));
  const holders = added.map((team) => ({ id: team, name: team }));
  await context.admit('team_members', organization_id, holders);
  // The count includes the added rows already: it reads in this transaction.
  if (added.length > 0) await context.admit('teams_per_user', organization_id, { id, name: login }, 0);
  return names;
}

async function chooseFreeLogin(context: Context, organization_id: string, person: Person): Promise<string> {
  const proposed = proposeLogin(person);
  if (await isLoginFree(context, organization_id, proposed)) return proposed;
  return `${proposed}-${Buffer.from(context.random(3)).toString('hex')}`;
}
