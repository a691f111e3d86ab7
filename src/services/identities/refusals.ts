import { refuseIdentity, refuseJob } from '../../core/mint.ts';
import type { MintFacts, MintRefusal } from '../../core/mintfacts.ts';
import { parentPath, rootName } from '../../core/namespace.ts';
import { listAccessRulesOf } from '../../store/identities/accessrules.ts';
import type { ReachingIdentity } from '../../store/identities/assignments.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { readOrganizationSettings } from '../../store/namespaces/settings.ts';
import { listMembershipsOf } from '../../store/people/memberships.ts';
import type { User } from '../../store/people/users.ts';
import { listVisibleRoots } from '../namespaces/namespaces.ts';
import type { Context } from '../pipeline/action.ts';
import { identityPath } from './lookup.ts';

/** Why a job would not get an identity, as the mint would refuse it. */
export type Refusal = Pick<MintRefusal, 'code' | 'detail' | 'condition'>;

/**
 * Returns, for each identity, why a job that the user starts in the workspace with this stage and without labels would not get
 * it; null where it would. Decides by the rules of the mint. Details of access rules are for those who may see the rules.
 */
export async function explainRefusals(
  context: Context,
  workspace: Namespace,
  runner: { user: User; team_ids: string[]; stage: string },
  identities: readonly ReachingIdentity[],
): Promise<(Refusal | null)[]> {
  const { db, now } = context;
  const { user, team_ids, stage } = runner;
  const memberships = await listMembershipsOf(db, user.id, workspace.lineage);
  const { identities_without_rules } = await readOrganizationSettings(db, workspace.organization_id);
  const rules = Map.groupBy(
    await listAccessRulesOf(
      db,
      identities.map(({ id }) => id),
    ),
    ({ identity_id }) => identity_id,
  );
  const roots = new Set(await listVisibleRoots(context));
  const facts: MintFacts = {
    job: { id: '', user_id: user.id, stage, labels: {}, is_ended: false, deadline: Number.POSITIVE_INFINITY },
    workspace,
    group: { id: workspace.parent_id!, path: parentPath(workspace.path)! },
    organization: { id: workspace.organization_id, name: rootName(workspace.path), identities_without_rules },
    user: { ...user, memberships, team_ids },
    launcher: null,
    identity: null,
  };
  const ofJob = refuseJob(facts, now);
  return identities.map((row) => {
    const path = identityPath(row);
    const choice = { ...row, identity_id: row.id, assigned_at: row.assigned_at.getTime() };
    const identity = { ...row, path, choices: [choice], rules: rules.get(row.id) ?? [], subject_grants: [] };
    const refusal = ofJob ?? refuseIdentity({ ...facts, identity }, path, row.profile);
    if (refusal === undefined) return null;
    const { code, detail, condition } = refusal;
    if (code !== 'access_rule_refused') return { code, detail };
    const isVisible = row.lineage.some((place) => roots.has(place));
    return isVisible ? { code, detail, condition } : { code, detail: `The access rules of ${path} refuse this job.` };
  });
}
