import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import type { memberships } from '../../entities/memberships.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import {
  deleteMembership,
  findMembership,
  findMembershipIn,
  insertMembership,
  listMemberships,
  listMembershipsOfPrincipal,
  type MembershipRow,
  updateMembership,
} from '../../store/people/memberships.ts';
import { type FoundNamespace, listVisibleRoots, resolveNamespace } from '../namespaces/namespaces.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { findPrincipalId, principalForms } from './principalrefs.ts';
import { findOnlyVisiblePrincipal, refuseLastOwner } from './users.ts';

interface FoundMembership extends Place {
  membership: MembershipRow;
}

export const createMembership: Action<Created<typeof memberships>, FoundNamespace, MembershipRow> = {
  name: 'membership.create',
  needs: 'membership.manage',
  changes: true,
  adds: ['memberships', 'memberships_per_principal'],
  find: (context, input) => resolveNamespace(context, 'any', input.namespace),
  async run(context, input, { namespace }) {
    const principal_id = await resolvePrincipalId(context, namespace.organization_id, input.principal);
    const existing = await findMembershipIn(context.db, principal_id, namespace.id);
    if (existing !== undefined)
      throw new ArsiaError('conflict', `${input.principal} is already a member of ${namespace.path}.`, {
        advice: `Change the role with PATCH /api/v1/memberships/${existing.id}.`,
      });
    await context.admit('memberships', namespace.organization_id);
    await context.admit('memberships_per_principal', namespace.organization_id, {
      id: principal_id,
      name: input.principal,
    });
    return await insertNewMembership(context, namespace, { principal_id, role: input.role });
  },
  describe: (_input, { namespace }, row) => ({
    target_id: row.id,
    detail: { namespace: namespace.path, principal: row.principal_id, role: row.role },
  }),
};

/** Adds a membership to a group or workspace. Checks neither quotas nor whether there is one already. */
export async function insertNewMembership(
  context: Context,
  namespace: Pick<Namespace, 'id' | 'organization_id'>,
  { principal_id, role }: Pick<MembershipRow, 'principal_id' | 'role'>,
): Promise<MembershipRow> {
  const row: MembershipRow = {
    id: context.newId('membership'),
    namespace_id: namespace.id,
    principal_id,
    role,
    organization_id: namespace.organization_id,
    created_at: new Date(context.now),
    version: 1,
  };
  await insertMembership(context.db, row);
  return row;
}

export const listMembers: Action<{ namespace: string; page: Page }, FoundNamespace, MembershipRow[]> = {
  name: 'membership.list',
  needs: 'membership.view',
  changes: false,
  find: (context, input) => resolveNamespace(context, 'any', input.namespace),
  run: (context, input, { namespace }) => listMemberships(context.db, namespace.id, input.page),
};

/**
 * Lists the memberships of a principal and of its teams: all to the principal itself, to others those in the groups and
 * workspaces that they see.
 */
export const listMembershipsOfOne: Action<{ principal: string; page: Page }, Place, MembershipRow[]> = {
  name: 'membership.list_of_principal',
  needs: 'member',
  changes: false,
  find: findOwnOrganization,
  async run(context, { principal, page }, { organization_id }) {
    const { caller, db } = context;
    const id = organization_id === null ? undefined : await findPrincipalId(context, organization_id, principal);
    const only = await findOnlyVisiblePrincipal(context);
    if (id === undefined || (only !== undefined && only !== id))
      throw buildNotFoundError('user, team or service account', principal);
    const roots = id === caller.id ? undefined : await listVisibleRoots(context);
    return await listMembershipsOfPrincipal(db, id, roots, page);
  },
};

export const changeMembership: Action<Changed<typeof memberships> & { id: string }, FoundMembership, MembershipRow> = {
  name: 'membership.update',
  needs: 'membership.manage',
  changes: true,
  find: resolveMembership,
  version: ({ membership }) => membership.version,
  async run(context, input, { membership }) {
    if (input.role !== 'owner') await refuseOwnerlessOrganization(context, membership);
    return await updateMembership(context.db, membership.id, input.role);
  },
  describe: (input, { membership }) => ({
    detail: { principal: membership.principal_id, before: membership.role, role: input.role },
  }),
};

export const removeMembership: Action<{ id: string }, FoundMembership, void> = {
  name: 'membership.delete',
  needs: 'membership.manage',
  changes: true,
  find: resolveMembership,
  version: ({ membership }) => membership.version,
  async run(context, _input, { membership }) {
    await refuseOwnerlessOrganization(context, membership);
    await deleteMembership(context.db, membership.id);
  },
  describe: (_input, { membership }) => ({
    detail: { principal: membership.principal_id, namespace: membership.namespace_id, role: membership.role },
  }),
};

/**
 * Returns the id of a user, team or service account of the organisation, by id, login, name or path. Throws
 * `invalid_request` where it has none such, or where a user and a team have the name.
 */
export async function resolvePrincipalId(context: Context, organization_id: string, ref: string): Promise<string> {
  const id = await findPrincipalId(context, organization_id, ref);
  if (id === undefined)
    throw new ArsiaError('invalid_request', `There is no user, team or service account ${JSON.stringify(ref)} here.`, {
      advice: principalForms,
      fields: [{ pointer: '/principal', detail: 'is unknown in this organisation' }],
    });
  return id;
}

async function resolveMembership(context: Context, input: { id: string }): Promise<FoundMembership> {
  const membership = await findMembership(context.db, input.id);
  const namespace = membership && (await findNamespace(context.db, 'any', membership.namespace_id));
  if (membership === undefined || namespace === undefined) throw buildNotFoundError('membership', input.id);
  return {
    membership,
    organization_id: namespace.organization_id,
    lineage: namespace.lineage,
    named: { noun: 'membership', ref: input.id },
    audit: { target_id: membership.id },
  };
}

async function refuseOwnerlessOrganization(context: Context, membership: MembershipRow): Promise<void> {
  const isOfOrganization = membership.namespace_id === membership.organization_id && membership.role === 'owner';
  if (isOfOrganization) await refuseLastOwner(context, membership.organization_id, membership.principal_id);
}
