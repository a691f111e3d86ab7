import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { newId } from '../../src/core/clock.ts';
import { ArsiaError } from '../../src/core/errors.ts';
import type { Database } from '../../src/database/connections.ts';
import { systemClock } from '../../src/server/clock.ts';
import { hashToken } from '../../src/store/issuing/artifacts.ts';
import { freshDatabase, servedKinds } from '../support/databases.ts';
import { addSecretAccount, createWorld, type Replica, startReplica, testKeys, type World } from './support.ts';

describe.each(servedKinds)('access tokens: %s', (kind) => {
  let database: Database;
  let world: World;
  let replica: Replica;
  let account: ReturnType<typeof addSecretAccount>;
  let other: ReturnType<typeof addSecretAccount>;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    world = createWorld();
    replica = await startReplica({ world, database, keys: await testKeys() });
  }, 60_000);

  beforeEach(() => {
    world.events.length = 0;
    account = addSecretAccount(world);
    other = addSecretAccount(world);
  });

  const as = (one: { basic: string }) => ({ authorization: one.basic });
  const introspect = (token: string, by = other) => replica.post('/introspect', { token }, as(by));
  const revoke = (token: string, by: { basic: string }) => replica.post('/revoke', { token }, as(by));
  const take = async (one = account): Promise<string> => {
    const answer = await replica.post('/token', { grant_type: 'client_credentials' }, as(one));
    world.events.length = 0;
    return String(answer.body.access_token);
  };
  const principal = async (token: string) => await replica.artifacts.findPrincipal(hashToken(token), systemClock.now());

  test('a token of client credentials is active, names its client, and is not stored as such', async () => {
    const token = await take();
    const { status, body } = await introspect(token);
    expect(status).toBe(200);
    const now = Math.floor(Date.now() / 1000);
    expect(body).toEqual({
      active: true,
      sub: account.id,
      client_id: account.id,
      iss: replica.issuer,
      iat: expect.any(Number),
      exp: expect.any(Number),
      token_type: 'Bearer',
    });
    expect(Number(body.exp) - now).toBeGreaterThan(3590);
    expect(await principal(token)).toEqual({ principal_id: account.id, expires_at: Number(body.exp) * 1000 });
    const stored = await database.query.selectFrom('oidc_artifacts').selectAll().execute();
    const bytes = stored
      .flatMap((row) => [row.id_hash, row.payload])
      .map((value) => Buffer.from(value).toString('latin1'));
    expect(bytes.join()).not.toContain(token);
    expect(bytes.join()).not.toContain(account.id);
  });

  test('revocation ends a token at once, for introspection and for the API', async () => {
    const token = await take();
    const { status, body } = await revoke(token, account);
    expect([status, body]).toEqual([200, {}]);
    expect(world.events).toEqual([
      expect.objectContaining({ action: 'access_token.revoke', outcome: 'success', target_id: account.id }),
    ]);
    expect((await introspect(token)).body).toEqual({ active: false });
    expect(await principal(token)).toBeUndefined();
  });

  test('an unknown token is inactive, and its revocation succeeds', async () => {
    for (const token of ['arsia_at_unknown', 'x', `arsia_job_${'j'.repeat(43)}`]) {
      expect((await introspect(token)).body).toEqual({ active: false });
      expect((await revoke(token, account)).status).toBe(200);
    }
    expect(world.events).toEqual([]);
  });

  test('N19 refuses a structured token as an access token', async () => {
    const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln';
    for (const path of ['/introspect', '/revoke']) {
      const { status, body } = await replica.post(path, { token: jwt }, as(account));
      expect([status, body.error]).toEqual([400, 'unsupported_token_type']);
    }
    expect(await principal(jwt)).toBeUndefined();
  });

  test('introspection and revocation require an authenticated client', async () => {
    const token = await take();
    for (const path of ['/introspect', '/revoke']) {
      const wrong = { token, client_id: account.id, client_secret: 'wrong' };
      for (const [form, status, error] of [
        [{ token }, 401, 'invalid_client'],
        [{ token, client_id: account.id }, 401, 'invalid_client'],
        [wrong, 401, 'invalid_client'],
      ] as const) {
        world.events.length = 0;
        const answer = await replica.post(path, form);
        expect([answer.status, answer.body.error]).toEqual([status, error]);
        expect(world.events).toEqual([expect.objectContaining({ outcome: 'refused', error })]);
      }
    }
    expect((await introspect(token)).body.active).toBe(true);
  });

  test('a public client cannot introspect or revoke, and both attempts are recorded', async () => {
    const token = await take();
    for (const client_id of ['workload', 'arsia']) {
      const answer = await replica.post('/introspect', { token, client_id });
      expect([answer.status, answer.body]).toEqual([200, { active: false }]);
      expect((await replica.post('/revoke', { token, client_id })).status).toBe(200);
      const refused = { outcome: 'refused', code: 'forbidden', client_id, target_id: account.id };
      expect(world.events.splice(0)).toEqual([
        expect.objectContaining({ action: 'access_token.introspect', ...refused }),
        expect.objectContaining({ action: 'access_token.revoke', ...refused }),
      ]);
    }
    expect((await introspect(token)).body.active).toBe(true);
  });

  test('a client may not revoke a token that was issued to another', async () => {
    const token = await take();
    const { status, body } = await revoke(token, other);
    expect([status, body.error]).toEqual([400, 'invalid_request']);
    expect(world.events).toEqual([expect.objectContaining({ outcome: 'refused', client_id: other.id })]);
    expect((await introspect(token)).body.active).toBe(true);
  });

  test('the token of a deactivated account is inactive', async () => {
    const token = await take();
    world.accounts.set(account.id, { ...world.accounts.get(account.id)!, is_active: false });
    expect((await introspect(token)).body).toEqual({ active: false });
  });

  test('a token for a user without a browser is active, and its holder can revoke it', async () => {
    const user = newId(systemClock, 'user');
    const token = await replica.server.issueAccessToken({ principal_id: user, lifetime: 120 });
    expect(token).toMatch(/^arsia_at_[\w-]{43}$/);
    const { body } = await introspect(token);
    expect(body).toMatchObject({ active: true, sub: user, client_id: 'arsia' });
    expect(Number(body.exp) - Number(body.iat)).toBe(120);
    expect(await principal(token)).toEqual({ principal_id: user, expires_at: Number(body.exp) * 1000 });
    expect((await replica.post('/revoke', { token, client_id: 'arsia' })).status).toBe(200);
    expect((await introspect(token)).body).toEqual({ active: false });
    expect(await principal(token)).toBeUndefined();
  });

  test('the token of a deactivated user is inactive', async () => {
    const user = newId(systemClock, 'user');
    const token = await replica.server.issueAccessToken({ principal_id: user, lifetime: 120 });
    world.inactive.add(user);
    expect((await introspect(token)).body).toEqual({ active: false });
  });

  test('a token for a service account without OAuth is one of client credentials', async () => {
    const token = await replica.server.issueAccessToken({ principal_id: account.id, lifetime: 120 });
    expect((await introspect(token)).body).toMatchObject({ active: true, sub: account.id, client_id: account.id });
    expect((await revoke(token, account)).status).toBe(200);
    expect(await principal(token)).toBeUndefined();
    const unknown = newId(systemClock, 'service_account');
    await expect(replica.server.issueAccessToken({ principal_id: unknown, lifetime: 1 })).rejects.toThrow(ArsiaError);
  });

  test('an expired token is inactive before it is swept', async () => {
    const user = newId(systemClock, 'user');
    const token = await replica.server.issueAccessToken({ principal_id: user, lifetime: 120 });
    expect(await replica.artifacts.findPrincipal(hashToken(token), systemClock.now() + 121_000)).toBeUndefined();
    await database.query
      .updateTable('oidc_artifacts')
      .set({ expires_at: new Date(systemClock.now() - 1000) })
      .where('principal_id', '=', user)
      .execute();
    expect((await introspect(token)).body).toEqual({ active: false });
  });
});
