/**
 * Roles to permissions, and the one `decide`. A role comes from memberships along the lineage of a namespace: the nearest
 * wins, at one level the highest, and an owner of the organisation stays owner below.
 */
export const roles = ['viewer', 'deployer', 'owner'] as const;
export type Role = (typeof roles)[number];

/** The least role that carries a permission. */
const leastRole = {
  'namespace.view': 'viewer',
  'group.create': 'owner',
  'group.update': 'owner',
  'group.delete': 'owner',
  'workspace.create': 'owner',
  'workspace.update': 'owner',
  'workspace.delete': 'owner',
  'membership.view': 'viewer',
  'membership.manage': 'owner',
  'user.view': 'viewer',
  'user.manage': 'owner',
  'service_account.view': 'viewer',
  'service_account.manage': 'owner',
  'may_act.manage': 'owner',
  'team.manage': 'owner',
  'organization.configure': 'owner',
  'access_rule.view': 'viewer',
  'access_rule.manage': 'owner',
  'managed_identity.move': 'owner',
  'identity_mask.manage': 'owner',
  'managed_identity.view': 'viewer',
  'managed_identity.create': 'deployer',
  'managed_identity.update': 'deployer',
  'managed_identity.delete': 'deployer',
  'managed_identity.use': 'deployer',
  'managed_identity.grant': 'owner',
  'assignment.manage': 'deployer',
  'job.view': 'viewer',
  'job.run': 'deployer',
  'audit.view': 'owner',
} as const satisfies Record<string, Role>;

export type Permission = keyof typeof leastRole;
export const permissions = Object.keys(leastRole) as Permission[];

export interface Membership {
  namespace_id: string;
  role: Role;
}

export type Decision = 'allow' | 'not_found' | 'forbidden';

/** The role on the last namespace of `lineage` (root first), or undefined for a stranger. */
export function effectiveRole(lineage: readonly string[], memberships: readonly Membership[]): Role | undefined {
  const root = lineage[0];
  if (memberships.some((one) => one.namespace_id === root && one.role === 'owner')) return 'owner';
  for (const namespace of lineage.toReversed()) {
    const here = memberships.filter((one) => one.namespace_id === namespace);
    if (here.length > 0) return roles.findLast((role) => here.some((one) => one.role === role));
  }
  return undefined;
}

/** No view access is `not_found`; view access without the permission is `forbidden`. */
export function decide(
  permission: Permission,
  lineage: readonly string[],
  memberships: readonly Membership[],
): Decision {
  const role = effectiveRole(lineage, memberships);
  if (role === undefined) return 'not_found';
  return hasPermission(role, permission) ? 'allow' : 'forbidden';
}

export function hasPermission(role: Role, permission: Permission): boolean {
  return roles.indexOf(role) >= roles.indexOf(leastRole[permission]);
}

export function roleFor(permission: Permission): Role {
  return leastRole[permission];
}
