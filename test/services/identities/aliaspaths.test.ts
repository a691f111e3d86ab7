import { beforeAll, describe, expect, test } from '@jest/globals';
import { startArsia } from '../../support/arsia.ts';
import { type Body, type Client, encoded } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createAccount, createOrganization, type Organization } from '../../support/organization.ts';

/** Decision 0032: reads, assign and trust take the path of an alias; changes need the managed identity itself. */
let oracle: Oracle;
let organization: Organization;
let owner: Client;
let identity: Body;
let alias: Body;
let workspace: Body;
/** The address of the identity by the path of its alias. */
let byAlias: string;
let named: Body;

const forbidden = { status: 403, code: 'forbidden' };
const unknown = { status: 404, code: 'not_found' };
const conflict = { status: 409, code: 'conflict' };
const lists = ['access-rules', 'grants', 'subject-grants', 'aliases', 'masks'];

beforeAll(async () => {
  const running = await startArsia();
  oracle = await createOracle(running);
  organization = await createOrganization(running);
  ({ owner } = organization);
  const plant = await owner.send('POST', '/groups', { name: 'plant', parent: 'acme' });
  await owner.send('POST', '/groups', { name: 'mill', parent: 'acme' });
  workspace = await owner.send('POST', '/workspaces', { name: 'line', group: plant.path });
  const body = { name: 'api', group: organization.group, type: 'oidc', settings: { audience: 'https://api.example' } };
  identity = await owner.send('POST', '/managed-identities', body);
  const wanted = { group: plant.path, name: 'shared' };
  alias = await owner.send('POST', `/managed-identities/${identity.id}/aliases`, wanted);
  byAlias = `/managed-identities/${encoded(alias.path)}`;
  named = { id: alias.id, path: 'acme/plant/shared', source: identity.path };
}, 60_000);

let made = 0;
const createMember = async (namespace: string, role: 'viewer' | 'deployer' | 'owner') =>
  (await createAccount(owner, organization.group, `member${++made}`, { namespace, role })).client;

describe('the path of an alias', () => {
  test('reads the source, and the answer names the alias', async () => {
    expect(await owner.send('GET', byAlias)).toEqual({ ...identity, alias: named });
    expect(await owner.send('GET', `/managed-identities/${identity.id}`)).toEqual(identity);
    for (const list of lists)
      expect(await owner.send('GET', `${byAlias}/${list}`)).toEqual(
        await owner.send('GET', `/managed-identities/${identity.id}/${list}`),
      );
  });

  test('shows and evaluates the trust documents of the source', async () => {
    const query = `?workspace=${workspace.id}`;
    const trust = await owner.send('GET', `/managed-identities/${identity.id}/trust${query}`);
    expect(await owner.send('GET', `${byAlias}/trust${query}`)).toEqual({ ...trust, alias: named });
    const { sub } = await owner.send('GET', `${byAlias}/claims${query}`);
    expect(sub).toBe(`${identity.id}:${workspace.id}`);
    const document = '{}';
    const evaluate = { document, workspace: workspace.id };
    const direct = await owner.ask('POST', `/managed-identities/${identity.id}/trust/evaluate`, evaluate);
    const answer = await owner.ask('POST', `${byAlias}/trust/evaluate`, evaluate);
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
      direct.status,
      direct.body.code,
      direct.body.detail,
    ]);
  });

  test('assigns the source, also with a new workspace', async () => {
    const assigned = await owner.send('POST', `/workspaces/${workspace.id}/managed-identities`, {
      managed_identity: alias.path,
    });
    expect(assigned).toMatchObject({ id: identity.id, path: identity.path, alias: named });
    const body = { name: 'second', group: 'acme/plant', managed_identities: [{ managed_identity: alias.path }] };
    const { id } = await owner.send('POST', '/workspaces', body);
    const { items } = await owner.send('GET', `/workspaces/${id}/managed-identities`);
    expect(items.map((one: Body) => one.id)).toEqual([identity.id]);
  });

  test('is refused for every change, with the path of the source', async () => {
    const atWorkspace = `/workspaces/${workspace.id}`;
    const last = encoded(alias.path);
    for (const [method, path, body] of [
      ['PATCH', byAlias, { description: 'x' }],
      ['DELETE', `${byAlias}?name=api&force=true`],
      ['DELETE', `${byAlias}?name=shared&force=true`],
      ['POST', `${byAlias}/move`, { group: 'acme/plant' }],
      ['POST', `${byAlias}/aliases`, { group: 'acme/mill' }],
      ['DELETE', `${byAlias}/aliases/${alias.id}?force=true`],
      ['POST', `${byAlias}/access-rules`, { kind: 'stage', values: ['run'] }],
      ['POST', `${byAlias}/grants`, { principal: '*' }],
      ['POST', `${byAlias}/subject-grants`, { namespace: workspace.id }],
      ['POST', `${atWorkspace}/masks`, { managed_identity: alias.path }],
      ['DELETE', `${atWorkspace}/masks/${last}`],
      ['DELETE', `${atWorkspace}/managed-identities/${last}?force=true`],
    ] as const) {
      const { answer } = await oracle.refuses(() => owner.ask(method, path, body), conflict);
      expect([path, answer.body.detail]).toEqual([
        path,
        `${alias.path} is an alias of ${identity.path}: a change names the managed identity itself.`,
      ]);
      expect(answer.body.advice).toContain(`/managed-identities/${identity.id}/aliases/${alias.id}`);
    }
  });

  test('reads the source for a member of its group, but not what belongs to the source', async () => {
    const viewer = await createMember('acme/plant', 'viewer');
    expect(await viewer.send('GET', byAlias)).toEqual({ ...identity, alias: named });
    expect((await viewer.ask('GET', `${byAlias}/trust?workspace=${workspace.id}`)).status).toBe(200);
    for (const list of lists) {
      const { answer } = await oracle.refuses(() => viewer.ask('GET', `${byAlias}/${list}`), forbidden);
      expect(answer.body.detail).toContain(`${alias.path} is an alias of ${identity.path}`);
    }
    await oracle.refuses(() => viewer.ask('GET', `/managed-identities/${identity.id}`), unknown);
    await oracle.refuses(() => viewer.ask('PATCH', byAlias, { description: 'x' }), conflict);
  });

  test('shows a member of its group no workspace that it may not see', async () => {
    const body = {
      name: 'hidden',
      group: organization.group,
      type: 'oidc',
      settings: { audience: 'https://h.example' },
    };
    const { id } = await owner.send('POST', '/managed-identities', body);
    const { path } = await owner.send('POST', `/managed-identities/${id}/aliases`, { group: 'acme/plant' });
    const assigned = `/workspaces/${organization.workspaceId}/managed-identities`;
    await owner.send('POST', assigned, { managed_identity: id });
    const trust = `/managed-identities/${encoded(path)}/trust`;
    expect((await owner.send('GET', trust)).subject).toBe(`${id}:${organization.workspaceId}`);
    const viewer = await createMember('acme/plant', 'viewer');
    const { answer } = await oracle.refuses(() => viewer.ask('GET', trust), { status: 400, code: 'invalid_request' });
    expect(answer.text).not.toContain(organization.workspaceId);
  });

  test('assigns nothing for a deployer of its group who may not use the source', async () => {
    const deployer = await createMember('acme/plant', 'deployer');
    const place = await owner.send('POST', '/workspaces', { name: 'third', group: 'acme/plant' });
    const assigned = `/workspaces/${place.id}/managed-identities`;
    const assign = () => deployer.ask('POST', assigned, { managed_identity: alias.path });
    const { answer } = await oracle.refuses(assign, forbidden);
    expect(answer.body.detail).toBe(`You may not use the managed identity ${identity.path}.`);
    const founder = await createMember('acme/plant', 'owner');
    const body = { name: 'fourth', group: 'acme/plant', managed_identities: [{ managed_identity: alias.path }] };
    await oracle.refuses(() => founder.ask('POST', '/workspaces', body), forbidden);
    await owner.send('POST', `/managed-identities/${identity.id}/grants`, { principal: '*' });
    expect((await assign()).status).toBe(201);
    expect((await founder.ask('POST', '/workspaces', body)).status).toBe(201);
  });

  test('is unknown to whoever may see neither the alias nor the source', async () => {
    const stranger = await createMember('acme/mill', 'owner');
    const mill = await owner.send('POST', '/workspaces', { name: 'mill', group: 'acme/mill' });
    const attempts = [
      () => stranger.ask('GET', byAlias),
      () => stranger.ask('GET', `${byAlias}/trust?workspace=${mill.id}`),
      () => stranger.ask('GET', `${byAlias}/grants`),
      () => stranger.ask('PATCH', byAlias, { description: 'x' }),
      () => stranger.ask('DELETE', `${byAlias}?name=api`),
      () => stranger.ask('POST', `/workspaces/${mill.id}/managed-identities`, { managed_identity: alias.path }),
      () => stranger.ask('DELETE', `/workspaces/${mill.id}/managed-identities/${encoded(alias.path)}`),
    ];
    for (const attempt of attempts) {
      const { answer } = await oracle.refuses(attempt, unknown);
      expect(answer.body.detail).toBe(`There is no managed identity "${alias.path}", or you may not see it.`);
    }
  });
});
