import type { Role } from '../../src/core/permissions.ts';
import type { RunningArsia } from './arsia.ts';
import { type Body, type Client, createClient, encoded, signIn } from './client.ts';

/**
 * An organisation that is created through the API: a group, two workspaces, a user, and a launcher that may act for all
 * users.
 */
export interface Organization {
  issuer: string;
  name: string;
  id: string;
  owner: Client;
  ownerId: string;
  group: string;
  groupId: string;
  workspace: string;
  workspaceId: string;
  otherWorkspace: string;
  otherWorkspaceId: string;
  user: string;
  userId: string;
  launcher: Client;
  launcherId: string;
  launcherSecret: string;
}

export async function createOrganization(running: RunningArsia, name = 'acme'): Promise<Organization> {
  const { issuer } = running;
  const made = await running.arsia.operators.bootstrap({ organization: name, login: `${name}.owner` });
  const owner = createClient(issuer, made.token.access_token);
  const group = `${name}/lab`;
  const user = `ada@${name}.example`;
  const groupId = (await owner.send('POST', '/groups', { name: 'lab', parent: name })).id;
  const workspaceId = (await owner.send('POST', '/workspaces', { name: 'sim', group })).id;
  const otherWorkspaceId = (await owner.send('POST', '/workspaces', { name: 'reports', group })).id;
  const userId = (await owner.send('POST', '/users', { login: user })).id;
  for (const namespace of [workspaceId, otherWorkspaceId])
    await owner.send('POST', '/memberships', { namespace, principal: user, role: 'deployer' });
  const launcher = await createAccount(owner, group, 'launcher');
  await owner.send('POST', `/service-accounts/${launcher.id}/may-act`, {
    namespace: group,
    users: ['*'],
    labels: { pipeline: '*' },
  });
  return {
    issuer,
    name,
    id: made.organization.id,
    owner,
    ownerId: made.owner.id,
    group,
    groupId,
    workspace: `${group}/sim`,
    workspaceId,
    otherWorkspace: `${group}/reports`,
    otherWorkspaceId,
    user,
    userId,
    launcher: launcher.client,
    launcherId: launcher.id,
    launcherSecret: launcher.secret,
  };
}

/** Creates an operator of the installation, who belongs to no organisation. */
export async function createOperator({ arsia, issuer }: RunningArsia, login = 'root.operator'): Promise<Client> {
  const { token } = await arsia.operators.link(login);
  const { access_token } = await createClient(issuer).send('POST', '/admin-links/redeem', { token });
  return createClient(issuer, access_token);
}

export interface Account {
  id: string;
  secret: string;
  secretId: string;
  client: Client;
}

/** Creates a service account with a secret and signs it in; with `role` if it is given. */
export async function createAccount(
  owner: Client,
  group: string,
  name: string,
  membership?: { namespace: string; role: Role },
): Promise<Account> {
  const { id } = await owner.send('POST', '/service-accounts', { name, group });
  const secret = await owner.send('POST', `/service-accounts/${id}/secrets`);
  if (membership !== undefined) await owner.send('POST', '/memberships', { ...membership, principal: id });
  const client = await signIn(owner.issuer, id, secret.client_secret);
  return { id, secret: secret.client_secret, secretId: secret.id, client };
}

/** Creates a managed identity in the group of the organisation and assigns it to the first workspace. */
export async function createIdentity(organization: Organization, identity: Body, profile?: string): Promise<Body> {
  const { owner, group, workspaceId } = organization;
  const made = await owner.send('POST', '/managed-identities', { group, ...identity });
  await owner.send('POST', `/workspaces/${workspaceId}/managed-identities`, {
    managed_identity: made.id,
    ...(profile !== undefined && { profile }),
  });
  return made;
}

export interface Job {
  id: string;
  token: string;
  client: Client;
  path: string;
}

/** Starts a job with the launcher, by default for the user of the organisation. */
export async function startJob(organization: Organization, more: Body = {}, workspace?: string): Promise<Job> {
  const path = `/workspaces/${encoded(workspace ?? organization.workspace)}/jobs`;
  const job = await organization.launcher.send('POST', path, { user: organization.user, stage: 'run', ...more });
  const token = String(job.job_token);
  return { id: job.id, token, client: createClient(organization.issuer, token), path: `${path}/${job.id}` };
}
