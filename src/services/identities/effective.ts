import { findUsability, selectChoice } from '../../core/inheritance.ts';
import type { Page } from '../../database/page.ts';
import {
  type AssignedIdentity,
  assignedCursor,
  listAssignedTo,
  listChoicesBeside,
  type ReachingIdentity,
} from '../../store/identities/assignments.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { listTeamIds } from '../../store/people/teams.ts';
import { type FoundNamespace, resolveNamespace } from '../namespaces/namespaces.ts';
import { resolveUserIn } from '../people/users.ts';
import type { Action } from '../pipeline/action.ts';
import { type Scanned, scan } from '../pipeline/scan.ts';
import { explainRefusals, type Refusal } from './refusals.ts';
import { attachSettingsToPage, type WithSettings } from './storedsettings.ts';
import { listUsable } from './usable.ts';

/**
 * Lists the identities that a workspace can be assigned: inherited or by alias, and not masked. `search` matches a part
 * of the name.
 */
export const listUsableIdentities: Action<
  { workspace: string; search?: string | undefined; type?: string | undefined; page: Page },
  FoundNamespace,
  Scanned<WithSettings<ManagedIdentity>>
> = {
  name: 'managed_identity.list_usable',
  needs: 'namespace.view',
  changes: false,
  find: (context, input) => resolveNamespace(context, 'workspace', input.workspace),
  run: (context, input, { namespace }) => listUsable(context, namespace, input),
};

/**
 * Lists the identities that are assigned for a job of this user in the workspace, one for each type and profile, each with the
 * reason for which the job would not get it.
 */
export const listEffectiveIdentities: Action<
  { workspace: string; user?: string | undefined; stage: string; page: Page },
  FoundNamespace,
  Scanned<WithSettings<AssignedIdentity> & { refusal: Refusal | null }>
> = {
  name: 'managed_identity.list_effective',
  needs: 'namespace.view',
  changes: false,
  find: (context, input) => resolveNamespace(context, 'workspace', input.workspace),
  async run(context, input, { namespace }) {
    const user =
      input.user === undefined ? undefined : await resolveUserIn(context, namespace.organization_id, input.user);
    const runner = {
      user_id: user?.id ?? null,
      team_ids: user === undefined ? [] : await listTeamIds(context.db, user.id),
      launcher_id: null,
    };
    const principals = ['', ...(user === undefined ? [] : [user.id]), ...runner.team_ids];
    const found = await scan<ReachingIdentity>(input.page, {
      read: (page) => listAssignedTo(context.db, namespace, principals, page),
      async keep(rows) {
        const formatChoiceKey = ({ type, profile }: { type: string; profile: string }) => `${type} ${profile}`;
        const choices = Map.groupBy(
          await listChoicesBeside(context.db, namespace.id, principals, rows),
          formatChoiceKey,
        );
        return rows.filter((one) => {
          const chosen = selectChoice(choices.get(formatChoiceKey(one)) ?? [], runner, one.type, one.profile);
          const isChosen = chosen?.identity_id === one.id && chosen.principal_id === one.principal_id;
          return isChosen && findUsability(one.reach, namespace.lineage) === 'usable';
        });
      },
      positionOf: assignedCursor,
    });
    const refusals =
      user === undefined
        ? []
        : await explainRefusals(
            context,
            namespace,
            { user, stage: input.stage, team_ids: runner.team_ids },
            found.rows,
          );
    const page = attachSettingsToPage(found);
    return { ...page, rows: page.rows.map((row, index) => ({ ...row, refusal: refusals[index] ?? null })) };
  },
};
