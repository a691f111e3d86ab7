import { ArsiaError } from '../core/errors.ts';
import {
  type Assignment,
  assignedIdentities,
  deleteAssignment,
  findAssignmentOf,
  insertAssignment,
  isGranted,
  type ManagedIdentity,
} from '../store/identities.ts';
import { type Action, type Context, missing } from './action.ts';
import { type FoundIdentity, identityAt, identityPath } from './identities.ts';
import { type FoundNamespace, namespaceAt } from './namespaces.ts';

interface Pair extends FoundNamespace {
  identity: ManagedIdentity;
}

/** Deployer on the workspace and the right to use the identity, both. */
export const assignIdentity: Action<
  { workspace: string; identity: string; profile: string },
  Pair,
  ManagedIdentity & { profile: string }
> = {
  name: 'managed_identity.assign',
  needs: 'assignment.manage',
  changes: true,
  find: pairAt,
  async run(context, input, { namespace, identity }) {
    await demandUse(context, identity);
    const { type } = identity;
    const taken = await findAssignmentOf(context.db, namespace.id, type, input.profile);
    if (taken?.identity_id === identity.id) return { ...identity, profile: input.profile };
    const assigned = await assignedIdentities(context.db, namespace.id);
    if (taken !== undefined || assigned.some((one) => one.id === identity.id))
      throw new ArsiaError(
        'conflict',
        taken === undefined
          ? `${identityPath(identity)} is assigned to ${namespace.path} already, with another profile.`
          : `${namespace.path} has an identity of type ${type}${input.profile && ` and profile ${input.profile}`} already.`,
        { advice: 'Unassign that one first, or assign this one with a `profile` of its own.' },
      );
    const row: Assignment = {
      id: context.id('assignment'),
      workspace_id: namespace.id,
      identity_id: identity.id,
      organization_id: namespace.organization_id,
      type,
      profile: input.profile,
      created_at: new Date(context.now),
    };
    await insertAssignment(context.db, row);
    return { ...identity, profile: input.profile };
  },
  describe: (input, { namespace, identity }) => ({
    detail: { workspace: namespace.path, identity: identityPath(identity), profile: input.profile },
  }),
};

/** Jobs of the workspace lose the identity with their next request. */
export const unassignIdentity: Action<{ workspace: string; identity: string }, Pair, void> = {
  name: 'managed_identity.unassign',
  needs: 'assignment.manage',
  changes: true,
  find: pairAt,
  async run(context, input, { namespace, identity }) {
    if (!(await deleteAssignment(context.db, namespace.id, identity.id)))
      throw missing('assigned managed identity', input.identity);
  },
  describe: (_input, { namespace, identity }) => ({
    detail: { workspace: namespace.path, identity: identityPath(identity) },
  }),
};

export const listAssigned: Action<{ workspace: string }, FoundNamespace, (ManagedIdentity & { profile: string })[]> = {
  name: 'managed_identity.list_assigned',
  needs: 'namespace.view',
  changes: false,
  find: (context, input) => namespaceAt(context, 'workspace', input.workspace),
  opensToJob: ({ namespace }, caller) => namespace.id === caller.workspace_id,
  run: (context, _input, { namespace }) => assignedIdentities(context.db, namespace.id),
};

/** The workspace, and an identity of a group above it; any other identity looks unknown here. */
async function pairAt(context: Context, input: { workspace: string; identity: string }): Promise<Pair> {
  const workspace = await namespaceAt(context, 'workspace', input.workspace);
  // Before the identity is looked for: who may not see the workspace learns nothing of what it could use.
  await context.demand('namespace.view', workspace);
  const { identity }: FoundIdentity = await identityAt(context, input.identity);
  if (!workspace.lineage.includes(identity.group_id)) throw missing('managed identity', input.identity);
  return { ...workspace, identity, audit: { ...workspace.audit, identity_id: identity.id } };
}

/** Deployers at the group of the identity may use it, and whom its owners granted that. */
async function demandUse(context: Context, identity: ManagedIdentity): Promise<void> {
  const place = { organization_id: identity.organization_id, lineage: identity.lineage };
  if (await context.may('managed_identity.use', place)) return;
  const { caller } = context;
  if (caller.id !== null && (await isGranted(context.db, identity.id, [caller.id]))) return;
  throw new ArsiaError('forbidden', `You may not use the managed identity ${identityPath(identity)}.`, {
    advice: `Ask an owner of ${identity.group_path} to grant you its use (POST /api/v1/managed-identities/${identity.id}/grants).`,
  });
}
