import { type ActFault, explainActFault, findActFault, interactive, isPlain } from '../../core/acting.ts';
import { ArsiaError } from '../../core/errors.ts';
import { decide } from '../../core/permissions.ts';
import type { Job } from '../../store/jobs/jobs.ts';
import { listMayActAlong, type MayActRow } from '../../store/machines/mayact.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { listMembershipsOf } from '../../store/people/memberships.ts';
import { listTeamIds } from '../../store/people/teams.ts';
import { findUser, type User } from '../../store/people/users.ts';
import type { FoundNamespace } from '../namespaces/namespaces.ts';
import type { Context } from '../pipeline/action.ts';
import { inheritFromParent, type NewJob } from './tasks.ts';

/**
 * Returns the terms of a job that the caller may start. Throws `forbidden`, `not_found` or `invalid_request` where it
 * may not.
 */
export async function decideTerms(context: Context, input: NewJob, found: FoundNamespace, parent: Job | undefined) {
  const asked = parent === undefined ? input : inheritFromParent(parent, input, context.now);
  const terms =
    context.caller.kind === 'service_account'
      ? await launch(context, asked, found)
      : await startForSelf(context, asked, found);
  return { asked, terms };
}

/**
 * Decides a job of a launcher: for a user with the right to deploy there, within the launcher's right to act; or for
 * itself, with its own role.
 */
async function launch(context: Context, input: NewJob, found: FoundNamespace) {
  const { namespace: workspace } = found;
  const launcher_id = context.caller.id!;
  const rights = await listMayActAlong(context.db, launcher_id, workspace.lineage);
  if (input.user === undefined) {
    await context.demand('job.run', found);
    if (!isPlain(input)) refuseToAct(rights, workspace, input, { id: launcher_id, login: 'itself', team_ids: [] });
    return { user_id: null, launcher_id, stage: input.stage };
  }
  const user = await findAskedUser(context, input.user, found);
  if (rights.length === 0) await context.demand('namespace.view', found);
  const team_ids = user === undefined ? [] : await listTeamIds(context.db, user.id);
  // Names the user as the request does: a launcher that may not act for a user must not learn whether the user exists
  // (threats.md N83).
  refuseToAct(rights, workspace, input, { id: user?.id ?? '', login: input.user, team_ids });
  if (user === undefined) throw buildUnknownUserError(input.user);
  await refuseWithoutRole(context, user, workspace);
  return { user_id: user.id, launcher_id, stage: input.stage };
}

/**
 * Throws `forbidden` unless a right to act allows the stage and labels: access rules trust them. Applies to jobs of the
 * launcher itself too.
 */
function refuseToAct(
  rights: MayActRow[],
  workspace: Namespace,
  job: NewJob,
  runner: Pick<User, 'id' | 'login'> & { team_ids: string[] },
): void {
  const fault = findActFault(rights, workspace.lineage, job, [runner.id, ...runner.team_ids]);
  if (fault === undefined) return;
  const asked = { user: runner.login, workspace: workspace.path, stage: job.stage };
  throw new ArsiaError('forbidden', explainActFault(fault, 'This service account', asked), {
    advice: actAdvice[fault.part],
    ...(fault.part === 'labels' && {
      fields: fault.labels.map(({ key, allowed }) => ({
        pointer: `/labels/${key}`,
        detail: allowed === undefined ? 'is not listed by the right to act' : `must match ${JSON.stringify(allowed)}`,
      })),
    }),
  });
}

const actAdvice: Record<ActFault['part'], string> = {
  runner: 'Ask an owner for the right (POST /api/v1/service-accounts/{id}/may-act).',
  stage: 'Ask an owner to add the stage to the right (PATCH /api/v1/service-accounts/{id}/may-act/{right}).',
  labels:
    'Ask an owner to add the label to the right (PATCH /api/v1/service-accounts/{id}/may-act/{right}): `labels` has a pattern of values for each key, or for `*`, which is every other key.',
};

/** Decides a job of a person: only for themselves, with the stage `interactive` and without labels. */
async function startForSelf(context: Context, input: NewJob, found: FoundNamespace) {
  const { caller } = context;
  if (caller.kind !== 'user') throw new ArsiaError('forbidden', 'Only people and service accounts can start jobs.');
  const user = await findAskedUser(context, input.user ?? caller.id, found);
  await context.demand('job.run', found);
  if (user?.id !== caller.id)
    throw new ArsiaError('forbidden', 'A person can start jobs only for themselves.', {
      advice: 'Leave `user` out, or let a service account with the right to act start the job.',
    });
  if (input.stage !== interactive)
    throw new ArsiaError('forbidden', `A job that a person starts must have the stage ${interactive}.`, {
      advice: `Send "stage": "${interactive}" or leave it out.`,
    });
  if (!isPlain(input))
    throw new ArsiaError(
      'forbidden',
      'A job that a person starts cannot have labels, because access rules trust labels.',
      {
        advice: 'Leave `labels` out, or let a service account with the right to act start the job.',
      },
    );
  return { user_id: caller.id, launcher_id: null, stage: interactive };
}

/** Finds the user for whom a job is asked, and names them in the audit record of the request, which may be a refusal. */
async function findAskedUser({ db }: Context, ref: string, found: FoundNamespace): Promise<User | undefined> {
  const user = await findUser(db, found.namespace.organization_id, ref);
  if (user !== undefined) found.audit = { ...found.audit, user_id: user.id };
  return user;
}

async function refuseWithoutRole(context: Context, user: User, workspace: Namespace): Promise<void> {
  const memberships = await listMembershipsOf(context.db, user.id, workspace.lineage);
  if (user.is_active && decide('job.run', workspace.lineage, memberships) === 'allow') return;
  throw new ArsiaError(
    'forbidden',
    user.is_active ? `User ${user.login} may not run jobs in ${workspace.path}.` : `User ${user.login} is deactivated.`,
    { advice: `Ask an owner of ${workspace.path} for the role deployer for ${user.login}.` },
  );
}

function buildUnknownUserError(ref: string): ArsiaError {
  return new ArsiaError('invalid_request', `There is no user ${JSON.stringify(ref)} in this organisation.`, {
    fields: [{ pointer: '/user', detail: 'is unknown' }],
  });
}
