import { ArsiaError } from '../../core/errors.ts';
import {
  type Assignment,
  deleteAssignments,
  findAssignmentById,
  listAssignmentsOf,
} from '../../store/identities/assignments.ts';
import { findIdentity } from '../../store/identities/identities.ts';
import { resolvePrincipalId } from '../people/memberships.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type Pair, resolveVisibleWorkspace } from './assignments.ts';
import { identityPath } from './lookup.ts';
import { resolveReachingSource } from './reaching.ts';

/** Deletes one assignment. Jobs that have the identity by it lose it with their next request. */
export const removeAssignment: Action<
  { workspace: string; id: string },
  Pair & { assignment: Assignment },
  Assignment[]
> = {
  name: 'assignment.delete',
  needs: 'assignment.manage',
  changes: true,
  async find(context, input) {
    const workspace = await resolveVisibleWorkspace(context, input.workspace);
    const assignment = await findAssignmentById(context.db, workspace.namespace.id, input.id);
    const identity = assignment && (await findIdentity(context.db, assignment.identity_id));
    if (assignment === undefined || identity === undefined) throw buildNotFoundError('assignment', input.id);
    return { ...workspace, identity, assignment, audit: { ...workspace.audit, identity_id: identity.id } };
  },
  async run(context, _input, { assignment }) {
    await deleteAssignments(context.db, [assignment.id]);
    return [assignment];
  },
  describe: (_input, found, removed) => ({ detail: describeRemoved(found, removed) }),
};

interface Unassigned {
  workspace: string;
  identity: string;
  /** A user, team or service account; `*`: the assignment for everyone; undefined: every assignment. */
  principal?: string | undefined;
  force: boolean;
}

/**
 * Unassigns an identity from a workspace. Throws `conflict`, which lists the assignments, where the request names several
 * and has no `force`.
 */
export const unassignIdentity: Action<Unassigned, Pair, Assignment[]> = {
  name: 'managed_identity.unassign',
  needs: 'assignment.manage',
  changes: true,
  async find(context, input) {
    const workspace = await resolveVisibleWorkspace(context, input.workspace);
    const identity = await resolveReachingSource(context, input.identity, workspace.namespace);
    return { ...workspace, identity, audit: { ...workspace.audit, identity_id: identity.id } };
  },
  version: ({ identity }) => identity.version,
  async run(context, input, { namespace, identity }) {
    const all = await listAssignmentsOf(context.db, namespace.id, identity.id);
    const principal_id = await resolveOnlyPrincipal(context, namespace.organization_id, input.principal);
    const named = principal_id === undefined ? all : all.filter((one) => one.principal_id === principal_id);
    if (named.length === 0)
      throw new ArsiaError(
        'not_found',
        `${identityPath(identity)} is not assigned to ${namespace.path}${input.principal === undefined ? '' : ` for ${formatPrincipal(principal_id)}`}.`,
        { advice: `List the assignments: GET /api/v1/workspaces/${namespace.id}/managed-identities.` },
      );
    if (named.length > 1 && !input.force)
      throw new ArsiaError(
        'conflict',
        `${identityPath(identity)} has ${named.length} assignments to ${namespace.path}: ${formatAssignments(named)}.`,
        {
          advice: `Delete one of them: DELETE /api/v1/workspaces/${namespace.id}/assignments/${named[0]!.id}. Or add \`?force=true\` to delete all of them.`,
        },
      );
    await deleteAssignments(
      context.db,
      named.map(({ id }) => id),
    );
    return named;
  },
  describe: (input, found, removed) => ({ detail: { ...describeRemoved(found, removed), force: input.force } }),
};

/** Returns the id of the principal; empty for everyone; undefined where the request names none. */
async function resolveOnlyPrincipal(context: Context, organization_id: string, ref: string | undefined) {
  if (ref === undefined) return undefined;
  return ref === '*' ? '' : await resolvePrincipalId(context, organization_id, ref);
}

function formatPrincipal(principal_id: string | undefined): string {
  return principal_id || 'everyone';
}

/** Returns the first 20 assignments, and the number of the others. */
function formatAssignments(all: readonly Assignment[]): string {
  const shown = all.slice(0, 20).map(({ id, principal_id }) => `${id} for ${formatPrincipal(principal_id)}`);
  return `${shown.join(', ')}${all.length > shown.length ? ` and ${all.length - shown.length} more` : ''}`;
}

function describeRemoved({ namespace, identity }: Pair, removed: readonly Assignment[]) {
  return {
    workspace: namespace.path,
    identity: identityPath(identity),
    removed: removed.map(({ id, profile, principal_id }) => ({ assignment_id: id, profile, principal_id })),
  };
}
