import {
  findLeastRole,
  hasPermission,
  type Permission,
  permissions,
  type Role,
  roles,
} from '../src/core/permissions.ts';

/** What each permission allows. The compiler requires a row for each permission. */
const meanings: Readonly<Record<Permission, string>> = {
  'namespace.view': 'see the group or workspace, and everything below it',
  'group.create': 'create groups in it',
  'group.update': 'change the description of a group',
  'group.delete': 'delete or move a group',
  'workspace.create': 'create workspaces in a group',
  'workspace.update': 'change the description of a workspace',
  'workspace.delete': 'delete or move a workspace',
  'membership.view': 'see who has which role',
  'membership.manage': 'give, change and take away roles; end and keep alive jobs of others',
  'user.view': 'see the users',
  'user.manage': 'create, rename, deactivate, merge and delete users; invite people, and tie users to them',
  'service_account.view': 'see service accounts and their rights to act',
  'service_account.manage': 'create and change service accounts, their secrets and trust rules',
  'may_act.manage': 'grant, change and take away rights to act for users there',
  'team.manage': 'create, change and delete teams and their members',
  'organization.configure': 'change the settings of the organisation; see its quotas',
  'access_rule.view': 'see the access rules of a managed identity',
  'access_rule.manage': 'add, change and delete access rules',
  'managed_identity.move': 'move a managed identity; make and delete aliases',
  'identity_mask.manage': 'hide and show an inherited managed identity',
  'managed_identity.view': 'see managed identities, their trust documents, grants, aliases and masks',
  'managed_identity.create': 'create managed identities',
  'managed_identity.update': 'change description, settings, delivery and token lifetime',
  'managed_identity.delete': 'delete managed identities',
  'managed_identity.use': 'assign an identity of this group to a workspace, if also deployer there',
  'managed_identity.grant': 'let others use an identity, or name users with it',
  'assignment.manage': 'assign and unassign managed identities in a workspace',
  'job.view': 'see the jobs of a workspace',
  'job.run': 'start jobs, and have jobs started for oneself',
  'audit.view': 'read and export the audit of the organisation (on its root group)',
};

const headings: Readonly<Record<Role, string>> = {
  viewer: 'Viewers: see',
  deployer: 'Deployers: use the cloud',
  owner: 'Owners: decide who may',
};

/** Returns docs/roles.md. */
export function rolesPage(): string {
  return `# Roles and rights

This page is generated from \`src/core/permissions.ts\`: change \`scripts/roles.ts\`, then run \`npm run reference\`.

A user, team or service account gets a *role* by a *membership* on a group or workspace. The role applies there and in everything below.
[First organisation](first-organisation.md) shows how to give one.

## What each role may do

| What | Permission | ${roles.join(' | ')} |
|---|---|${roles.map(() => ':-:|').join('')}
${permissions.map(lineOf).join('\n')}
${roles.map(sectionOf).join('')}
## The nearest role wins

For each decision Arsia walks from the workspace up to the organisation, and takes the role of the first group or workspace on which the
principal has a membership. At one level, the highest role counts: of the principal itself and of all its teams.

| Membership on \`acme\` | on \`acme/research\` | on \`acme/research/wing\` | Role in \`acme/research/wing\` |
|---|---|---|---|
| viewer | | | viewer |
| viewer | deployer | | deployer |
| deployer | viewer | | viewer: the nearer membership lowers the role |
| | owner | viewer | viewer: an owner of a group can be limited below it |
| owner | | viewer | owner: an owner of the organisation stays owner everywhere |
| | | | none: the workspace is answered with 404 |

So a membership further down can take rights away. To give more rights in one place, add a membership there. To take a role away
completely, delete the memberships above it too.

## Rights beside the roles

- **Right to act** (\`POST /service-accounts/{id}/may-act\`): a service account starts jobs for users, in one place, for some users, stages and
  labels. Each user must be deployer there too. [Launcher](launcher.md) shows it.
- **Use grant** (\`POST /managed-identities/{id}/grants\`): a principal may assign an identity without being deployer at its group. It must be
  deployer on the workspace.
- **Access rule** (\`POST /managed-identities/{id}/access-rules\`): limits which jobs get an identity that is assigned.
- **Subject grant** (\`POST /managed-identities/{id}/subject-grants\`): lets a right to act name users in tokens that name a user and no
  workspace ([0017](decisions/0017-tokens-that-name-only-a-user.md)).

Forced deletes, moves and masks need the right on every group and workspace below. A refusal names those where it is missing.

## People without a role, and operators

A user without a role in the organisation sees only themselves and their own teams. *Operators* of the installation create organisations,
change quotas, make links for owners, and read the audit of the installation. That gives no role in any organisation.

A thing that you may not see is answered with 404 \`not_found\`, as one that does not exist. A thing that you may see, but not change, is
answered with 403 \`forbidden\`, with the role that is missing.
`;
}

function lineOf(permission: Permission): string {
  const marks = roles.map((role) => (hasPermission(role, permission) ? 'yes' : ''));
  return `| ${meanings[permission]} | \`${permission}\` | ${marks.join(' | ')} |`;
}

function sectionOf(role: Role): string {
  const own = permissions.filter((permission) => findLeastRole(permission) === role);
  const before = roles[roles.indexOf(role) - 1];
  const also = before === undefined ? '' : `Everything that a ${before} may do, and:\n\n`;
  return `\n### ${headings[role]}\n\n${also}${own.map((permission) => `- ${meanings[permission]}\n`).join('')}`;
}
