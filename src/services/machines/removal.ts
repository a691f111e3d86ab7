import { ArsiaError } from '../../core/errors.ts';
import { endJobsStartedBy } from '../../store/jobs/jobs.ts';
import { buryServiceAccount, type Holding, type HoldingKind, listHoldings } from '../../store/machines/holdings.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { endSignIns } from '../../store/people/useridentities.ts';
import { formatPaths } from '../namespaces/descendants.ts';
import { listVisibleRoots } from '../namespaces/namespaces.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { type FoundAccount, resolveServiceAccount } from './serviceaccounts.ts';

interface Removed {
  path: string;
  held: Holding[];
  ended_jobs: number;
}

/** For each kind, what a refusal says of its places. */
const phrases: Record<HoldingKind, string> = {
  role: 'has a role on',
  right_to_act: 'may act for users in',
  assignment: 'has identities of its own in',
  running_job: 'has running jobs in',
  use_grant: 'may use',
  subject_grant: 'may name users in tokens of',
};

/**
 * Deletes a service account. Its secrets, keys, trust rules and tokens end with it. Throws `conflict` with what it was given
 * and the places of its running jobs, unless `force`: then these end too. Its row stays as a tombstone: its id is never used
 * again, and its name is free.
 */
export const removeServiceAccount: Action<{ ref: string; force: boolean }, FoundAccount, Removed> = {
  name: 'service_account.delete',
  needs: 'service_account.manage',
  changes: true,
  load: ({ force }) => (force ? 'heavy' : 'change'),
  find: (context, input) => resolveServiceAccount(context, input.ref),
  version: ({ account }) => account.version,
  async run(context, { force }, { account }) {
    const now = new Date(context.now);
    const group = await findNamespace(context.db, 'group', account.group_id);
    const path = `${group!.path}/${account.name}`;
    const held = await listHoldings(context.db, account.id, now);
    if (held.length > 0 && !force)
      throw new ArsiaError('conflict', `The service account ${path} ${await describeHoldings(context, held)}.`, {
        advice: 'Take these away first, or add `?force=true` to end them with the service account.',
      });
    const ended_jobs = await endJobsStartedBy(context.db, account.id, now, context.caller.id!);
    await endSignIns(context.db, account.id);
    await buryServiceAccount(context.db, account, path, now);
    return { path, held, ended_jobs };
  },
  describe: ({ force }, _found, { path, held, ended_jobs }) => ({
    detail: { path, force, ended_jobs, held: held.map((one) => `${one.kind} ${one.path}`) },
  }),
};

/** Names the places that the caller may see. An owner of the group of the account may not see all of them. */
async function describeHoldings(context: Context, held: readonly Holding[]): Promise<string> {
  const roots = new Set(await listVisibleRoots(context));
  const isVisible = ({ lineage }: Holding) =>
    context.caller.kind === 'system' || lineage.some((place) => roots.has(place));
  const parts = [...Map.groupBy(held.filter(isVisible), ({ kind }) => kind)].map(
    ([kind, places]) => `${phrases[kind]} ${formatPaths(places)}`,
  );
  return [...parts, ...(held.every(isVisible) ? [] : ['has more in places that you may not see'])].join(', and ');
}
