import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Answer, type Body, type Client, createClient } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Organization,
  startJob,
} from '../../support/organization.ts';
import { rounds } from '../../support/rounds.ts';

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let owner: Client;
let there: Client;
let replica: RunningArsia;
let count = 0;

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  ({ owner } = acme);
  replica = await startArsia({ home: running.home });
  there = createClient(replica.origin, owner.token);
}, 60_000);

const group = async (parent = 'acme'): Promise<Body> => owner.send('POST', '/groups', { name: `g${++count}`, parent });
const workspace = async (parent: string): Promise<Body> =>
  owner.send('POST', '/workspaces', { name: `w${++count}`, group: parent });
const rename = (of: Body, name: string, client = owner): Promise<Answer> =>
  client.ask('PATCH', `/${of.id.startsWith('ws') ? 'workspaces' : 'groups'}/${of.id}`, { name });
const at = (path: string) => owner.ask('GET', `/groups/${encodeURIComponent(path)}`);

async function expectWholeTree(): Promise<void> {
  const torn = await oracle.execute(`
    SELECT n.path FROM namespaces n LEFT JOIN namespaces p ON p.id = n.parent_id
    WHERE n.parent_id IS NOT NULL AND (p.id IS NULL OR n.path <> p.path || '/' || n.name OR n.lineage <> p.lineage || n.id)`);
  expect(torn).toEqual([]);
}

describe('renaming', () => {
  test('changes the paths of everything below, and no id; the old path is gone and can be used again', async () => {
    const top = await group();
    const inner = await group(top.path);
    const leaf = await workspace(inner.path);
    const answer = await rename(top, `new${count}`);
    expect(answer.body).toMatchObject({ id: top.id, name: `new${count}`, path: `acme/new${count}`, warnings: [] });
    expect(await owner.send('GET', `/workspaces/${leaf.id}`)).toMatchObject({
      path: `acme/new${count}/${inner.name}/${leaf.name}`,
    });
    expect((await at(top.path)).status).toBe(404);
    const [record] = await oracle.recordsOf(answer);
    expect(record).toMatchObject({ action: 'group.update', target_id: top.id });
    expect(record!.detail).toMatchObject({ path: top.path, to: `acme/new${count}`, name: `new${count}` });
    const again = await owner.send('POST', '/groups', { name: top.name, parent: 'acme' });
    expect(again.id).not.toBe(top.id);
    expect((await at(top.path)).body.id).toBe(again.id);
    await expectWholeTree();
  });

  test('leaves subjects as they are, and tokens show the new path with the next request', async () => {
    const identity = await createIdentity(acme, {
      name: 'kept',
      type: 'oidc',
      settings: { audience: 'https://kept.example' },
    });
    const claims = `/managed-identities/${identity.id}/claims?workspace=${acme.workspaceId}`;
    const job = await startJob(acme);
    const mint = () => job.client.send('POST', '/tokens', { managed_identity: identity.id });
    const [before, first] = [await owner.send('GET', claims), await mint()];
    const renamed = await owner.send('PATCH', `/workspaces/${acme.workspaceId}`, { name: 'sim2', description: 'both' });
    expect(renamed).toMatchObject({ path: 'acme/lab/sim2', description: 'both' });
    const [after, second] = [await owner.send('GET', claims), await mint()];
    expect(second.subject).toBe(first.subject);
    expect(after).toMatchObject({ sub: before.sub, workspace: 'acme/lab/sim2', workspace_id: before.workspace_id });
    const payload = JSON.parse(Buffer.from(second.token.split('.')[1], 'base64url').toString());
    expect(payload).toMatchObject({ sub: before.sub, workspace: 'acme/lab/sim2' });
    await owner.send('PATCH', `/workspaces/${acme.workspaceId}`, { name: 'sim' });
  });

  test('N20 an old path that is used again means the new identity for a job that another replica has kept', async () => {
    const own = await group();
    const make = async (name: string) => {
      const settings = { audience: `https://${name}.example` };
      return await owner.send('POST', '/managed-identities', { name: 'api', group: own.path, type: 'oidc', settings });
    };
    const place = await owner.send('POST', '/workspaces', { name: `w${++count}`, group: own.path });
    const first = await make(`first${count}`);
    await owner.send('POST', `/workspaces/${place.id}/managed-identities`, { managed_identity: first.id });
    await owner.send('POST', '/memberships', { namespace: place.id, principal: acme.user, role: 'deployer' });
    await owner.send('POST', `/service-accounts/${acme.launcherId}/may-act`, { namespace: own.path, users: ['*'] });
    const job = await startJob(acme, {}, place.id);
    const client = createClient(replica.origin, job.token);
    const mint = (path: string) => client.ask('POST', '/tokens', { managed_identity: path });
    for (let times = 0; times < 3; times++) expect((await mint(first.path)).body.subject).toContain(first.id);
    await rename(own, `moved${count}`);
    expect((await mint(first.path)).status).toBe(404);
    await owner.send('POST', '/groups', { name: own.name, parent: 'acme' });
    const second = await make(`second${count}`);
    expect(second.path).toBe(first.path);
    expect((await mint(first.path)).status).toBe(404);
    expect((await mint(`acme/moved${count}/api`)).body.subject).toContain(first.id);
  });

  test('warns where a trust document can show the path, for each identity by its kind', async () => {
    const top = await group();
    const leaf = await workspace(top.path);
    const make = async (name: string, type: string, settings: object) => {
      const made = await owner.send('POST', '/managed-identities', { name, group: top.path, type, settings });
      await owner.send('POST', `/workspaces/${leaf.id}/managed-identities`, {
        managed_identity: made.id,
        profile: name,
      });
    };
    const role_arn = 'arn:aws:iam::111122223333:role/x';
    await make('tagged', 'aws', { role_arn, session_tags: { Project: 'workspace', By: 'identity', Phase: 'stage' } });
    await make('plain', 'aws', { role_arn });
    await make('relying', 'oidc', { audience: `https://relying${count}.example` });
    const ofWorkspace = (await rename(leaf, `leaf${count}`)).body.warnings;
    expect(ofWorkspace).toEqual([
      expect.stringMatching(/relying show a path that has changed: the claim `workspace` \(workspace\)\./),
      expect.stringMatching(
        /tagged show a path that has changed: the session tag aws:PrincipalTag\/Project \(aws:RequestTag\/Project in the trust policy\) \(workspace\)\./,
      ),
    ]);
    const ofGroup = (await rename(top, `top${count}`)).body.warnings;
    expect(ofGroup.join(' ')).toContain(`acme/top${count}/relying`);
    expect(ofGroup.join(' ')).toContain(
      'the claim `identity` (identity), the claim `workspace` (workspace), the claim `group`',
    );
    expect(ofGroup.join(' ')).toContain('aws:PrincipalTag/By');
    expect(ofGroup.join(' ')).not.toContain('plain');
    const place = await group();
    const moved = await owner.send('POST', `/groups/${top.id}/move`, { parent: place.id });
    expect(moved.warnings.join(' ')).toContain(`${place.path}/top`);
  });

  test('is refused for a taken name, an organisation, and a name that is none', async () => {
    const [one, other] = [await group(), await group()];
    const taken = await oracle.refuses(() => rename(one, other.name), { status: 409, code: 'conflict' });
    expect(taken.answer.body.errors).toEqual([{ pointer: '/name', detail: 'is already used in this group' }]);
    await oracle.refuses(() => rename({ id: acme.id }, 'globex'), { status: 409, code: 'conflict' });
    await oracle.refuses(() => rename(one, 'No/Name'), { status: 400, code: 'invalid_request' });
    expect((await rename(one, one.name)).body).toEqual({ ...one, version: 2 });
  });

  test('needs an owner of the group above, whose names it takes', async () => {
    const top = await group();
    const { client } = await createAccount(owner, 'acme', `of${count}`, { namespace: top.id, role: 'owner' });
    const { answer } = await oracle.refuses(() => rename(top, 'mine', client), { status: 403, code: 'forbidden' });
    expect(answer.body.detail).toBe('Your role on acme is too low to choose a name in it.');
    expect((await client.ask('PATCH', `/groups/${top.id}`, { description: 'mine' })).status).toBe(200);
    const inner = await group(top.path);
    expect((await rename(inner, 'mine', client)).status).toBe(200);
  });

  test('N72: is refused to an owner who is viewer of a group below', async () => {
    const top = await group();
    const vault = await group((await group(top.path)).path);
    const account = await createAccount(owner, 'acme', `viewer${count}`, { namespace: 'acme', role: 'viewer' });
    const place = await group();
    await owner.send('POST', `/groups/${top.id}/move`, { parent: place.id });
    await owner.send('POST', '/memberships', { namespace: place.id, principal: account.id, role: 'owner' });
    await owner.send('POST', '/memberships', { namespace: vault.id, principal: account.id, role: 'viewer' });
    await oracle.refuses(() => rename(top, 'taken', account.client), { status: 403, code: 'forbidden' });
  });

  test('while something is created in it, moved out of it or renamed too keeps the tree whole', async () => {
    for (let round = 0; round < rounds(6, 100); round++) {
      const top = await group();
      const inner = await group(top.path);
      const place = await group();
      const races: (() => Promise<Answer>)[] = [
        () => there.ask('POST', '/workspaces', { name: 'w', group: inner.id }),
        () => there.ask('POST', `/groups/${inner.id}/move`, { parent: place.id }),
        () => rename(inner, `r${count}`, there),
        () => there.ask('POST', '/groups', { name: `race${round}`, parent: 'acme' }),
      ];
      for (const [index, race] of races.entries()) {
        const answers = await Promise.all([rename(top, index === 3 ? `race${round}` : `t${count}-${index}`), race()]);
        for (const { status, text } of answers)
          expect({ text, isTold: [200, 201, 403, 404, 409, 503].includes(status) }).toEqual({ text, isTold: true });
        if (index === 3) expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
        await expectWholeTree();
      }
    }
  }, 120_000);
});
