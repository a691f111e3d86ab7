import { ArsiaError } from '../../core/errors.ts';
import type { EndedJob } from '../../store/jobs/jobs.ts';
import {
  countTakeover,
  moveOpenInvitations,
  moveUserIdentities,
  type TakenOver,
  type Takeover,
  takeOver,
} from '../../store/people/merges.ts';
import { listUserIdentities } from '../../store/people/useridentities.ts';
import { findUserById, type User } from '../../store/people/users.ts';
import { deleteUserTieOf, moveUserTie } from '../../store/people/userties.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { describeEnds, endUser } from './deletion.ts';
import { type FoundUser, refuseDeleted, refuseOperator, resolveUser, resolveUserIn } from './users.ts';

interface Merged {
  /** The user that took over, as it is now. */
  into: User;
  taken: TakenOver & { sign_ins: number };
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
    const taken = { ...(await takeOver(db, takeover)), sign_ins: await moveUserIdentities(db, takeover) };
    await moveOpenInvitations(db, takeover);
    // The person of the merged user signs in as this one now. Otherwise its tie is for this one, where there is none yet.
    if (taken.sign_ins > 0) await deleteUserTieOf(db, into.id);
    else await moveUserTie(db, takeover);
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

async function refuseMerge({ db }: Context, user: User, into: User): Promise<void> {
  if (user.id === into.id)
    throw new ArsiaError('invalid_request', 'A user cannot be merged into itself.', {
      fields: [{ pointer: '/into', detail: 'must be another user' }],
    });
  refuseDeleted(user);
  refuseOperator(user);
  refuseOperator(into);
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
