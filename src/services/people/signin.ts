import { ArsiaError } from '../../core/errors.ts';
import { proposeLogin } from '../../core/logins.ts';
import type { Origin } from '../../core/origin.ts';
import { anonymous } from '../../core/principals.ts';
import { acceptInvitation, deleteInvitation, findInvitation, type Invitation } from '../../store/people/invitations.ts';
import { insertMembership } from '../../store/people/memberships.ts';
import { syncSignInTeams } from '../../store/people/signinteams.ts';
import { listTeamIds } from '../../store/people/teams.ts';
import { type SignInUser, saveUserIdentity } from '../../store/people/useridentities.ts';
import { findUser, insertUser, type User } from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import {
  acceptableInvitations,
  deactivated,
  type FoundPerson,
  joinableOrganization,
  optionsOf,
  type Person,
  personAt,
  type SignInChoice,
  type SignInOptions,
  type SignInUsers,
} from './signinoptions.ts';

/**
 * Signs people in: lists what a person can choose between, then signs in by one choice. Every sign-in and every refused one
 * leaves one record, `user.sign_in`.
 */
export interface SignIn {
  /** Throws `sign_in_refused` or `user_inactive`, recorded, where the person can choose nothing. */
  options(person: Person, origin: Origin): Promise<SignInOptions>;
  /** Throws `sign_in_refused` or `user_inactive`, recorded, where the choice is no longer open. */
  signIn(person: Person, choice: SignInChoice, origin: Origin): Promise<{ id: string; login: string }>;
  /** Deletes an invitation of the person's address. Throws `sign_in_refused`, recorded, where it is no longer open. */
  decline(person: Person, invitation: string, origin: Origin): Promise<void>;
  /** Records a sign-in that ended before anybody was vouched for. */
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
  /** The teams that the groups claim gives; null where none is configured. */
  teams: string[] | null;
}

const signInName = 'user.sign_in';

export function createSignIn(parts: { pipeline: Pipeline; users: SignInUsers }): SignIn {
  const { pipeline, users } = parts;
  const callOf = (origin: Origin) => ({ caller: anonymous, origin });
  const read = readOptions(users);
  const enter = enterBy(users);
  return {
    options: (person, origin) => pipeline.perform(read, callOf(origin), person),
    async signIn(person, choice, origin) {
      const { user } = await pipeline.perform(enter, callOf(origin), { person, choice });
      return { id: user.id, login: user.login };
    },
    async decline(person, id, origin) {
      await pipeline.perform(declineInvitation, callOf(origin), { person, id });
    },
    refuse: (error, origin) => pipeline.refuse(signInName, callOf(origin), error),
  };
}

function readOptions(users: SignInUsers): Action<Person, FoundPerson, SignInOptions> {
  return {
    name: signInName,
    needs: 'anyone',
    changes: false,
    find: personAt,
    run: (context, person, { known }) => optionsOf(context, person, known, users),
  };
}

function enterBy(users: SignInUsers): Action<Chosen, FoundPerson, SignedIn> {
  return {
    name: signInName,
    needs: 'anyone',
    changes: true,
    adds: ['users', 'memberships', 'team_members', 'teams_per_user'],
    find: (context, { person, choice }) => personAt(context, person, choice),
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
      return { ...entered, teams: await teamsOf(context, entered.user, person) };
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

/** Judges the choice on what is committed now: the page with the options may be older. */
async function enter(
  context: Context,
  person: Person,
  choice: SignInChoice,
  known: readonly SignInUser[],
  users: SignInUsers,
): Promise<Entered> {
  if ('user' in choice) return { user: activeUser(known.find(({ id }) => id === choice.user)), isFirst: false };
  if ('invitation' in choice) return await enterByInvitation(context, person, choice.invitation, known);
  const organization = users === 'anyone' ? await joinableOrganization(context, known) : undefined;
  if (organization !== undefined) return { user: await createFor(context, person, organization.id), isFirst: true };
  // The person joined in another tab in the meantime.
  return { user: activeUser(known.find(({ organization_id }) => organization_id !== null)), isFirst: false };
}

async function enterByInvitation(
  context: Context,
  person: Person,
  id: string,
  known: readonly SignInUser[],
): Promise<Entered> {
  const invitation = (await acceptableInvitations(context, person, known)).find((one) => one.id === id);
  if (invitation === undefined) {
    // The form was sent twice: the first request made the user.
    const accepted = await findInvitation(context.db, id);
    const user = known.find((one) => one.id === accepted?.user_id);
    if (user === undefined) throw closed();
    return { user: activeUser(user), isFirst: false };
  }
  const { organization_id, namespace_id, role } = invitation;
  const user = await createFor(context, person, organization_id);
  const now = new Date(context.now);
  if (!(await acceptInvitation(context.db, id, user.id, now))) throw closed();
  if (namespace_id !== null && role !== null) {
    // A new user has no other membership.
    await context.admit('memberships', organization_id);
    await insertMembership(context.db, {
      id: context.id('membership'),
      namespace_id,
      principal_id: user.id,
      role,
      organization_id,
      created_at: now,
      version: 1,
    });
  }
  return { user, invitation, isFirst: true };
}

function activeUser(user: SignInUser | undefined): User {
  if (user === undefined)
    throw new ArsiaError('sign_in_refused', 'You can no longer sign in as this user.', {
      advice: 'Sign in again: the page lists the users that you can choose.',
    });
  if (!user.is_active) throw deactivated([user]);
  const { organization: _organization, ...row } = user;
  return row;
}

async function createFor(context: Context, person: Person, organization_id: string): Promise<User> {
  const user: User = {
    id: context.id('user'),
    organization_id,
    login: await freeLogin(context, organization_id, person),
    display_name: person.display_name,
    is_operator: false,
    is_active: true,
    created_at: new Date(context.now),
    version: 1,
  };
  await context.admit('users', organization_id);
  await insertUser(context.db, user);
  return user;
}

const declineInvitation: Action<{ person: Person; id: string }, Place, Invitation> = {
  name: 'invitation.decline',
  needs: 'anyone',
  changes: true,
  find: async (_context, { person }) => ({ organization_id: null, lineage: [], recorded: { iss: person.iss } }),
  async run(context, { person, id }) {
    const invitation = (await acceptableInvitations(context, person, [])).find((one) => one.id === id);
    if (invitation === undefined) throw closed();
    await deleteInvitation(context.db, id);
    return invitation;
  },
  describe: (_input, _place, { id, organization_id, email }) => ({
    organization_id,
    target_id: id,
    detail: { email },
  }),
};

async function teamsOf(context: Context, user: User, person: Person): Promise<string[] | null> {
  const { id, organization_id, login } = user;
  if (person.teams === null || organization_id === null) return null;
  const before = await listTeamIds(context.db, id);
  const names = await syncSignInTeams(context.db, { id, organization_id }, person.teams, new Date(context.now));
  const added = (await listTeamIds(context.db, id)).filter((team) => !before.includes(team));
  const holders = added.map((team) => ({ id: team, name: team }));
  await context.admit('team_members', organization_id, holders);
  // The count includes them already: it sees what this transaction added.
  if (added.length > 0) await context.admit('teams_per_user', organization_id, { id, name: login }, 0);
  return names;
}

async function freeLogin(context: Context, organization_id: string, person: Person): Promise<string> {
  const proposed = proposeLogin(person);
  if ((await findUser(context.db, organization_id, proposed)) === undefined) return proposed;
  return `${proposed}-${Buffer.from(context.random(3)).toString('hex')}`;
}

function closed(): ArsiaError {
  return new ArsiaError('sign_in_refused', 'This invitation was accepted, declined or withdrawn, or has expired.', {
    advice: 'Ask an owner of the organisation to invite you again.',
  });
}
