import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import { type Job, type JobFilter, listJobs } from '../../store/jobs/jobs.ts';
import { listMayActAlong } from '../../store/machines/mayact.ts';
import { findUser } from '../../store/people/users.ts';
import { findServiceAccountByRef } from '../machines/serviceaccounts.ts';
import { type FoundNamespace, resolveNamespace } from '../namespaces/namespaces.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { applyEnd } from './lookup.ts';

interface JobSearch extends Pick<JobFilter, 'state' | 'reference'> {
  workspace: string;
  /** Id or path of a service account. */
  launcher?: string | undefined;
  /** Id or login. */
  user?: string | undefined;
}

/**
 * Lists the jobs of a workspace, newest first: all of them for those who may view them, and its own jobs for a service
 * account that may act there.
 */
export const listWorkspaceJobs: Action<JobSearch & { page: Page }, FoundNamespace, Job[]> = {
  name: 'job.list',
  // A launcher needs no role but its right to act, which `run` checks.
  needs: 'member',
  changes: false,
  find: (context, input) => resolveNamespace(context, 'workspace', input.workspace),
  async run(context, { page, ...search }, found) {
    const isOwnOnly = !(await context.can('job.view', found));
    if (isOwnOnly && !(await isLauncher(context, found))) await context.demand('job.view', found);
    const filter = await readFilter(context, search, found, isOwnOnly);
    if (filter === undefined) return [];
    const rows = await listJobs(context.db, filter, page, new Date(context.now));
    return rows.map((job) => applyEnd(job, context.now));
  },
};

async function isLauncher({ caller, db }: Context, { lineage }: FoundNamespace): Promise<boolean> {
  return caller.kind === 'service_account' && (await listMayActAlong(db, caller.id, lineage)).length > 0;
}

/**
 * Returns the filter of a search; undefined where it asks for the jobs of another launcher than the caller, which may see
 * only its own. Throws `invalid_request` for a user or launcher that the organisation does not have.
 */
async function readFilter(
  context: Context,
  { state, reference, launcher, user }: JobSearch,
  { namespace }: FoundNamespace,
  isOwnOnly: boolean,
): Promise<JobFilter | undefined> {
  const { caller, db } = context;
  const filter: JobFilter = { workspace_id: namespace.id, state, reference };
  if (isOwnOnly) filter.started_by = caller.id!;
  if (launcher !== undefined) {
    const account = await findServiceAccountByRef(db, launcher);
    const isOwn = account?.id === caller.id;
    if (isOwnOnly && !isOwn) return undefined;
    if (account?.organization_id !== namespace.organization_id) throw buildUnknownError('launcher', launcher);
    filter.started_by = account.id;
  }
  if (user !== undefined) {
    const person = await findUser(db, namespace.organization_id, user);
    // A launcher must not learn whether a user exists (threats.md N83).
    if (person === undefined && isOwnOnly) return undefined;
    if (person === undefined) throw buildUnknownError('user', user);
    filter.user_id = person.id;
  }
  return filter;
}

function buildUnknownError(parameter: string, ref: string): ArsiaError {
  return new ArsiaError('invalid_request', `There is no ${parameter} ${JSON.stringify(ref)} in this organisation.`, {
    fields: [{ pointer: parameter, detail: 'is unknown' }],
  });
}
