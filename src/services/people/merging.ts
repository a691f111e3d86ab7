import { ArsiaError } from '../../core/errors.ts';
import type { EndedJob } from '../../store/jobs/jobs.ts';
import {
  countTakeover,
  moveOpenOffers,
  moveUserIdentities,
  type TakenOver,
  type Takeover,
  takeOver,
} from '../../store/people/merges.ts';
import { deleteUserIdentities, listUserIdentities } from '../../store/people/useridentities.ts';
import { findUserById, type User } from '../../store/people/users.ts';
import { deleteUserTieOf, moveUserTie } from '../../store/people/userties.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { describeEnds, endUser } from './deletion.ts';
import { mayManageUsers } from './signinties.ts';
import {
  type FoundUser,
  refuseComingOperator,
  refuseDeleted,
  refuseOperator,
  resolveUser,
  resolveUserIn,
} from './users.ts';

/** Links to the identity provider, and ties, that are of the user that took over now. */
interface MovedSignIn {
  sign_ins: number;
  ties: number;
}

interface Merged {
  /** The user that took over, as it is now. */
  into: User;
  taken: TakenOver & MovedSignIn;
  ended: EndedJob[];
}

/**
 * Merges a user into another one of the organisation, which takes over memberships, teams, use grants, assignments,
 * rights to act, access rules and the link to the identity provider. The merged user is deleted: its sessions, tokens
 * and jobs end, and its id stays valid in the audit.
 */
export const mergeUser: Action<{ ref: string; into: string }, FoundUser, Merged> = {
  name: 'user.merge',
  needs: 'user.manage',
  changes: true,
  adds: ['memberships_per_principal', 'teams_per_user'],
  find: resolveUser,
  version: ({ user }) => user.version,
  async run(context, input, { user }) {
    const { db } = context;
    const organization_id = user.organization_id!;
    const into = await resolveUserIn(context, organization_id, input.into);
    await refuseMerge(context, user, into);
    const takeover = { from: user.id, into: into.id, organization_id };
    await admitTakeover(context, takeover, into);
    // Invitations and ties of a former owner open nothing, and must not do so in the name of the other user.
    const mayInvite = await mayManageUsers(context, user.id, organization_id);
    const taken = { ...(await takeOver(db, takeover)), ...(await moveSignIn(context, user, takeover)) };
    if (mayInvite) await moveOpenOffers(db, takeover);
    const ended = await endUser(context, user, into.id);
    return { into: (await findUserById(db, into.id))!, taken, ended };
  },
  describe: (_input, { user }, { into, taken, ended }) => ({
    target_id: into.id,
    detail: {
      login: user.login,
      into: into.id,
      into_login: into.login,
      ...taken,
      ended_jobs: ended.length,
    },
  }),
  describeFurther: (_input, { user }, { ended }) => describeEnds(user, ended, 'merged'),
};

/**
 * Moves the link of the person, else the tie. The person of a deactivated user was locked out and must not return as the other
 * user: both are deleted.
 */
async function moveSignIn({ db }: Context, { id, is_active }: User, takeover: Takeover): Promise<MovedSignIn> {
  if (!is_active) {
    await deleteUserIdentities(db, id);
    return { sign_ins: 0, ties: 0 };
  }
  const sign_ins = await moveUserIdentities(db, takeover);
  // Where no person moved, the tie is for the other user now, if there is none yet.
  if (sign_ins === 0) return { sign_ins, ties: await moveUserTie(db, takeover) };
  await deleteUserTieOf(db, takeover.into);
  return { sign_ins, ties: 0 };
}

async function refuseMerge(context: Context, user: User, into: User): Promise<void> {
  const { db } = context;
  if (user.id === into.id)
    throw new ArsiaError('invalid_request', 'A user cannot be merged into itself.', {
      fields: [{ pointer: '/into', detail: 'must be another user' }],
    });
  refuseDeleted(user);
  refuseOperator(user);
  await refuseComingOperator(context, into);
  if (!into.is_active)
    throw new ArsiaError('conflict', `User ${into.login} is deactivated.`, { advice: 'Activate the user first.' });
  const people = [
    await listUserIdentities(db, { user_id: user.id }),
    await listUserIdentities(db, { user_id: into.id }),
  ];
  // Otherwise an owner could sign in as a person, by merging that person's user into their own.
  if (people.every((links) => links.length > 0))
    throw new ArsiaError('conflict', `A person signs in as ${user.login}, and one as ${into.login}.`, {
      advice: `An operator first ends the sign-in of one of them: POST /api/v1/user-identities/detach ${JSON.stringify({ user: user.id })}.`,
    });
}

async function admitTakeover(context: Context, takeover: Takeover, into: User): Promise<void> {
  const holder = { id: into.id, name: into.login };
  const { memberships, teams } = await countTakeover(context.db, takeover);
  if (memberships > 0) await context.admit('memberships_per_principal', takeover.organization_id, holder, memberships);
  if (teams > 0) await context.admit('teams_per_user', takeover.organization_id, holder, teams);
}
