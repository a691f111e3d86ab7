import { ArsiaError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import { proposeLogin } from '../core/logins.ts';
import { decide } from '../core/permissions.ts';
import { anonymous } from '../core/principals.ts';
import { acceptInvitation, type Invitation, listLiveInvitations } from '../store/invitations.ts';
import { insertMembership, membershipsOf } from '../store/memberships.ts';
import { onlyOrganization } from '../store/namespaces.ts';
import { findServiceAccount, findUser, insertUser, type User } from '../store/principals.ts';
import { syncSignInTeams } from '../store/signinteams.ts';
import { teamIdsOf } from '../store/teams.ts';
import { findSignedInUser, saveUserIdentity } from '../store/useridentities.ts';
import type { Action, Context, Pipeline, Place } from './action.ts';

/** A person as the identity provider vouches for them, after every check of its answer. */
export interface Person {
  iss: string;
  sub: string;
  /** In its canonical form; null unless the provider says that it verified it. */
  verified_email: string | null;
  username: string | null;
  display_name: string;
  /** The groups claim; null where none is configured. */
  teams: string[] | null;
}

/** How people come in. Every sign-in leaves one record, `user.sign_in`, and so does every one that is refused. */
export interface SignIn {
  /** Throws `sign_in_refused` or `user_inactive`, recorded. */
  signIn(person: Person, request_id: string): Promise<{ id: string; login: string }>;
  /** Records a sign-in that ended before anybody was vouched for. */
  refuse(error: ArsiaError, request_id: string): Promise<void>;
}

interface FoundPerson extends Place {
  user: User | undefined;
}

interface NewUser {
  user: User;
  invitation?: Invitation;
  isFirst: boolean;
}

interface SignedIn extends NewUser {
  /** The teams that the groups claim gives; null where none is configured. */
  teams: string[] | null;
}

export function createSignIn(parts: { pipeline: Pipeline; users: 'anyone' | 'invited' }): SignIn {
  const { pipeline, users } = parts;
  const action = signInAction(users);
  const callOf = (request_id: string) => ({ caller: anonymous, request_id });
  return {
    async signIn(person, request_id) {
      const { user } = await pipeline.perform(action, callOf(request_id), person);
      return { id: user.id, login: user.login };
    },
    refuse: (error, request_id) => pipeline.refuse(action.name, callOf(request_id), error),
  };
}

function signInAction(users: 'anyone' | 'invited'): Action<Person, FoundPerson, SignedIn> {
  return {
    name: 'user.sign_in',
    needs: 'anyone',
    changes: true,
    adds: ['users', 'memberships', 'team_members', 'teams_per_user'],
    async find(context, { iss, sub }) {
      const user = await findSignedInUser(context.db, iss, sub);
      return {
        user,
        organization_id: user?.organization_id ?? null,
        lineage: [],
        recorded: { iss },
        ...(user && { audit: { user_id: user.id, target_id: user.id } }),
      };
    },
    async run(context, person, { user }) {
      if (user?.is_active === false)
        throw new ArsiaError('user_inactive', `User ${user.login} is deactivated.`, {
          advice: 'Ask an owner of the organisation to activate you again.',
        });
      const signedIn = user ? { user, isFirst: false } : await firstSignIn(context, person, users);
      const at = new Date(context.now);
      await saveUserIdentity(context.db, {
        iss: person.iss,
        sub: person.sub,
        user_id: signedIn.user.id,
        email: person.verified_email,
        created_at: at,
        signed_in_at: at,
      });
      return { ...signedIn, teams: await teamsOf(context, signedIn.user, person) };
    },
    describe: (_person, _place, { user, invitation, isFirst, teams }) => ({
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

/** A user for somebody who was never here: by an invitation of their verified address, or because anyone may come in. */
async function firstSignIn(context: Context, person: Person, users: 'anyone' | 'invited'): Promise<NewUser> {
  const now = new Date(context.now);
  const { verified_email } = person;
  const invitation = verified_email === null ? undefined : await invitationOf(context, verified_email);
  const organization_id =
    invitation?.organization_id ?? (users === 'anyone' ? await onlyOrganization(context.db) : undefined);
  if (organization_id === undefined) throw uninvited(person, users);
  const user: User = {
    id: context.id('user'),
    organization_id,
    login: await freeLogin(context, person),
    display_name: person.display_name,
    is_operator: false,
    is_active: true,
    created_at: now,
    version: 1,
  };
  await context.admit('users', organization_id);
  await insertUser(context.db, user);
  if (invitation === undefined) return { user, isFirst: true };
  if (!(await acceptInvitation(context.db, invitation.id, user.id, now))) throw uninvited(person, users);
  if (invitation.namespace_id !== null && invitation.role !== null) {
    // A new user has no other membership.
    await context.admit('memberships', organization_id);
    await insertMembership(context.db, {
      id: context.id('membership'),
      namespace_id: invitation.namespace_id,
      principal_id: user.id,
      role: invitation.role,
      organization_id,
      created_at: now,
      version: 1,
    });
  }
  return { user, invitation, isFirst: true };
}

/**
 * The oldest live invitation of an address that whoever made it could make still: owners who left must not come back by one
 * that they sent to themselves.
 */
async function invitationOf({ db, now }: Context, email: string): Promise<Invitation | undefined> {
  for (const invitation of await listLiveInvitations(db, email, new Date(now))) {
    const { organization_id, invited_by } = invitation;
    const find = isId('service_account', invited_by) ? findServiceAccount : findUser;
    const inviter = await find(db, invited_by);
    const memberships = await membershipsOf(db, invited_by, [organization_id]);
    if (inviter?.is_active && decide('user.manage', [organization_id], memberships) === 'allow') return invitation;
  }
  return undefined;
}

async function teamsOf(context: Context, user: User, person: Person): Promise<string[] | null> {
  const { id, organization_id, login } = user;
  if (person.teams === null || organization_id === null) return null;
  const before = await teamIdsOf(context.db, id);
  const names = await syncSignInTeams(context.db, { id, organization_id }, person.teams, new Date(context.now));
  const added = (await teamIdsOf(context.db, id)).filter((team) => !before.includes(team));
  const holders = added.map((team) => ({ id: team, name: team }));
  await context.admit('team_members', organization_id, holders);
  // They are counted already: what was added in this transaction is seen in it.
  if (added.length > 0) await context.admit('teams_per_user', organization_id, { id, name: login }, 0);
  return names;
}

async function freeLogin(context: Context, person: Person): Promise<string> {
  const proposed = proposeLogin(person);
  if ((await findUser(context.db, proposed)) === undefined) return proposed;
  return `${proposed}-${Buffer.from(context.random(3)).toString('hex')}`;
}

function uninvited({ verified_email }: Person, users: 'anyone' | 'invited'): ArsiaError {
  if (users === 'anyone')
    return new ArsiaError('sign_in_refused', 'This installation has no organisation yet.', {
      advice: 'Run `arsia bootstrap --organization <name>` on the server first.',
    });
  return new ArsiaError(
    'sign_in_refused',
    verified_email === null
      ? 'Nobody invited you, or the identity provider does not say that it verified your e-mail address.'
      : `Nobody invited ${verified_email}.`,
    { advice: 'Ask an owner of the organisation to invite the e-mail address that you sign in with.' },
  );
}
