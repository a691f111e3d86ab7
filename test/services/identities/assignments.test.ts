import { beforeAll, describe, expect, test } from '@jest/globals';
import { startArsia } from '../../support/arsia.ts';
import { type Body, type Client, encoded } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createAccount, createOrganization, type Organization } from '../../support/organization.ts';

let oracle: Oracle;
let organization: Organization;
let owner: Client;

beforeAll(async () => {
  const running = await startArsia();
  oracle = await createOracle(running);
  organization = await createOrganization(running);
  ({ owner } = organization);
}, 60_000);

let made = 0;
const fresh = (prefix: string) => `${prefix}${++made}`;
const conflict = { status: 409, code: 'conflict' };
const newWorkspace = (group = organization.group): Promise<Body> =>
  owner.send('POST', '/workspaces', { name: fresh('w'), group });
const newIdentity = (group = organization.group): Promise<Body> => {
  const name = fresh('i');
  const settings = { audience: `https://${name}.example.com` };
  return owner.send('POST', '/managed-identities', { name, group, type: 'oidc', settings });
};
const listPrincipals = async ({ id }: Body) =>
  (await owner.send('GET', `/workspaces/${id}/managed-identities`)).items.map((one: Body) => one.principal_id);

describe('unassigning', () => {
  /** Assigns one identity to everyone and to two users, in this order. */
  async function assignThrice() {
    const [workspace, identity] = [await newWorkspace(), await newIdentity()];
    const other = await owner.send('POST', '/users', { login: `${fresh('u')}@acme.example` });
    const path = `/workspaces/${workspace.id}/managed-identities`;
    const assign = (body: Body) => owner.send('POST', path, { managed_identity: identity.id, ...body });
    const all = [
      await assign({}),
      await assign({ principal: organization.userId }),
      await assign({ principal: other.id }),
    ];
    const users = [organization.userId, other.id as string].toSorted();
    return { workspace, identity, all, users, path: `${path}/${identity.id}` };
  }

  test('by the address of an assignment leaves the other assignments of the identity', async () => {
    const { workspace, all, users } = await assignThrice();
    const addresses = all.map(({ assignment_id }) => `/workspaces/${workspace.id}/assignments/${assignment_id}`);
    expect((await owner.ask('DELETE', addresses[0]!)).status).toBe(204);
    expect(await listPrincipals(workspace)).toEqual(users);
    expect((await owner.ask('DELETE', addresses[1]!)).status).toBe(204);
    expect(await listPrincipals(workspace)).toEqual([all[2]!.principal_id]);
    await oracle.refuses(() => owner.ask('DELETE', addresses[0]!), { status: 404, code: 'not_found' });
    const elsewhere = `/workspaces/${organization.workspaceId}/assignments/${all[2]!.assignment_id}`;
    await oracle.refuses(() => owner.ask('DELETE', elsewhere), { status: 404, code: 'not_found' });
    expect(await listPrincipals(workspace)).toEqual([all[2]!.principal_id]);
  });

  test('an identity with several assignments is refused with their addresses, unless forced', async () => {
    const { workspace, identity, all, path } = await assignThrice();
    const { answer } = await oracle.refuses(() => owner.ask('DELETE', path), conflict);
    expect(answer.body.detail).toContain(`${identity.path} has 3 assignments to ${workspace.path}`);
    for (const { assignment_id, principal_id } of all)
      expect(answer.body.detail).toContain(`${assignment_id} for ${principal_id || 'everyone'}`);
    expect(answer.body.advice).toContain(`/workspaces/${workspace.id}/assignments/${all[0]!.assignment_id}`);
    expect(await listPrincipals(workspace)).toHaveLength(3);
    expect((await owner.ask('DELETE', `${path}?force=true`)).status).toBe(204);
    expect(await listPrincipals(workspace)).toEqual([]);
    const { items } = await owner.send('GET', '/audit-events?action=managed_identity.unassign&limit=200');
    const recorded = items.find(({ detail }: Body) => detail.workspace === workspace.path && detail.force === true);
    expect(recorded.detail.removed.map((one: Body) => one.assignment_id).toSorted()).toEqual(
      all.map(({ assignment_id }) => assignment_id).toSorted(),
    );
  });

  test('for everyone leaves the assignments of single users, and one that does not exist is named', async () => {
    const { workspace, identity, users, path } = await assignThrice();
    expect((await owner.ask('DELETE', `${path}?principal=*`)).status).toBe(204);
    expect(await listPrincipals(workspace)).toEqual(users);
    const { answer } = await oracle.refuses(() => owner.ask('DELETE', `${path}?principal=*`), {
      status: 404,
      code: 'not_found',
    });
    expect(answer.body.detail).toBe(`${identity.path} is not assigned to ${workspace.path} for everyone.`);
  });

  test('needs no force where the identity has one assignment', async () => {
    const { workspace, path, users } = await assignThrice();
    for (const user of users) await owner.send('DELETE', `${path}?principal=${user}`);
    expect((await owner.ask('DELETE', path)).status).toBe(204);
    expect(await listPrincipals(workspace)).toEqual([]);
  });
});

test('an assignment that is repeated keeps its address and its time', async () => {
  const [workspace, identity] = [await newWorkspace(), await newIdentity()];
  const assign = () =>
    owner.send('POST', `/workspaces/${workspace.id}/managed-identities`, { managed_identity: identity.id });
  const first = await assign();
  expect(first.assignment_id).toMatch(/^asg_/);
  expect(await assign()).toEqual(first);
});

describe('an identity that is not usable in a workspace', () => {
  /** Creates an identity in one group and a workspace in another one. */
  async function makeApart() {
    const group = await owner.send('POST', '/groups', { name: fresh('g'), parent: 'acme' });
    return { identity: await newIdentity(), workspace: await newWorkspace(group.path), group };
  }

  test('is refused with the reason and the ways out where the caller may see both', async () => {
    const { identity, workspace, group } = await makeApart();
    const assigned = `/workspaces/${workspace.id}/managed-identities`;
    for (const send of [
      () => owner.ask('POST', assigned, { managed_identity: identity.id }),
      () => owner.ask('POST', assigned, { managed_identity: identity.path }),
      () => owner.ask('DELETE', `${assigned}/${identity.id}`),
      () => owner.ask('POST', `/workspaces/${workspace.id}/masks`, { managed_identity: identity.id }),
      () => owner.ask('GET', `/managed-identities/${identity.id}/trust?workspace=${workspace.id}`),
      () => owner.ask('GET', `/managed-identities/${identity.id}/claims?workspace=${workspace.id}`),
    ]) {
      const { answer } = await oracle.refuses(send, conflict);
      expect(answer.body.detail).toContain(`${identity.path} is not usable in ${workspace.path}: its group acme/lab`);
      expect(answer.body.advice).toContain(`/managed-identities/${identity.id}/aliases {"group":"${group.path}"}`);
      expect(answer.body.advice).toContain(`/managed-identities/${identity.id}/move`);
    }
  });

  /** Every request that names the identity at a place. */
  const listRequests = (client: Client, ref: string, workspace: Body) => {
    const [place, last] = [`/workspaces/${workspace.id}`, encoded(ref)];
    const body = { managed_identity: ref };
    return [
      () => client.ask('POST', `${place}/managed-identities`, body),
      () => client.ask('DELETE', `${place}/managed-identities/${last}`),
      () => client.ask('DELETE', `${place}/managed-identities/${last}?principal=*&force=true`),
      () => client.ask('POST', `${place}/masks`, body),
      () => client.ask('POST', `${place}/masks?force=true`, body),
      () => client.ask('DELETE', `${place}/masks/${last}`),
      () => client.ask('GET', `/managed-identities/${last}/trust?workspace=${workspace.id}`),
      () => client.ask('GET', `/managed-identities/${last}/claims?workspace=${workspace.id}`),
      () => client.ask('POST', `/managed-identities/${last}/aliases`, { group: 'acme' }),
      () => client.ask('POST', `/managed-identities/${last}/move`, { group: 'acme' }),
      () =>
        client.ask('POST', '/workspaces', {
          name: fresh('w'),
          group: workspace.path.slice(0, workspace.path.lastIndexOf('/')),
          managed_identities: [body],
        }),
    ];
  };

  test('is refused like one that does not exist where the caller may not see the identity', async () => {
    const { identity, workspace, group } = await makeApart();
    const role = { namespace: group.id, role: 'owner' } as const;
    const { client } = await createAccount(owner, organization.group, fresh('stranger'), role);
    const elsewhere = await owner.send('POST', '/groups', { name: fresh('g'), parent: 'acme' });
    const alias = await owner.send('POST', `/managed-identities/${identity.id}/aliases`, { group: elsewhere.id });
    const unknownId = `${identity.id.slice(0, -3)}000`;
    for (const [ref, absent] of [
      [identity.id, unknownId],
      [identity.path, `${identity.path}x`],
      [alias.path, `${alias.path}x`],
    ] as const) {
      const absentAnswers = listRequests(client, absent, workspace);
      for (const [index, send] of listRequests(client, ref, workspace).entries()) {
        const { answer } = await oracle.refuses(send, { status: 404, code: 'not_found' });
        expect(answer.body.detail).toBe(`There is no managed identity "${ref}", or you may not see it.`);
        const { request_id: _, ...shown } = answer.body;
        const { request_id: __, ...other } = (await absentAnswers[index]!()).body;
        expect(JSON.stringify(shown)).toBe(JSON.stringify(other).replaceAll(absent, ref));
      }
    }
  });

  test('is refused as an unknown workspace where the caller may see only the identity', async () => {
    const { identity, workspace } = await makeApart();
    const role = { namespace: organization.groupId, role: 'owner' } as const;
    const { client } = await createAccount(owner, organization.group, fresh('neighbour'), role);
    for (const send of listRequests(client, identity.id, workspace).slice(0, 8)) {
      const { answer } = await oracle.refuses(send, { status: 404, code: 'not_found' });
      expect(answer.body.detail).toContain(`"${workspace.id}", or you may not see it.`);
    }
  });

  test('because it is masked is refused with the address of the mask', async () => {
    const [workspace, identity] = [await newWorkspace(), await newIdentity()];
    await owner.send('POST', `/workspaces/${workspace.id}/masks`, { managed_identity: identity.id });
    const assign = () =>
      owner.ask('POST', `/workspaces/${workspace.id}/managed-identities`, { managed_identity: identity.id });
    const { answer } = await oracle.refuses(assign, conflict);
    expect(answer.body.advice).toContain(`DELETE /api/v1/workspaces/${workspace.id}/masks/${identity.id}.`);
    await owner.send('DELETE', `/workspaces/${workspace.id}/masks/${identity.id}`);
    expect((await assign()).status).toBe(201);
  });
});
