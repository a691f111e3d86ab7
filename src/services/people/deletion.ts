import { type EndedJob, endJobsFor } from '../../store/jobs/jobs.ts';
import { deleteOpenLinks } from '../../store/people/adminlinks.ts';
import { deleteMembershipsInTeams } from '../../store/people/teams.ts';
import { deleteUserIdentities, endSignIns } from '../../store/people/useridentities.ts';
import { deleteGivenTo, deleteUser, type User } from '../../store/people/users.ts';
import { deleteUserTieOf } from '../../store/people/userties.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { type FoundUser, refuseDeleted, refuseLastOwner, refuseOperator, resolveUser } from './users.ts';

/**
 * Deletes a user for good. Sessions, tokens and running jobs end, and so do roles, teams, use grants, assignments and
 * the link to the identity provider. The row stays, because the audit names its id. The login is reserved for 30 days.
 */
export const removeUser: Action<{ ref: string }, FoundUser, EndedJob[]> = {
  name: 'user.delete',
  needs: 'user.manage',
  changes: true,
  find: resolveUser,
  version: ({ user }) => user.version,
  async run(context, _input, { user }) {
    refuseDeleted(user);
    refuseOperator(user);
    await refuseLastOwner(context, user.organization_id!, user.id);
    await deleteGivenTo(context.db, user.id);
    await deleteMembershipsInTeams(context.db, user.id);
    await deleteUserIdentities(context.db, user.id);
    return await endUser(context, user, null);
  },
  describe: (_input, { user }, ended) => ({ detail: { login: user.login, ended_jobs: ended.length } }),
  describeFurther: (_input, { user }, ended) => describeEnds(user, ended, 'deleted'),
};

/**
 * Ends what runs as the user, and deletes the user. Jobs get the time of the deletion as their end, by which a mint
 * knows why they ended (store/issuing/mintstatement.ts).
 */
export async function endUser(context: Context, { id }: User, merged_into: string | null): Promise<EndedJob[]> {
  const deleted_at = new Date(context.now);
  await deleteOpenLinks(context.db, id);
  await deleteUserTieOf(context.db, id);
  await endSignIns(context.db, id);
  const ended = await endJobsFor(context.db, id, deleted_at, context.caller.id!);
  await deleteUser(context.db, id, { deleted_at, merged_into });
  return ended;
}

export function describeEnds(user: User, ended: readonly EndedJob[], how: 'deleted' | 'merged') {
  return ended.map(({ id, workspace_id }) => ({
    action: 'job.end',
    user_id: user.id,
    job_id: id,
    workspace_id,
    target_id: id,
    detail: { reason: `The user ${user.login} was ${how}.` },
  }));
}
