import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { freePort, type Spawned, spawnArsia } from '../support/arsia.ts';
import { type Client, createClient, encoded, postForm, signIn } from '../support/client.ts';
import { createAccount, type Job, startJob } from '../support/organization.ts';
import { rounds } from '../support/rounds.ts';
import { ended, expectOneLine } from './commands.ts';
import { expectAllVerify, jwksOf, tokensOf } from './issued.ts';
import { type Issuing, mint, serve, startIssuing } from './issuing.ts';
import { startLoad } from './load.ts';
import { progress } from './progress.ts';
import { keepAlive } from './wire.ts';

/** One replica in this process and one in a process of its own, on one PostgreSQL, with the least-privileged role. */
describe('two replicas', () => {
  let issuing: Issuing;
  let origins: [string, string];
  let other: { address: string; replica: Spawned };

  beforeAll(async () => {
    issuing = await startIssuing();
    const address = `127.0.0.1:${await freePort()}`;
    other = { address, replica: await serve(issuing, { ARSIA_LISTEN: address }) };
    origins = [issuing.seed.origin, `http://${address}`];
  }, 120_000);

  const ownerAt = (origin: string): Client => createClient(origin, issuing.organization.owner.token);

  /** Signs in again, because its former tokens stay invalid. */
  async function launcherBack(owner: Client): Promise<void> {
    const { launcherId, launcherSecret } = issuing.organization;
    await owner.send('PATCH', `/service-accounts/${launcherId}`, { is_active: true });
    issuing.organization.launcher = await signIn(issuing.seed.issuer, launcherId, launcherSecret);
  }

  describe('a right that is revoked on one is refused by the next request on the other', () => {
    interface Right {
      name: string;
      code: string;
      /** Revokes it. Returns a function that grants it again. */
      take(owner: Client): Promise<(owner: Client) => Promise<unknown>>;
    }
    const workspace = () => `/workspaces/${encoded(issuing.organization.workspace)}`;
    const account = () => `/service-accounts/${issuing.organization.launcherId}`;
    const rights: Right[] = [
      {
        name: 'the assignment',
        code: 'identity_not_assigned',
        async take(owner) {
          await owner.send('DELETE', `${workspace()}/managed-identities/${issuing.identity.id}`);
          const body = { managed_identity: issuing.identity.id };
          return (again) => again.send('POST', `${workspace()}/managed-identities`, body);
        },
      },
      {
        name: 'the membership',
        code: 'user_lacks_role',
        async take(owner) {
          const { workspaceId: namespace, userId } = issuing.organization;
          const { items } = await owner.send('GET', `/memberships?namespace=${namespace}`);
          const { id } = items.find((row: { principal_id: string }) => row.principal_id === userId);
          await owner.send('DELETE', `/memberships/${id}`);
          return (again) => again.send('POST', '/memberships', { namespace, principal: userId, role: 'deployer' });
        },
      },
      {
        name: "the launcher's right to act",
        code: 'launcher_may_not_act',
        async take(owner) {
          const { items } = await owner.send('GET', `${account()}/may-act`);
          await owner.send('DELETE', `${account()}/may-act/${items[0].id}`);
          const body = { namespace: issuing.organization.group, users: ['*'] };
          return (again) => again.send('POST', `${account()}/may-act`, body);
        },
      },
      {
        name: 'the access rule that admits it',
        code: 'access_rule_refused',
        async take(owner) {
          const rules = `/managed-identities/${issuing.identity.id}/access-rules`;
          const admitting = await owner.send('POST', rules, { kind: 'stage', values: ['run'] });
          const other = await owner.send('POST', rules, { kind: 'stage', values: ['never'] });
          await owner.send('DELETE', `${rules}/${admitting.id}`);
          return (again) => again.send('DELETE', `${rules}/${other.id}`);
        },
      },
      {
        name: 'what an access rule admits',
        code: 'access_rule_refused',
        async take(owner) {
          const rules = `/managed-identities/${issuing.identity.id}/access-rules`;
          const rule = await owner.send('POST', rules, { kind: 'user', values: [issuing.organization.user] });
          await owner.send('PATCH', `${rules}/${rule.id}`, { values: ['acme.owner'] });
          return (again) => again.send('DELETE', `${rules}/${rule.id}`);
        },
      },
      {
        name: 'identities without rules being open',
        code: 'access_rule_refused',
        async take(owner) {
          await owner.send('PATCH', '/organization-settings', { identities_without_rules: 'closed' });
          return (again) => again.send('PATCH', '/organization-settings', { identities_without_rules: 'open' });
        },
      },
      {
        name: 'the place in a team that has the role',
        code: 'user_lacks_role',
        async take(owner) {
          const { workspaceId: namespace, userId } = issuing.organization;
          const { id: team } = await owner.send('POST', '/teams', { name: 'crew' });
          await owner.send('POST', '/teams/crew/members', { user: userId });
          await owner.send('POST', '/memberships', { namespace, principal: team, role: 'deployer' });
          const { items } = await owner.send('GET', `/memberships?namespace=${namespace}`);
          const { id } = items.find((row: { principal_id: string }) => row.principal_id === userId);
          await owner.send('DELETE', `/memberships/${id}`);
          expect((await mint(issuing, owner.issuer)).status).toBe(200);
          await owner.send('DELETE', `/teams/crew/members/${userId}`);
          return async (again) => {
            await again.send('POST', '/memberships', { namespace, principal: userId, role: 'deployer' });
            await again.send('DELETE', '/teams/crew?force=true');
          };
        },
      },
      {
        name: 'the sight of an identity, by a mask',
        code: 'identity_not_assigned',
        async take(owner) {
          const managed_identity = issuing.identity.id;
          await owner.send('POST', `${workspace()}/masks?force=true`, { managed_identity });
          return async (again) => {
            await again.send('DELETE', `${workspace()}/masks/${managed_identity}`);
            await again.send('POST', `${workspace()}/managed-identities`, { managed_identity });
          };
        },
      },
      {
        name: 'the choice of everyone, by another for the user',
        code: 'identity_not_assigned',
        async take(owner) {
          const settings = { audience: 'https://api.acme.example' };
          const { group, user } = issuing.organization;
          const body = { name: 'own', group, type: 'oidc', settings, delivery: 'both' };
          const { id } = await owner.send('POST', '/managed-identities', body);
          await owner.send('POST', `${workspace()}/managed-identities`, { managed_identity: id, principal: user });
          return (again) => again.send('DELETE', `/managed-identities/${id}?name=own&force=true`);
        },
      },
      {
        name: 'the active user',
        code: 'user_inactive',
        async take(owner) {
          const path = `/users/${issuing.organization.userId}`;
          await owner.send('PATCH', path, { is_active: false });
          return (again) => again.send('PATCH', path, { is_active: true });
        },
      },
      {
        name: 'the active launcher',
        code: 'launcher_inactive',
        async take(owner) {
          await owner.send('PATCH', account(), { is_active: false });
          return launcherBack;
        },
      },
      {
        name: 'the running job',
        code: 'job_ended',
        async take(owner) {
          await owner.send('PATCH', issuing.job.path, { state: 'ended' });
          return async () => {
            issuing.job = await startJob(issuing.organization);
          };
        },
      },
    ];

    test.each(rights)(
      'N20 N21: $name',
      async ({ code, take }) => {
        for (let round = 0; round < rounds(2, 100); round++) {
          const [there, here] = round % 2 === 0 ? origins : origins.toReversed();
          const agent = keepAlive();
          // This replica reads all the time. No read that started before the change may serve a request after it.
          const stream = startLoad(() => mint(issuing, here!, { agent }), { rate: 100 });
          await stream.heard(5);
          const giveBack = await take(ownerAt(there!));
          const next = await Promise.all(Array.from({ length: 10 }, () => mint(issuing, here!)));
          await stream.end();
          agent.destroy();
          expect(next.map(({ body }) => body.code)).toEqual(next.map(() => code));
          expect(stream.errors).toEqual([]);
          await giveBack(ownerAt(there!));
          expect((await mint(issuing, here!)).status).toBe(200);
        }
      },
      300_000,
    );

    test('N21: the use of an identity: a caller who lost it can not assign the identity', async () => {
      const { owner, group, workspaceId, otherWorkspaceId } = issuing.organization;
      const membership = { namespace: otherWorkspaceId, role: 'deployer' } as const;
      const { id, client } = await createAccount(owner, group, 'assigner', membership);
      const grants = `/managed-identities/${issuing.identity.id}/grants`;
      const path = `/workspaces/${otherWorkspaceId}/managed-identities`;
      for (let round = 0; round < rounds(2, 50); round++) {
        const [there, here] = round % 2 === 0 ? origins : origins.toReversed();
        const assigner = createClient(here!, client.token);
        const grant = await ownerAt(there!).send('POST', grants, { principal: id });
        const body = { managed_identity: issuing.identity.id };
        expect((await assigner.ask('POST', path, body)).status).toBe(201);
        expect((await assigner.ask('DELETE', `${path}/${issuing.identity.id}`)).status).toBe(204);
        await ownerAt(there!).send('DELETE', `${grants}/${grant.id}`);
        expect((await assigner.ask('POST', path, body)).status).toBe(403);
      }
      expect((await createClient(origins[1], client.token).ask('GET', `/workspaces/${workspaceId}`)).status).toBe(404);
    });

    test('N20: the access token of a service account that was deactivated', async () => {
      const { launcherId, launcher } = issuing.organization;
      const here = createClient(origins[1], launcher.token);
      expect((await here.ask('GET', '/workspaces')).status).toBe(200);
      await ownerAt(origins[0]).send('PATCH', `/service-accounts/${launcherId}`, { is_active: false });
      expect((await here.ask('GET', '/workspaces')).status).toBe(401);
      await launcherBack(ownerAt(origins[0]));
    });
  });

  /** Returns the workload keys that result from the changes in the audit. */
  async function keysByTheAudit(): Promise<string[]> {
    const kids = new Set<string>();
    let lines = '';
    for await (const more of issuing.seed.arsia.trail.exportLines({ organization_id: null, outcome: 'success' }))
      lines += more;
    for (const line of lines.trim().split('\n')) {
      const { action, detail } = JSON.parse(line);
      if (!action.startsWith('key.') || detail.key_set !== 'workload') continue;
      for (const { do: what, kid } of detail.changes) {
        if (what === 'insert') kids.add(kid);
        if (what === 'remove') kids.delete(kid);
      }
    }
    return [...kids].sort();
  }

  test('concurrent changes of different resources all succeed', async () => {
    const { organization } = issuing;
    const launchers = origins.map((origin) => createClient(origin, organization.launcher.token));
    const jobs: Job[] = [];
    for (let count = 0; count < rounds(60, 240); count++) jobs.push(await startJob(organization));
    const statuses: number[] = [];
    const lane = async (launcher: Client) => {
      for (let job = jobs.pop(); job !== undefined; job = jobs.pop())
        statuses.push((await launcher.ask('PATCH', job.path, { state: 'ended' })).status);
    };
    await Promise.all(Array.from({ length: 30 }, (_, index) => lane(launchers[index % 2]!)));
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  test('a leaked key: after `arsia server keys revoke` no replica signs with it, and the next token verifies', async () => {
    for (let round = 0; round < rounds(1, 5); round++) {
      const kids = (await jwksOf(origins[0])).keys.map(({ kid }) => kid!);
      // The first published key is the signer.
      const [leaked] = kids;
      const { settings, home } = issuing.seed;
      const revoked = await ended(['server', 'keys', 'revoke', leaked!], settings, home.folder);
      expect(revoked).toEqual({ code: 0, stdout: expect.stringContaining(`remove  ${leaked}`), stderr: '' });
      const tokens = tokensOf([await mint(issuing, origins[1])]);
      const jwks = await jwksOf(origins[1]);
      expect(jwks.keys.map(({ kid }) => kid)).not.toContain(leaked);
      await expectAllVerify(tokens, jwks);

      // The other replica got no request: it reloads by itself, within 30 s.
      while ((await jwksOf(origins[0])).keys.some(({ kid }) => kid === leaked)) await sleep(100);
      expect(await jwksOf(origins[0])).toEqual(jwks);
      expect(await keysByTheAudit()).toEqual(jwks.keys.map(({ kid }) => kid).sort());
      await expectAllVerify(tokensOf([await mint(issuing, origins[0])]), jwks);
      progress(`revoked ${leaked}`);
    }
  }, 180_000);

  test('F14: a change of the keys that is killed half-way leaves a complete set, and both replicas continue', async () => {
    for (let round = 0; round < rounds(1, 10); round++) {
      const before = await jwksOf(origins[1]);
      const [active, standby] = before.keys.map(({ kid }) => kid!);
      const command = spawnArsia(['server', 'keys', 'revoke', standby!], { settings: issuing.seed.settings });
      await sleep(400 + 60 * (round % 10));
      command.child.kill('SIGKILL');
      await command.exited;
      for (const origin of origins) {
        const tokens = tokensOf([await mint(issuing, origin)]);
        const jwks = await jwksOf(origin);
        expect(jwks.keys.length).toBe(before.keys.length);
        expect(jwks.keys[0]!.kid).toBe(active);
        await expectAllVerify(tokens, jwks);
        expect((await fetch(`${origin}/readyz`)).status).toBe(200);
      }
      await issuing.seed.arsia.keyrings.workload.reload();
      expect(await keysByTheAudit()).toEqual((await jwksOf(origins[0])).keys.map(({ kid }) => kid).sort());
    }
  }, 180_000);

  describe('a client assertion', () => {
    let account: { id: string; key: CryptoKey };

    beforeAll(async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256');
      const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'one' }] };
      const { owner, group } = issuing.organization;
      const { id } = await owner.send('POST', '/service-accounts', { name: 'keyed', group, jwks });
      account = { id, key: privateKey };
    });

    const assertion = async () =>
      await new SignJWT({ jti: randomBytes(16).toString('hex') })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuer(account.id)
        .setSubject(account.id)
        .setAudience(`${issuing.seed.issuer}/oauth2`)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(account.key);
    const use = (origin: string, client_assertion: string) =>
      postForm(origin, '/token', {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion,
      });

    test('N12 F13: sent 20 times at once to both, it is accepted exactly once', async () => {
      for (let round = 0; round < rounds(3, 200); round++) {
        const once = await assertion();
        const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => use(origins[index % 2]!, once)));
        expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 19 }, () => 401)]);
      }
    }, 300_000);

    test('N12 F13: also when a replica is killed at the same time, and after its restart', async () => {
      for (let round = 0; round < rounds(1, 10); round++) {
        const once = await assertion();
        const uses = Promise.allSettled(Array.from({ length: 20 }, (_, index) => use(origins[index % 2]!, once)));
        await sleep(round * 3);
        other.replica.child.kill('SIGKILL');
        await other.replica.exited;
        const answers = (await uses).flatMap((one) => (one.status === 'fulfilled' ? [one.value.status] : []));
        expect(answers.filter((status) => status === 200).length).toBeLessThanOrEqual(1);
        other.replica = await serve(issuing, { ARSIA_LISTEN: other.address });
        await use(origins[0], once);
        for (const origin of origins) expect((await use(origin, once)).status).toBe(401);
      }
    }, 180_000);
  });

  test('F19: a third replica with another sealing key does not start, and these continue', async () => {
    const { settings, home } = issuing.seed;
    const key = Buffer.alloc(32, 7).toString('base64');
    const file = join(home.folder, 'other.key');
    await writeFile(file, key, { mode: 0o600 });
    const listen = `127.0.0.1:${await freePort()}`;
    const refused = await ended(
      ['serve'],
      { ...settings, ARSIA_SEALING_KEY_FILE: file, ARSIA_LISTEN: listen },
      home.folder,
    );
    expectOneLine(refused, /is sealed under the key file-\w+, and this replica has file-\w+\. Give it the sealing key/);
    expect(refused.stdout + refused.stderr).not.toContain(key);
    for (const origin of origins) expect((await mint(issuing, origin)).status).toBe(200);
  }, 60_000);
});
