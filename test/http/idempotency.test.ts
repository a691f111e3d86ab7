import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '../../src/http/api/routes.ts';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Body, type Client, createClient } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import {
  type Account,
  createAccount,
  createOrganization,
  type Job,
  type Organization,
} from '../support/organization.ts';
import { rounds } from '../support/rounds.ts';
import { cases, requestOf } from './cases.ts';
import { makeThings, type Things } from './things.ts';

const hours = 60 * 60 * 1000;
const send = (client: Client, path: string, body: unknown, key: string): Promise<Answer> =>
  client.ask('POST', path, body, { 'idempotency-key': key });
const isReplay = (answer: Answer): boolean => answer.headers.get('idempotency-replayed') === 'true';

describe.each(servedKinds)('an idempotency key on the %s database', (kind) => {
  let running: RunningArsia;
  let organization: Organization;
  let group: Body;

  beforeAll(async () => {
    running = await startArsia({ signIn: true, home: await makeHome(kind) });
    organization = await createOrganization(running);
    group = await organization.owner.send('GET', '/groups/acme%2Flab');
  }, 60_000);

  const listChildren = async (): Promise<string[]> =>
    (await organization.owner.send('GET', '/groups?limit=200')).items.map((item: Body) => item.path);

  test('repeats the first answer for the same request, and creates nothing', async () => {
    const key = randomUUID();
    const first = await send(organization.owner, '/groups', { name: 'once', parent: 'acme' }, key);
    expect([first.status, isReplay(first)]).toEqual([201, false]);
    // The order of JSON members does not matter; an id and a path are different requests.
    for (const body of [
      { name: 'once', parent: 'acme' },
      { parent: 'acme', name: 'once', description: '' },
    ]) {
      const again = await send(organization.owner, '/groups', body, key);
      expect([again.status, again.body, isReplay(again)]).toEqual([201, first.body, true]);
      expect(again.headers.get('etag')).toBe(first.headers.get('etag'));
    }
    expect((await listChildren()).filter((path) => path === 'acme/once')).toHaveLength(1);
    expect((await send(organization.owner, '/groups', { name: 'once', parent: 'acme' }, randomUUID())).status).toBe(
      409,
    );
  });

  test('leaves the secret out of a replay, and names it', async () => {
    const { owner, workspaceId, launcher, user, launcherId } = organization;
    const path = `/workspaces/${workspaceId}/jobs`;
    for (const [client, where, body, member] of [
      [launcher, path, { user, stage: 'run' }, 'job_token'],
      [owner, `/service-accounts/${launcherId}/secrets`, undefined, 'client_secret'],
    ] as const) {
      const key = randomUUID();
      const { body: first } = await send(client, where, body, key);
      expect(first[member]).toMatch(/^arsia_/);
      expect(first.withheld).toBeUndefined();
      const again = await send(client, where, body, key);
      const { [member]: _secret, ...rest } = first;
      expect([again.status, again.body]).toEqual([201, { ...rest, withheld: [member] }]);
    }
  });

  test('is refused with another body, path or query, and nothing changes', async () => {
    const key = randomUUID();
    await send(organization.owner, '/groups', { name: 'mine', parent: 'acme' }, key);
    const before = await listChildren();
    for (const body of [
      { name: 'other', parent: 'acme' },
      { name: 'mine', parent: group.id },
    ]) {
      const answer = await send(organization.owner, '/groups', body, key);
      expect([answer.status, answer.body.code]).toEqual([422, 'idempotency_key_reused']);
    }
    const grants = randomUUID();
    const jobs = (workspace: string) =>
      send(organization.launcher, `/workspaces/${workspace}/jobs`, { user: organization.user, stage: 'run' }, grants);
    expect((await jobs(organization.workspaceId)).status).toBe(201);
    expect((await jobs(organization.otherWorkspaceId)).body.code).toBe('idempotency_key_reused');
    expect(await listChildren()).toEqual(before);
  });

  test('belongs to one caller and one route', async () => {
    const { owner, id, group: lab } = organization;
    const { client } = await createAccount(owner, lab, 'colleague', { namespace: id, role: 'owner' });
    const key = randomUUID();
    const made = [
      await send(owner, '/groups', { name: 'shared1', parent: 'acme' }, key),
      await send(client, '/groups', { name: 'shared2', parent: 'acme' }, key),
      await send(owner, '/teams', { name: 'shared3' }, key),
    ];
    expect(made.map((answer) => [answer.status, isReplay(answer)])).toEqual(made.map(() => [201, false]));
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(3);
  });

  test('can be used again after a refusal', async () => {
    const key = randomUUID();
    const body = { name: 'later', parent: 'acme/parent' };
    expect((await send(organization.owner, '/groups', body, key)).status).toBe(404);
    await organization.owner.send('POST', '/groups', { name: 'parent', parent: 'acme' });
    const answer = await send(organization.owner, '/groups', body, key);
    expect([answer.status, isReplay(answer)]).toEqual([201, false]);
  });

  test('is refused when malformed, and ignored by a request that creates nothing', async () => {
    for (const key of ['', 'a b', 'x'.repeat(256)]) {
      const answer = await send(organization.owner, '/groups', { name: 'bad', parent: 'acme' }, key);
      expect([answer.status, answer.body.errors]).toEqual([
        400,
        [{ pointer: 'Idempotency-Key', detail: expect.any(String) }],
      ]);
    }
    const key = randomUUID();
    for (const description of ['one', 'two']) {
      const path = `/groups/${group.id}`;
      const answer = await organization.owner.ask('PATCH', path, { description }, { 'idempotency-key': key });
      expect(answer.body.description).toBe(description);
    }
  });

  test('creates one thing when sent 20 times at once', async () => {
    for (let round = 0; round < rounds(2, 50); round++) {
      const key = randomUUID();
      const path = `/workspaces/${organization.workspaceId}/jobs`;
      const reference = `round ${round}`;
      const body = { user: organization.user, stage: 'run', reference };
      const answers = await Promise.all(Array.from({ length: 20 }, () => send(organization.launcher, path, body, key)));
      const made = answers.filter(({ status }) => status === 201);
      expect(answers.filter(({ status }) => status !== 201).map(({ body: answer }) => answer.code)).toEqual(
        Array.from({ length: 20 - made.length }, () => 'request_in_progress'),
      );
      expect(new Set(made.map(({ body: answer }) => answer.id)).size).toBe(1);
      expect(made.filter(({ body: answer }) => answer.job_token !== undefined)).toHaveLength(1);
      const { items } = await organization.owner.send('GET', `${path}?limit=200`);
      expect(items.filter((item: Body) => item.reference === reference)).toHaveLength(1);
    }
  });

  test('does not block 20 concurrent requests with different keys', async () => {
    const path = `/workspaces/${organization.workspaceId}/jobs`;
    const body = { user: organization.user, stage: 'run' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send(organization.launcher, path, body, randomUUID())),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  });
});

describe('an idempotency key on two replicas', () => {
  let replicas: RunningArsia[];
  let oracle: Oracle;
  let organization: Organization;

  beforeAll(async () => {
    const home = await makeHome('postgres');
    const first = await startArsia({ signIn: true, home });
    replicas = [first, await startArsia({ signIn: true, home, issuer: first.issuer, clock: first.clock })];
    oracle = await createOracle(first);
    organization = await createOrganization(first);
  }, 60_000);

  const at = (n: number): Client => ({
    ...organization.owner,
    ask: async (method, path, body, headers) => {
      const response = await fetch(`${replicas[n % 2]!.origin}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${organization.owner.token}`,
          'content-type': 'application/json',
          ...headers,
        },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
    },
  });
  const count = async (table: string): Promise<number> =>
    Number((await oracle.execute(`SELECT count(*)::int AS count FROM ${table}`))[0]!.count);

  test('creates one thing from 20 concurrent requests over both', async () => {
    for (let round = 0; round < rounds(3, 100); round++) {
      const [groups, records] = [await count('namespaces'), await count(`audit_events WHERE outcome = 'success'`)];
      const key = randomUUID();
      const body = { name: `round${round}`, parent: 'acme' };
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => send(at(n), '/groups', body, key)));
      const wrong = answers.filter(
        ({ status, body: answer }) => status !== 201 && answer.code !== 'request_in_progress',
      );
      expect(wrong.map(({ text }) => text)).toEqual([]);
      expect(answers.filter((answer) => answer.status === 201 && !isReplay(answer))).toHaveLength(1);
      expect(await count('namespaces')).toBe(groups + 1);
      expect(await count(`audit_events WHERE outcome = 'success'`)).toBe(records + 1);
      const later = await send(at(round), '/groups', body, key);
      expect([later.status, isReplay(later)]).toEqual([201, true]);
    }
  });

  test('is refused with another body on either replica, with one record', async () => {
    const key = randomUUID();
    await send(at(0), '/teams', { name: 'first' }, key);
    await oracle.refuses(() => send(at(1), '/teams', { name: 'second' }, key), {
      status: 422,
      code: 'idempotency_key_reused',
      action: 'team.create',
    });
  });

  test('is committed together with its change', async () => {
    const body = { name: 'whole', parent: 'acme' };
    const key = randomUUID();
    const before = await oracle.snapshot();
    const role = new URL(replicas[0]!.home.urls!.application).username;
    // Storing the answer fails as the last step: the group must be rolled back as well.
    await oracle.execute(`REVOKE UPDATE ON idempotency_keys FROM ${role}`);
    const answer = await send(at(0), '/groups', body, key);
    await oracle.execute(`GRANT UPDATE ON idempotency_keys TO ${role}`);
    expect(answer.status).toBe(500);
    expect(await oracle.recordsOf(answer)).toEqual([expect.objectContaining({ outcome: 'failed', code: 'internal' })]);
    expect(await oracle.snapshot()).toEqual(before);
    const again = await send(at(1), '/groups', body, key);
    expect([again.status, isReplay(again)]).toEqual([201, false]);
  });

  test('N45 is stored as a hash, with an answer that holds no secret', async () => {
    const key = `key-${randomUUID()}`;
    const { launcher, launcherId, workspaceId, user, owner } = organization;
    await send(launcher, `/workspaces/${workspaceId}/jobs`, { user, stage: 'run' }, key);
    await send(owner, `/service-accounts/${launcherId}/secrets`, undefined, key);
    const rows = await oracle.execute('SELECT key_hash::text, content_hash::text, answer::text FROM idempotency_keys');
    expect(rows.filter(({ answer }) => answer.includes('withheld'))).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toMatch(/arsia_(job|secret)_/);
    expect(JSON.stringify(rows)).not.toContain(key);
  });

  test('is deleted after a day', async () => {
    const { clock } = replicas[0]!;
    const key = randomUUID();
    const first = await send(at(0), '/teams', { name: 'of-a-day' }, key);
    await organization.owner.send('DELETE', `/teams/${first.body.id}`);
    // An access token expires after an hour; this one is extended in the database.
    await oracle.execute(`UPDATE oidc_artifacts SET expires_at = expires_at + interval '2 days'`);
    clock.advance(23 * hours);
    expect(isReplay(await send(at(1), '/teams', { name: 'of-a-day' }, key))).toBe(true);
    clock.advance(1 * hours);
    const second = await send(at(0), '/teams', { name: 'of-a-day' }, key);
    expect([second.status, isReplay(second), second.body.id === first.body.id]).toEqual([201, false, false]);
    expect(isReplay(await send(at(1), '/teams', { name: 'of-a-day' }, key))).toBe(true);
    clock.advance(-24 * hours);
  });
});

describe('every route that creates', () => {
  const creates = routes.filter(({ method, status }) => method === 'POST' && status === 201);
  let running: RunningArsia;
  let oracle: Oracle;
  let organization: Organization;
  let account: Account;
  let operator: Client;
  let things: Things;
  let job: Job;

  beforeAll(async () => {
    running = await startArsia({ signIn: true });
    oracle = await createOracle(running);
    organization = await createOrganization(running);
    ({ things, job } = await makeThings(organization));
    const { owner, group, id } = organization;
    account = await createAccount(owner, group, 'actor', { namespace: id, role: 'owner' });
    operator = await createOperator('replaying.operator');
  }, 60_000);

  async function createOperator(login: string): Promise<Client> {
    const { token } = await running.arsia.operators.link(login);
    const { access_token } = await createClient(running.issuer).send('POST', '/admin-links/redeem', { token });
    return createClient(running.issuer, access_token);
  }

  const actorOf = (name: string): Client => (cases[name]!.least === 'operator' ? operator : account.client);

  /** Removes the role of the actor, or the operator's right. Returns the function that restores it. */
  async function takeAway(name: string): Promise<() => Promise<void>> {
    const { owner, id } = organization;
    if (cases[name]!.least === 'operator') {
      await running.arsia.operators.dismiss('replaying.operator');
      return async () => {
        operator = await createOperator('replaying.operator');
      };
    }
    const { items } = await owner.send('GET', `/memberships?namespace=${id}&limit=200`);
    const membership = items.find((one: Body) => one.principal === account.id || one.principal_id === account.id);
    await owner.send('DELETE', `/memberships/${membership.id}`);
    return async () => {
      await owner.send('POST', '/memberships', { namespace: id, principal: account.id, role: 'owner' });
    };
  }

  /**
   * Checks that the replay is refused as a new request would be, with one record and no change, and works again after `giveBack`.
   */
  async function expectReplayRefused(ask: () => Promise<Answer>, status: number, giveBack: () => Promise<void>) {
    const before = await oracle.snapshot();
    const refused = await ask();
    expect([refused.status, refused.text, isReplay(refused)]).toEqual([status, refused.text, false]);
    expect(await oracle.snapshot()).toEqual(before);
    expect(await oracle.recordsOf(refused)).toEqual([
      expect.objectContaining({ outcome: 'refused', code: refused.body.code }),
    ]);
    await giveBack();
    const again = await ask();
    expect([again.status, again.text, isReplay(again)]).toEqual([201, again.text, true]);
  }

  test.each(creates.map(({ path }) => [`POST ${path}`]))('%s', async (name) => {
    expect(cases[name]).toBeDefined();
    const { path, body } = requestOf(name, things);
    const key = randomUUID();
    const first = await send(actorOf(name), path, body, key);
    expect([first.status, first.text]).toEqual([201, first.text]);
    const before = await oracle.snapshot();
    const again = await send(actorOf(name), path, body, key);
    expect([again.status, isReplay(again)]).toEqual([201, true]);
    expect(await oracle.snapshot()).toEqual(before);
    const { withheld = [], ...rest } = again.body;
    const secrets = Object.fromEntries(withheld.map((member: string) => [member, first.body[member]]));
    expect({ ...rest, ...secrets }).toEqual(first.body);
    expect(again.text).not.toMatch(/arsia_[a-z]+_/);
    for (const secret of Object.values(secrets)) expect(secret).toMatch(/(^|#)arsia_/);
  });

  test.each(creates.map(({ path, action }) => [`POST ${path}`, action]))(
    'N82 %s: a replay without the right is refused as a new request is',
    async (name, action) => {
      const { things: own } = await makeThings(organization);
      const { path, body } = requestOf(name, own);
      const key = randomUUID();
      const first = await send(actorOf(name), path, body, key);
      expect([first.status, first.text]).toEqual([201, first.text]);
      const giveBack = await takeAway(name);
      const fresh = await send(actorOf(name), path, body, randomUUID());
      expect([401, 403, 404]).toContain(fresh.status);
      await expectReplayRefused(() => send(actorOf(name), path, body, key), fresh.status, giveBack);
      const records = await oracle.execute(
        `SELECT count(*)::int AS n FROM audit_events WHERE action = $1 AND outcome = 'success' AND request_id = $2`,
        [action, first.headers.get('x-request-id')],
      );
      expect(records).toEqual([{ n: 1 }]);
    },
  );

  test('N82 a replay of a job start is refused after the right to act, or the role of the user, was removed', async () => {
    const { owner, launcher, launcherId, user, workspaceId, groupId } = organization;
    const path = `/workspaces/${workspaceId}/jobs`;
    const [key, body] = [randomUUID(), { user, stage: 'run' }];
    expect((await send(launcher, path, body, key)).status).toBe(201);
    const rights = await owner.send('GET', `/service-accounts/${launcherId}/may-act`);
    for (const { id } of rights.items) await owner.send('DELETE', `/service-accounts/${launcherId}/may-act/${id}`);
    const labels = { pipeline: '*' };
    await expectReplayRefused(
      () => send(launcher, path, body, key),
      404,
      async () => {
        await owner.send('POST', `/service-accounts/${launcherId}/may-act`, {
          namespace: groupId,
          users: ['*'],
          labels,
        });
      },
    );
    const { items } = await owner.send('GET', `/memberships?namespace=${workspaceId}&limit=200`);
    const membership = items.find((one: Body) => JSON.stringify(one).includes(organization.userId));
    await owner.send('DELETE', `/memberships/${membership.id}`);
    await expectReplayRefused(
      () => send(launcher, path, body, key),
      403,
      async () => {
        await owner.send('POST', '/memberships', { namespace: workspaceId, principal: user, role: 'deployer' });
      },
    );
    // The replay of an array task whose job has ended since is refused, although the task exists.
    const parent = (await send(launcher, path, body, randomUUID())).body.id;
    const task = { user, stage: 'run', parent, task_index: 1 };
    const taskKey = randomUUID();
    expect((await send(launcher, path, task, taskKey)).status).toBe(201);
    await launcher.send('PATCH', `${path}/${parent}`, { state: 'ended' });
    const again = await send(launcher, path, task, taskKey);
    expect([again.status, isReplay(again)]).toEqual([201, true]);
  });

  test('N82 a replay of an assignment, alone or with a new workspace, is refused after the use grant was removed', async () => {
    const { owner, id, groupId } = organization;
    const { things: own } = await makeThings(organization);
    const vault = await owner.send('POST', '/groups', { name: `vault${randomUUID().slice(0, 8)}`, parent: id });
    const there = await owner.send('POST', '/workspaces', { name: 'there', group: vault.id });
    // An account that may assign in the vault, and may use identities only by a grant.
    const { id: actor, client } = await createAccount(owner, groupId, `user${randomUUID().slice(0, 8)}`, {
      namespace: vault.id,
      role: 'owner',
    });
    const give = async () => {
      const { id: grant } = await owner.send('POST', `/managed-identities/${own.ofRoot}/grants`, { principal: actor });
      return async () => await owner.send('DELETE', `/managed-identities/${own.ofRoot}/grants/${grant}`);
    };
    for (const [path, body] of [
      [`/workspaces/${there.id}/managed-identities`, { managed_identity: own.ofRoot }],
      ['/workspaces', { name: 'new', group: vault.id, managed_identities: [{ managed_identity: own.ofRoot }] }],
    ] as const) {
      const takeGrant = await give();
      const key = randomUUID();
      const first = await send(client, path, body, key);
      expect([first.status, first.text]).toEqual([201, first.text]);
      await takeGrant();
      let again: (() => Promise<unknown>) | undefined;
      await expectReplayRefused(
        () => send(client, path, body, key),
        403,
        async () => {
          again = await give();
        },
      );
      await again!();
    }
  });

  test('N82 a replay returns nothing about what was deleted or became invisible', async () => {
    const { owner } = organization;
    const { things: own } = await makeThings(organization);
    const key = randomUUID();
    const body = { name: 'inner', parent: own.group };
    expect((await send(account.client, '/groups', body, key)).status).toBe(201);
    await owner.send('DELETE', `/groups/${own.group}?force=true`);
    const gone = await send(account.client, '/groups', body, key);
    expect([gone.status, isReplay(gone)]).toEqual([404, false]);
  });

  test('a route that issues ignores the key: each token is new', async () => {
    const key = randomUUID();
    const tokens = [1, 2].map(() => send(job.client, '/tokens', { managed_identity: things.identity }, key));
    const [one, two] = await Promise.all(tokens);
    expect([one!.status, two!.status]).toEqual([200, 200]);
    expect(one!.body.jti).not.toBe(two!.body.jti);
  });
});
