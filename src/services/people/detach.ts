import { endJobsStartedBy } from '../../store/jobs/jobs.ts';
import { deleteUserIdentities, endSignIns, listUserIdentities } from '../../store/people/useridentities.ts';
import type { User } from '../../store/people/users.ts';
import type { Action, Call, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { findInstallation } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { findNamedUser, type NamedUser } from './namedusers.ts';

/** A user, or a person of the identity provider: then all users of that person. */
export type DetachInput = NamedUser | { iss: string; sub: string };

const name = 'user_identity.detach';

export type Detached = Pick<User, 'id' | 'organization_id' | 'login'>;

/**
 * Removes the links between a person of the identity provider and users, for a person who has a user in the wrong
 * organisation. After it, no sign-in is possible as these users, and the person can accept the invitation of the right
 * organisation. Ends their sessions, their tokens and the jobs that they started. Leaves one record for each user, in
 * the audit of the user's organisation.
 */
export async function detachPerson(pipeline: Pipeline, call: Call, input: DetachInput): Promise<Detached[]> {
  return await pipeline.performTogether(name, call, async (within) => {
    const users = 'login' in input ? [input] : await within.perform(findTied, call, input);
    const detached: Detached[] = [];
    for (const user of users) detached.push(await within.perform(detachUser, call, user));
    return detached;
  });
}

const findTied: Action<{ iss: string; sub: string }, Place, NamedUser[]> = {
  // The record of a refusal has the name of the request.
  name,
  needs: 'operator',
  changes: false,
  find: findInstallation,
  run: async (context, person) =>
    (await listUserIdentities(context.db, person)).map(({ user_id }) => ({ login: user_id })),
};

export const detachUser: Action<NamedUser, Place, Detached & { issuers: string[]; ended_jobs: number }> = {
  name,
  needs: 'operator',
  changes: true,
  find: findInstallation,
  async run(context, named) {
    const user = await findNamedUser(context, named);
    if (user === undefined) throw buildNotFoundError('user', named.login);
    const { id } = user;
    const issuers = (await listUserIdentities(context.db, { user_id: id })).map(({ iss }) => iss);
    await deleteUserIdentities(context.db, id);
    await endSignIns(context.db, id);
    const ended_jobs = await endJobsStartedBy(context.db, id, new Date(context.now), context.caller.id!);
    return { id, organization_id: user.organization_id, login: user.login, issuers, ended_jobs };
  },
  describe: (_input, _place, { id, organization_id, login, issuers, ended_jobs }) => ({
    organization_id,
    user_id: id,
    target_id: id,
    detail: { login, issuers, ended_jobs },
  }),
};
