import { ArsiaError } from '../../core/errors.ts';
import { proposeLogin } from '../../core/logins.ts';
import type { Origin } from '../../core/origin.ts';
import { anonymous } from '../../core/principals.ts';
import { acceptInvitation, deleteInvitation, findInvitation, type Invitation } from '../../store/people/invitations.ts';
import { syncSignInTeams } from '../../store/people/signinteams.ts';
import { listTeamIds } from '../../store/people/teams.ts';
import { type SignInUser, saveUserIdentity } from '../../store/people/useridentities.ts';
import { findUser, type User } from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { insertNewMembership } from './memberships.ts';
import {
  buildDeactivatedError,
  type FoundPerson,
  findJoinableOrganization,
  findPerson,
  listAcceptableInvitations,
  type Person,
  readSignInOptions,
  type SignInChoice,
  type SignInOptions,
  type SignInUsers,
} from './signinoptions.ts';
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
    adds: ['users', 'memberships', 'team_members', 'teams_per_user'],
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
    describe: (_input, _place, { user, invitation, isFirst, teams }) => ({
      actor_kind: 'user',
      actor_id: user.id,
      organization_id: user.organization_id,
      user_id: user.id,
      target_id: user.id,
      detail: {
        login: user.login,
        first: isFirst,
        ...(invitation && { invitation: invitation.id }),
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
  const organization = users === 'anyone' ? await findJoinableOrganization(context, known) : undefined;
  if (organization !== undefined)
    return { user: await insertPersonUser(context, person, organization.id), isFirst: true };
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
    if (user === undefined) throw buildClosedInvitationError();
    return { user: requireActiveUser(user), isFirst: false };
  }
  const { organization_id, namespace_id, role } = invitation;
  const user = await insertPersonUser(context, person, organization_id);
  if (!(await acceptInvitation(context.db, id, user.id, new Date(context.now)))) throw buildClosedInvitationError();
  if (namespace_id !== null && role !== null) {
    // A new user has no other membership, so the quota of memberships per principal cannot be reached.
    await context.admit('memberships', organization_id);
    await insertNewMembership(context, { id: namespace_id, organization_id }, { principal_id: user.id, role });
  }
  return { user, invitation, isFirst: true };
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
    if (invitation === undefined) throw buildClosedInvitationError();
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
  if ((await findUser(context.db, organization_id, proposed)) === undefined) return proposed;
  return `${proposed}-${Buffer.from(context.random(3)).toString('hex')}`;
}

function buildClosedInvitationError(): ArsiaError {
  return new ArsiaError('sign_in_refused', 'This invitation was accepted, declined or withdrawn, or has expired.', {
    advice: 'Ask an owner of the organisation to invite you again.',
  });
}
