import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { Created } from '../../entities/entity.ts';
import type { workspaces } from '../../entities/namespaces.ts';
import {
  type AssignedIdentity,
  type Assignment,
  findAssignment,
  insertAssignment,
  listAssignedIdentities,
} from '../../store/identities/assignments.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { isGranted } from '../../store/identities/usegrants.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { createWorkspace, type FoundNamespace, resolveNamespace } from '../namespaces/namespaces.ts';
import { resolvePrincipalId } from '../people/memberships.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { identityPath, type NamedAlias } from './lookup.ts';
import { refuseMasked, resolveReachingIdentity } from './reaching.ts';
import { attachSettings, type WithSettings } from './storedsettings.ts';

export interface Pair extends FoundNamespace {
  identity: ManagedIdentity;
  /** Set where the request names an alias. */
  alias?: NamedAlias;
}

type Assigned = WithSettings<AssignedIdentity> & { alias?: NamedAlias | undefined };

interface NewAssignment {
  workspace: string;
  identity: string;
  /** Empty for the assignment without a profile. */
  profile: string;
  /**
   * A user, team or service account that gets this identity instead of the one for everyone; undefined: for everyone.
   */
  principal?: string | undefined;
}

/** Assigns an identity to a workspace. Needs the role deployer on the workspace and the right to use the identity. */
export const assignIdentity: Action<NewAssignment, Pair, Assigned> = {
  name: 'managed_identity.assign',
  needs: 'assignment.manage',
  changes: true,
  adds: ['assignments', 'assignments_per_workspace'],
  find: resolvePair,
  authorise: (context, _input, { identity }) => demandUse(context, identity),
  async run(context, input, { namespace, identity, alias }) {
    await demandUse(context, identity);
    await refuseMasked(context, identity, namespace);
    const { profile } = input;
    const principal_id =
      input.principal === undefined
        ? ''
        : await resolvePrincipalId(context, namespace.organization_id, input.principal);
    const place = { workspace_id: namespace.id, principal_id };
    const existing = await findAssignment(context.db, { ...place, type: identity.type, profile });
    if (existing?.identity_id === identity.id) return { ...attachIdentity(existing, identity), alias };
    const elsewhere = await findAssignment(context.db, { ...place, identity_id: identity.id });
    if (existing !== undefined || elsewhere !== undefined)
      throw new ArsiaError('conflict', explainConflict(identity, namespace.path, input, existing), {
        advice: 'Unassign that one first, or assign this one with another `profile`.',
      });
    await context.admit('assignments', namespace.organization_id);
    await context.admit('assignments_per_workspace', namespace.organization_id, {
      id: namespace.id,
      name: namespace.path,
    });
    const row: Assignment = {
      id: context.newId('assignment'),
      workspace_id: namespace.id,
      identity_id: identity.id,
      organization_id: namespace.organization_id,
      type: identity.type,
      profile,
      principal_id,
      created_at: new Date(context.now),
    };
    await insertAssignment(context.db, row);
    return { ...attachIdentity(row, identity), alias };
  },
  describe: (_input, { namespace, identity }, { assignment_id, profile, principal_id }) => ({
    detail: { workspace: namespace.path, identity: identityPath(identity), assignment_id, profile, principal_id },
  }),
};

function attachIdentity({ id, profile, principal_id, created_at }: Assignment, identity: ManagedIdentity) {
  return { ...attachSettings(identity), assignment_id: id, profile, principal_id, assigned_at: created_at };
}

/** Creates a workspace and assigns identities to it, in one transaction. */
export const createAssignedWorkspace: Action<
  Parameters<typeof createWorkspace.run>[1] & Pick<Created<typeof workspaces>, 'managed_identities'>,
  FoundNamespace,
  Namespace
> = {
  ...createWorkspace,
  adds: [...createWorkspace.adds!, ...assignIdentity.adds!],
  async authorise(context, { managed_identities }, found) {
    // A new workspace has no roles of its own: the roles on its group count.
    for (const { managed_identity } of managed_identities) {
      await context.demand('assignment.manage', found);
      const { identity } = await resolveReachingIdentity(context, managed_identity, found.namespace);
      await demandUse(context, identity);
    }
  },
  async run(context, { managed_identities, ...input }, found) {
    const workspace = await createWorkspace.run(context, input, found);
    for (const { managed_identity, profile = '' } of managed_identities) {
      const assignment = { workspace: workspace.id, identity: managed_identity, profile };
      const pair = await resolvePair(context, assignment);
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

export const listWorkspaceIdentities: Action<
  { workspace: string; page: Page },
  FoundNamespace,
  WithSettings<AssignedIdentity>[]
> = {
  name: 'managed_identity.list_assigned',
  needs: 'namespace.view',
  changes: false,
  find: (context, input) => resolveNamespace(context, 'workspace', input.workspace),
  opensToJob: ({ namespace }, caller) => namespace.id === caller.workspace_id,
  run: async (context, { page }, { namespace }) =>
    (await listAssignedIdentities(context.db, namespace.id, page)).map(attachSettings),
};

/** Finds the workspace and an identity that reaches it. Throws `not_found` or `conflict` for any other identity. */
async function resolvePair(context: Context, input: { workspace: string; identity: string }): Promise<Pair> {
  const workspace = await resolveVisibleWorkspace(context, input.workspace);
  const { identity, alias } = await resolveReachingIdentity(context, input.identity, workspace.namespace);
  const audit = { ...workspace.audit, identity_id: identity.id };
  return { ...workspace, identity, audit, ...(alias && { alias }) };
}

/**
 * Finds a workspace that the caller may see, before the identity of the request is looked up: a caller who may not see the
 * workspace must learn nothing about its identities.
 */
export async function resolveVisibleWorkspace(context: Context, ref: string): Promise<FoundNamespace> {
  const workspace = await resolveNamespace(context, 'workspace', ref);
  await context.demand('namespace.view', workspace);
  return workspace;
}

/** Throws `forbidden` unless the caller is a deployer at the group of the identity or has a use grant. */
async function demandUse(context: Context, identity: ManagedIdentity): Promise<void> {
  const place = { organization_id: identity.organization_id, lineage: identity.lineage };
  if (await context.can('managed_identity.use', place)) return;
  const { caller } = context;
  if (caller.id !== null && (await isGranted(context.db, identity.id, caller.id))) return;
  throw new ArsiaError('forbidden', `You may not use the managed identity ${identityPath(identity)}.`, {
    advice: `Ask an owner of ${identity.group_path} to grant you its use (POST /api/v1/managed-identities/${identity.id}/grants).`,
  });
}

function explainConflict(
  identity: ManagedIdentity,
  workspace: string,
  input: NewAssignment,
  existing: unknown,
): string {
  const whom = input.principal === undefined ? '' : ` for ${input.principal}`;
  if (existing === undefined)
    return `${identityPath(identity)} is assigned to ${workspace} already${whom}, with another profile.`;
  const profile = input.profile === '' ? '' : ` and profile ${input.profile}`;
  return `${workspace} has an identity of type ${identity.type}${profile}${whom} already.`;
}
