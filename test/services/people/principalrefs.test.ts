import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import type { Body, Client } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import {
  type Account,
  createAccount,
  createIdentity,
  createOrganization,
  type Organization,
} from '../../support/organization.ts';

/** Requests name a principal by id, a user by login, a team by name and a service account by path. */
let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let owner: Client;
let team: string;
let identity: string;
/** An owner of the group, who does not see the group `vault`. */
let ofLab: Account;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  ({ owner } = acme);
  team = (await owner.send('POST', '/teams', { name: 'ops' })).id;
  await owner.send('POST', '/teams', { name: 'twice' });
  await owner.send('POST', '/users', { login: 'twice' });
  const settings = { audience: 'https://x.example' };
  identity = (await createIdentity(acme, { name: 'i', type: 'oidc', subject_scope: 'user', settings })).id;
  await owner.send('POST', '/groups', { name: 'vault', parent: 'acme' });
  await createAccount(owner, 'acme/vault', 'robot');
  ofLab = await createAccount(owner, acme.group, 'of-lab', { namespace: acme.groupId, role: 'owner' });
}, 60_000);

let count = 0;
const fresh = async (): Promise<string> =>
  (await owner.send('POST', '/workspaces', { name: `w${++count}`, group: acme.group })).id;

/** Each place where a request names a principal, and the member of the answer that has its id. */
const places: Record<string, (client: Client, principal: string, workspace: string) => ReturnType<Client['ask']>> = {
  'a membership': (client, principal, namespace) =>
    client.ask('POST', '/memberships', { namespace, principal, role: 'viewer' }),
  'a use grant': (client, principal) => client.ask('POST', `/managed-identities/${identity}/grants`, { principal }),
  'an assignment': (client, principal, workspace) =>
    client.ask('POST', `/workspaces/${workspace}/managed-identities`, { managed_identity: identity, principal }),
};

describe.each(Object.keys(places))('%s', (place) => {
  let workspace: string;
  const name = (client: Client, principal: string) => places[place]!(client, principal, workspace);

  beforeEach(async () => {
    workspace = await fresh();
  });

  test('names a team by name and a service account by path', async () => {
    expect((await name(owner, 'ops')).body).toMatchObject({ principal_id: team, principal: 'ops' });
    expect((await name(owner, 'acme/lab/launcher')).body).toMatchObject({ principal_id: acme.launcherId });
    expect((await name(owner, acme.user)).body).toMatchObject({ principal_id: acme.userId });
  });

  test('refuses a name of both a user and a team, with both ids', async () => {
    const { answer } = await oracle.refuses(() => name(owner, 'twice'), { status: 400, code: 'invalid_request' });
    expect(answer.body.errors).toEqual([{ pointer: '/principal', detail: 'names a user and a team' }]);
    expect(answer.body.advice).toMatch(/usr_\w{26} for the user, team_\w{26} for the team/);
  });

  test('finds the path of a service account only for a caller who sees its group', async () => {
    const hidden = await name(ofLab.client, 'acme/vault/robot');
    const never = await name(ofLab.client, 'acme/vault/nobody');
    expect([hidden.status, never.status]).toEqual([400, 400]);
    expect(hidden.body.detail.replace('robot', 'nobody')).toBe(never.body.detail);
    expect((await name(ofLab.client, 'acme/lab/launcher')).status).toBe(201);
  });
});

test('a right to act names a team by name, and its own account by path', async () => {
  const right = (users: string[]) =>
    owner.ask('POST', `/service-accounts/${acme.launcherId}/may-act`, { namespace: acme.group, users });
  expect((await right(['ops', 'acme/lab/launcher'])).body.users).toEqual([team, acme.launcherId]);
  const { answer } = await oracle.refuses(() => right(['ops', 'twice']), { status: 400, code: 'invalid_request' });
  expect(answer.body.errors).toEqual([{ pointer: '/users/1', detail: 'names a user and a team' }]);
  expect((await right(['acme/lab/of-lab'])).status).toBe(404);
});

test('an access rule and a subject grant name a service account by a path that the caller sees', async () => {
  const rule = (client: Client, value: string) =>
    client.ask('POST', `/managed-identities/${identity}/access-rules`, { kind: 'service_account', values: [value] });
  expect((await rule(owner, 'acme/lab/launcher')).body.values).toEqual([acme.launcherId]);
  expect((await rule(ofLab.client, 'acme/vault/robot')).status).toBe(400);
  const grant = (client: Client, launcher: string): Promise<Body> =>
    client.ask('POST', `/managed-identities/${identity}/subject-grants`, { launcher });
  expect((await grant(owner, 'acme/vault/robot')).status).toBe(201);
  expect((await grant(ofLab.client, 'acme/vault/robot')).status).toBe(404);
});
