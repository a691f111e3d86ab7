import { ArsiaError } from '../../core/errors.ts';
import { findUsability } from '../../core/inheritance.ts';
import type { Page } from '../../database/page.ts';
import type { Created } from '../../entities/entity.ts';
import type { workspaces } from '../../entities/namespaces.ts';
import {
  type AssignedIdentity,
  type Assignment,
  deleteAssignment,
  findAssignment,
  insertAssignment,
  listAssignedIdentities,
} from '../../store/identities/assignments.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { readReach } from '../../store/identities/reach.ts';
import { isGranted } from '../../store/identities/usegrants.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { createWorkspace, type FoundNamespace, namespaceAt } from '../namespaces/namespaces.ts';
import { principalOf } from '../people/memberships.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { missing } from '../pipeline/rights.ts';
import { identityAt, identityPath } from './lookup.ts';
import { type WithSettings, withSettings } from './storedsettings.ts';

export interface Pair extends FoundNamespace {
  identity: ManagedIdentity;
}

interface NewAssignment {
  workspace: string;
  identity: string;
  /** Empty for the unnamed one. */
  profile: string;
  /** A user, team or service account that gets this identity where others get another; undefined for everyone. */
  principal?: string | undefined;
}

/** Needs the role deployer on the workspace and the right to use the identity. */
export const assignIdentity: Action<NewAssignment, Pair, WithSettings<AssignedIdentity>> = {
  name: 'managed_identity.assign',
  needs: 'assignment.manage',
  changes: true,
  adds: ['assignments', 'assignments_per_workspace'],
  find: pairAt,
  authorise: (context, _input, { identity }) => demandUse(context, identity),
  async run(context, input, { namespace, identity }) {
    await demandUse(context, identity);
    await refuseMasked(context, identity, namespace);
    const { profile } = input;
    const principal_id =
      input.principal === undefined ? '' : await principalOf(context, namespace.organization_id, input.principal);
    const assigned = { ...withSettings(identity), profile, principal_id, assigned_at: new Date(context.now) };
    const place = { workspace_id: namespace.id, principal_id };
    const taken = await findAssignment(context.db, { ...place, type: identity.type, profile });
    if (taken?.identity_id === identity.id) return assigned;
    const elsewhere = await findAssignment(context.db, { ...place, identity_id: identity.id });
    if (taken !== undefined || elsewhere !== undefined)
      throw new ArsiaError('conflict', conflictOf(identity, namespace.path, input, taken), {
        advice: 'Unassign that one first, or assign this one with a `profile` of its own.',
      });
    await context.admit('assignments', namespace.organization_id);
    await context.admit('assignments_per_workspace', namespace.organization_id, {
      id: namespace.id,
      name: namespace.path,
    });
    const row: Assignment = {
      id: context.id('assignment'),
      workspace_id: namespace.id,
      identity_id: identity.id,
      organization_id: namespace.organization_id,
      type: identity.type,
      profile,
      principal_id,
      created_at: new Date(context.now),
    };
    await insertAssignment(context.db, row);
    return assigned;
  },
  describe: (_input, { namespace, identity }, { profile, principal_id }) => ({
    detail: { workspace: namespace.path, identity: identityPath(identity), profile, principal_id },
  }),
};

/** Creates a workspace and assigns identities to it, in one transaction. */
export const createAssignedWorkspace: Action<
  Parameters<typeof createWorkspace.run>[1] & Pick<Created<typeof workspaces>, 'managed_identities'>,
  FoundNamespace,
  Namespace
> = {
  ...createWorkspace,
  adds: [...createWorkspace.adds!, ...assignIdentity.adds!],
  async authorise(context, { managed_identities }, found) {
    // A new workspace has no roles of its own: those of the group that holds it count.
    for (const { managed_identity } of managed_identities) {
      await context.demand('assignment.manage', found);
      await demandUse(context, await identityWithin(context, managed_identity, found.namespace));
    }
  },
  async run(context, { managed_identities, ...input }, found) {
    const workspace = await createWorkspace.run(context, input, found);
    for (const { managed_identity, profile = '' } of managed_identities) {
      const assignment = { workspace: workspace.id, identity: managed_identity, profile };
      const pair = await pairAt(context, assignment);
      await context.demand('assignment.manage', pair);
      await assignIdentity.run(context, assignment, pair);
    }
    return workspace;
  },
  describe: ({ managed_identities }, _found, row) => ({
    target_id: row.id,
    workspace_id: row.id,
    detail: { path: row.path, managed_identities: managed_identities.map((one) => one.managed_identity) },
  }),
};

/** Jobs of the workspace lose the identity with their next request. */
export const unassignIdentity: Action<
  { workspace: string; identity: string; principal?: string | undefined },
  Pair,
  void
> = {
  name: 'managed_identity.unassign',
  needs: 'assignment.manage',
  changes: true,
  find: pairAt,
  version: ({ identity }) => identity.version,
  async run(context, input, { namespace, identity }) {
    const principal_id =
      input.principal === undefined
        ? undefined
        : await principalOf(context, namespace.organization_id, input.principal);
    if (!(await deleteAssignment(context.db, namespace.id, identity.id, principal_id)))
      throw missing('assigned managed identity', input.identity);
  },
  describe: (input, { namespace, identity }) => ({
    detail: { workspace: namespace.path, identity: identityPath(identity), principal: input.principal ?? 'everyone' },
  }),
};

export const listAssigned: Action<{ workspace: string; page: Page }, FoundNamespace, WithSettings<AssignedIdentity>[]> =
  {
    name: 'managed_identity.list_assigned',
    needs: 'namespace.view',
    changes: false,
    find: (context, input) => namespaceAt(context, 'workspace', input.workspace),
    opensToJob: ({ namespace }, caller) => namespace.id === caller.workspace_id,
    run: async (context, { page }, { namespace }) =>
      (await listAssignedIdentities(context.db, namespace.id, page)).map(withSettings),
  };

/** The workspace, and an identity that reaches it; any other identity looks unknown here. */
async function pairAt(context: Context, input: { workspace: string; identity: string }): Promise<Pair> {
  const workspace = await namespaceAt(context, 'workspace', input.workspace);
  // Demanded before the identity is looked up, so that a caller who may not see the workspace learns nothing of its identities.
  await context.demand('namespace.view', workspace);
  const identity = await identityWithin(context, input.identity, workspace);
  return { ...workspace, identity, audit: { ...workspace.audit, identity_id: identity.id } };
}

async function identityWithin(
  context: Context,
  ref: string,
  { lineage }: Pick<Namespace, 'lineage'>,
): Promise<ManagedIdentity> {
  const { identity } = await identityAt(context, ref);
  if (findUsability(await readReach(context.db, identity, lineage), lineage) === 'out_of_reach')
    throw missing('managed identity', ref);
  return identity;
}

/** Deployers at the group of the identity may use it, and whom its owners granted that. */
async function demandUse(context: Context, identity: ManagedIdentity): Promise<void> {
  const place = { organization_id: identity.organization_id, lineage: identity.lineage };
  if (await context.may('managed_identity.use', place)) return;
  const { caller } = context;
  if (caller.id !== null && (await isGranted(context.db, identity.id, caller.id))) return;
  throw new ArsiaError('forbidden', `You may not use the managed identity ${identityPath(identity)}.`, {
    advice: `Ask an owner of ${identity.group_path} to grant you its use (POST /api/v1/managed-identities/${identity.id}/grants).`,
  });
}

async function refuseMasked(
  context: Context,
  identity: ManagedIdentity,
  { path, lineage }: FoundNamespace['namespace'],
) {
  if (findUsability(await readReach(context.db, identity, lineage), lineage) === 'usable') return;
  throw new ArsiaError('conflict', `${identityPath(identity)} is masked for ${path}.`, {
    advice: 'Ask an owner of the group or workspace that masks it to take the mask away.',
  });
}

function conflictOf(identity: ManagedIdentity, workspace: string, input: NewAssignment, taken: unknown): string {
  const whom = input.principal === undefined ? '' : ` for ${input.principal}`;
  if (taken === undefined)
    return `${identityPath(identity)} is assigned to ${workspace} already${whom}, with another profile.`;
  const profile = input.profile === '' ? '' : ` and profile ${input.profile}`;
  return `${workspace} has an identity of type ${identity.type}${profile}${whom} already.`;
}
