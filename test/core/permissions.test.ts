import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decide,
  findLeastRole,
  findRole,
  hasPermission,
  type Membership,
  type Permission,
  permissions,
  type Role,
  roles,
} from '../../src/core/permissions.ts';

/** contract.md, Names, roles and rights: what each role adds to the one before. */
const added: Record<Role, Permission[]> = {
  viewer: [
    'namespace.view',
    'membership.view',
    'user.view',
    'service_account.view',
    'managed_identity.view',
    'access_rule.view',
    'job.view',
  ],
  deployer: [
    'managed_identity.create',
    'managed_identity.update',
    'managed_identity.delete',
    'managed_identity.use',
    'assignment.manage',
    'job.run',
  ],
  owner: [
    'group.create',
    'group.update',
    'group.delete',
    'workspace.create',
    'workspace.update',
    'workspace.delete',
    'membership.manage',
    'user.manage',
    'service_account.manage',
    'may_act.manage',
    'managed_identity.grant',
    'managed_identity.move',
    'identity_mask.manage',
    'access_rule.manage',
    'team.manage',
    'organization.configure',
    'audit.view',
  ],
};

const matrix = permissions.flatMap((permission) =>
  [undefined, ...roles].map((role) => {
    const isCarried =
      role !== undefined && roles.slice(0, roles.indexOf(role) + 1).some((one) => added[one].includes(permission));
    return [role, permission, role === undefined ? 'not_found' : isCarried ? 'allow' : 'forbidden'] as const;
  }),
);

describe('permissions', () => {
  test('N24 are all in the table of this test', () => {
    expect(Object.values(added).flat().sort()).toEqual([...permissions].sort());
  });

  test.each(matrix)('N24 role %s, permission %s: %s', (role, permission, expected) => {
    const memberships: Membership[] = role === undefined ? [] : [{ namespace_id: 'ws', role }];
    expect(decide(permission, ['org', 'grp', 'ws'], memberships)).toBe(expected);
    if (role !== undefined) expect(hasPermission(role, permission)).toBe(expected === 'allow');
    expect(added[findLeastRole(permission)]).toContain(permission);
  });
});

/** A tree as parents: node 0 is the root, the parent of node n is a smaller number. */
const anyTree = fc
  .array(fc.nat(), { minLength: 1, maxLength: 12 })
  .map((parents) => [undefined, ...parents.map((parent, index) => parent % (index + 1))]);

type Tree = (number | undefined)[];

function lineageOf(tree: Tree, node: number): string[] {
  const parent = tree[node];
  return parent === undefined ? [`n${node}`] : [...lineageOf(tree, parent), `n${node}`];
}

/** The rule of contract.md by recursion over the tree, without lineages. */
function roleByHand(tree: Tree, node: number, memberships: readonly Membership[]): Role | undefined {
  const at = (place: number) => memberships.filter((one) => one.namespace_id === `n${place}`).map((one) => one.role);
  if (at(0).includes('owner')) return 'owner';
  for (const role of ['owner', 'deployer', 'viewer'] as const) if (at(node).includes(role)) return role;
  const parent = tree[node];
  return parent === undefined ? undefined : roleByHand(tree, parent, memberships);
}

describe('effective role', () => {
  test('agrees with a walk over random trees with random memberships', () => {
    fc.assert(
      fc.property(
        anyTree,
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...roles)), { maxLength: 8 }),
        fc.nat(),
        (tree, drawn, place) => {
          const node = place % tree.length;
          const memberships = drawn.map(([at, role]) => ({ namespace_id: `n${at % tree.length}`, role }));
          expect(findRole(lineageOf(tree, node), memberships)).toBe(roleByHand(tree, node, memberships));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  const lineage = ['org', 'grp', 'ws'];
  test.each<[string, Membership[], Role | undefined]>([
    ['a stranger', [], undefined],
    ['a member elsewhere', [{ namespace_id: 'other', role: 'owner' }], undefined],
    [
      'a nearer lower role',
      [
        { namespace_id: 'org', role: 'deployer' },
        { namespace_id: 'ws', role: 'viewer' },
      ],
      'viewer',
    ],
    [
      'a nearer higher role',
      [
        { namespace_id: 'org', role: 'viewer' },
        { namespace_id: 'ws', role: 'owner' },
      ],
      'owner',
    ],
    [
      'an owner of the organisation',
      [
        { namespace_id: 'org', role: 'owner' },
        { namespace_id: 'ws', role: 'viewer' },
      ],
      'owner',
    ],
    [
      'an owner of a group',
      [
        { namespace_id: 'grp', role: 'owner' },
        { namespace_id: 'ws', role: 'viewer' },
      ],
      'viewer',
    ],
    [
      'two at one level',
      [
        { namespace_id: 'grp', role: 'viewer' },
        { namespace_id: 'grp', role: 'deployer' },
      ],
      'deployer',
    ],
  ])('of %s', (_, memberships, expected) => {
    expect(findRole(lineage, memberships)).toBe(expected);
  });
});
