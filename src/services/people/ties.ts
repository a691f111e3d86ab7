import { ArsiaError } from '../../core/errors.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { TieRequest } from '../../entities/userties.ts';
import { userTies } from '../../entities/userties.ts';
import { listSignInUsers, listUserIdentities, listUsersByAddress } from '../../store/people/useridentities.ts';
import type { User } from '../../store/people/users.ts';
import { deleteUserTieOf, findUserTie, insertUserTie, type UserTie } from '../../store/people/userties.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { requireSignIn, type SignInPlace } from './signinplace.ts';
import { type FoundUser, refuseDeleted, resolveUser } from './users.ts';

/**
 * Creates the actions by which an owner says who may sign in as a user, once: a subject of the identity provider, or
 * whoever signs in there next with a verified address (docs/decisions/0036).
 */
export function createTieActions(signIn: SignInPlace) {
  const create: Action<TieRequest & { ref: string }, FoundUser, UserTie> = {
    name: 'user_tie.create',
    needs: 'user.manage',
    changes: true,
    adds: ['user_ties'],
    find: resolveUser,
    run: (context, { ref: _ref, ...request }, { user }) => tieUser(context, signIn, user, request),
    describe: (_input, _place, tie) => ({ detail: { tie: tie.id, ...userTies.recorded(tie) } }),
  };
  const get: Action<{ ref: string }, FoundUser, UserTie> = {
    name: 'user_tie.get',
    needs: 'user.manage',
    changes: false,
    find: resolveUser,
    run: (context, _input, { user }) => requireTie(context, user),
  };
  const remove: Action<{ ref: string }, FoundUser, UserTie> = {
    name: 'user_tie.delete',
    needs: 'user.manage',
    changes: true,
    find: resolveUser,
    async run(context, _input, { user }) {
      const tie = await requireTie(context, user);
      await deleteUserTieOf(context.db, user.id);
      return tie;
    },
    describe: (_input, _place, tie) => ({ detail: { tie: tie.id, ...userTies.recorded(tie) } }),
  };
  return { create, get, remove };
}

async function requireTie({ db }: Context, user: User): Promise<UserTie> {
  const tie = await findUserTie(db, user.id);
  if (tie === undefined) throw buildNotFoundError('tie of the user', user.login);
  return tie;
}

/**
 * Adds the tie of a user. Throws `conflict` where sign-in is not configured, where the user cannot be tied, and where
 * the person of the tie signs in as another user of the organisation already.
 */
export async function tieUser(
  context: Context,
  signIn: SignInPlace,
  user: User,
  request: TieRequest,
): Promise<UserTie> {
  const { issuer } = requireSignIn(signIn, 'Nobody can sign in as this user');
  if (request.iss !== undefined && request.iss !== issuer)
    throw new ArsiaError('invalid_request', `People sign in at ${issuer} here.`, {
      fields: [{ pointer: '/iss', detail: `must be ${issuer}` }],
    });
  refuseDeleted(user);
  refuseUntieable(user);
  if ((await listUserIdentities(context.db, { user_id: user.id })).length > 0)
    throw new ArsiaError('conflict', `A person signs in as ${user.login} already.`, {
      advice:
        'A tie is for a user as whom nobody signs in. An operator can end their sign-in (POST /api/v1/user-identities/detach).',
    });
  const open = await findUserTie(context.db, user.id);
  if (open !== undefined && (open.expires_at === null || open.expires_at.getTime() > context.now))
    throw new ArsiaError('conflict', `The user ${user.login} is tied already.`, {
      advice: `Delete the tie first (DELETE /api/v1/users/${user.id}/tie), to tie the user to somebody else.`,
    });
  await refusePersonOfOrganization(context, user, issuer, request);
  if (open === undefined) await context.admit('user_ties', user.organization_id);
  else await deleteUserTieOf(context.db, user.id);
  const row: UserTie = {
    id: context.newId('user_tie'),
    organization_id: user.organization_id!,
    user_id: user.id,
    iss: issuer,
    sub: request.sub ?? null,
    email: request.email ?? null,
    created_by: context.caller.id ?? 'system',
    created_at: new Date(context.now),
    expires_at: request.email === undefined ? null : new Date(context.now + signInLifetimes.tie * 1000),
  };
  await insertUserTie(context.db, row);
  return row;
}

/**
 * Throws `conflict` for a deactivated user, and for an operator: the owner of an organisation must not be able to sign in
 * as an operator of the installation.
 */
function refuseUntieable(user: User): void {
  if (user.is_operator)
    throw new ArsiaError('conflict', `${user.login} is an operator of the installation.`, {
      advice: 'Operators sign in by links of the server only: `arsia server admin link`.',
    });
  if (!user.is_active)
    throw new ArsiaError('conflict', `User ${user.login} is deactivated.`, { advice: 'Activate the user first.' });
}

/** A person has one user in an organisation. */
async function refusePersonOfOrganization(
  { db }: Context,
  user: User,
  iss: string,
  { sub, email }: TieRequest,
): Promise<void> {
  const organization_id = user.organization_id!;
  const known =
    email === undefined
      ? (await listSignInUsers(db, iss, sub!)).filter((one) => one.organization_id === organization_id)
      : // Whoever has the address of a deactivated user now may be another person.
        (await listUsersByAddress(db, organization_id, email)).filter((one) => one.is_active);
  const [other] = known;
  if (other === undefined) return;
  throw new ArsiaError('conflict', `${email ?? 'This person'} signs in as ${other.login} (${other.id}) already.`, {
    advice: `If this is the same person, make one user of both: POST /api/v1/users/${other.id}/merge ${JSON.stringify({ into: user.id })}.`,
  });
}
