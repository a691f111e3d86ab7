import { findRole, hasPermission, type Permission, permissions, type Role } from '../../core/permissions.ts';
import { findServiceAccount } from '../../store/machines/serviceaccounts.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { listMembershipPlaces } from '../../store/people/memberships.ts';
import { findUserById } from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { buildUnauthenticatedError } from '../pipeline/rights.ts';

/** A group or workspace where the caller or a team of it is a member, and what the caller may do there and below. */
interface RoleAt {
  namespace_id: string;
  namespace: string;
  kind: Namespace['kind'];
  role: Role;
  permissions: Permission[];
  /** The caller itself and its teams that are members here. */
  principals: string[];
}

export interface Me {
  id: string;
  kind: 'user' | 'service_account';
  /** The login of a user, or the path of a service account. */
  name: string;
  display_name: string | null;
  is_operator: boolean;
  organization: { id: string; name: string } | null;
  roles: RoleAt[];
}

/** Returns who the caller is, and its roles with what they allow. */
export const getMe: Action<undefined, Place, Me> = {
  name: 'caller.get',
  needs: 'member',
  changes: false,
  find: findOwnOrganization,
  async run(context, _input, { organization_id }) {
    const { caller, db } = context;
    const organization = organization_id === null ? undefined : await findNamespace(db, 'group', organization_id);
    return {
      ...(await describeCaller(context)),
      is_operator: caller.kind === 'user' && caller.is_operator,
      organization: organization === undefined ? null : { id: organization.id, name: organization.path },
      roles: await listRoles(context),
    };
  },
};

async function describeCaller({ caller, db }: Context): Promise<Pick<Me, 'id' | 'kind' | 'name' | 'display_name'>> {
  if (caller.kind === 'user') {
    const user = await findUserById(db, caller.id);
    return { id: caller.id, kind: 'user', name: caller.name, display_name: user?.display_name ?? null };
  }
  if (caller.kind !== 'service_account') throw buildUnauthenticatedError();
  const account = await findServiceAccount(db, caller.id);
  const group = account && (await findNamespace(db, 'group', account.group_id));
  const name = group === undefined ? caller.name : `${group.path}/${caller.name}`;
  return { id: caller.id, kind: 'service_account', name, display_name: null };
}

async function listRoles({ caller, db }: Context): Promise<RoleAt[]> {
  const places = Map.groupBy(await listMembershipPlaces(db, caller.id ?? ''), ({ namespace_id }) => namespace_id);
  return [...places.values()].map((here) => {
    const { namespace_id, path, kind, lineage } = here[0]!;
    // An owner of the organisation is owner here too, whatever the role here.
    const role = findRole(
      lineage,
      lineage.flatMap((id) => places.get(id) ?? []),
    )!;
    return {
      namespace_id,
      namespace: path,
      kind,
      role,
      permissions: permissions.filter((permission) => hasPermission(role, permission)),
      principals: here.map(({ principal_id }) => principal_id),
    };
  });
}
