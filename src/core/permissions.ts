/**
 * Roles, lowest first. The role of a principal in a namespace comes from memberships along its lineage: the nearest membership
 * applies, at one level the highest, and an owner of the organisation is owner everywhere below.
 */
export const roles = ['viewer', 'deployer', 'owner'] as const;
export type Role = (typeof roles)[number];

/** The lowest role that has each permission. */
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

/** Returns the role on the last namespace of `lineage` (root first), or undefined without a membership. */
export function findRole(lineage: readonly string[], memberships: readonly Membership[]): Role | undefined {
  const root = lineage[0];
  if (memberships.some((one) => one.namespace_id === root && one.role === 'owner')) return 'owner';
  for (const namespace of lineage.toReversed()) {
    const here = memberships.filter((one) => one.namespace_id === namespace);
    if (here.length > 0) return roles.findLast((role) => here.some((one) => one.role === role));
  }
  return undefined;
}

/** Returns `not_found` without view access, and `forbidden` with view access but without the permission. */
export function decide(
  permission: Permission,
  lineage: readonly string[],
  memberships: readonly Membership[],
): Decision {
  const role = findRole(lineage, memberships);
  if (role === undefined) return 'not_found';
  return hasPermission(role, permission) ? 'allow' : 'forbidden';
}

export function hasPermission(role: Role, permission: Permission): boolean {
  return roles.indexOf(role) >= roles.indexOf(leastRole[permission]);
}

export function findLeastRole(permission: Permission): Role {
  return leastRole[permission];
}
