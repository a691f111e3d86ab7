import { type Client, clientCredentials, createClient } from './client.ts';

/** The sample: one organisation, a group, two workspaces with one user each, and a launcher that may act for both users. */
export interface Organization {
  admin: Client;
  launcher: Client;
  workspace: string;
  otherWorkspace: string;
  user: string;
  otherUser: string;
}

export const group = 'acme/research';

export async function createOrganization(issuer: string, adminToken: string): Promise<Organization> {
  const admin = createClient(issuer, adminToken);
  await admin.send('POST', '/groups', { name: 'research', parent: 'acme' });
  const workspace = `${group}/simulation`;
  const otherWorkspace = `${group}/reports`;
  for (const path of [workspace, otherWorkspace])
    await admin.send('POST', '/workspaces', { name: path.split('/').at(-1), group });
  await admin.send('POST', '/users', { login: 'ada@acme.example', display_name: 'Ada' });
  await admin.send('POST', '/users', { login: 'bob@acme.example', display_name: 'Bob' });
  await admin.send('POST', '/memberships', { namespace: workspace, principal: 'ada@acme.example', role: 'deployer' });
  await admin.send('POST', '/memberships', {
    namespace: otherWorkspace,
    principal: 'bob@acme.example',
    role: 'deployer',
  });
  const { id } = await admin.send('POST', '/service-accounts', { name: 'pipelines', group });
  await admin.send('POST', `/service-accounts/${id}/may-act`, { namespace: group, users: ['*'], stages: ['run'] });
  const secret = await admin.send('POST', `/service-accounts/${id}/secrets`);
  const launcherToken = await clientCredentials(issuer, String(id), String(secret.client_secret));
  return {
    admin,
    launcher: createClient(issuer, launcherToken),
    workspace,
    otherWorkspace,
    user: 'ada@acme.example',
    otherUser: 'bob@acme.example',
  };
}

export function encoded(path: string): string {
  return encodeURIComponent(path);
}
