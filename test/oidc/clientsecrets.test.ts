import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../src/database/connections.ts';
import { freshDatabase } from '../support/databases.ts';
import { type RefusalCheck, refusalCheck } from './refusals.ts';
import {
  addKeyAccount,
  addSecretAccount,
  createWorld,
  type Replica,
  startReplica,
  testKeys,
  type World,
} from './support.ts';

let database: Database;
let world: World;
let replica: Replica;
let expectRefused: RefusalCheck;

beforeAll(async () => {
  ({ database } = await freshDatabase('embedded'));
  world = createWorld();
  replica = await startReplica({ world, database, keys: await testKeys() });
  expectRefused = refusalCheck(world, database);
}, 60_000);

beforeEach(() => {
  world.events.length = 0;
});

describe('client secrets', () => {
  test('a service account gets an opaque access token by client_secret_basic and by client_secret_post', async () => {
    const { id, secret, basic } = addSecretAccount(world);
    const form = { grant_type: 'client_credentials' };
    for (const answer of [
      await replica.post('/token', form, { authorization: basic }),
      await replica.post('/token', { ...form, client_id: id, client_secret: secret }),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body).toEqual({
        access_token: expect.stringMatching(/^arsia_at_[\w-]{43}$/),
        expires_in: 3600,
        token_type: 'Bearer',
      });
      expect(world.events.pop()).toMatchObject({
        action: 'access_token.issue',
        outcome: 'success',
        client_id: id,
        target_id: id,
      });
    }
  });

  test('accepts each valid secret, and refuses a removed one', async () => {
    const { id, secret } = addSecretAccount(world);
    const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret };
    expect((await replica.post('/token', form)).status).toBe(200);
    world.accounts.set(id, { ...world.accounts.get(id)!, secret_hashes: [randomBytes(32)] });
    await expectRefused(() => replica.post('/token', form), 401, 'invalid_client');
  });

  test('N18 an unknown account, an inactive account, an account with keys only and a wrong secret get the same response', async () => {
    const known = addSecretAccount(world);
    const inactive = addSecretAccount(world);
    world.accounts.set(inactive.id, { ...world.accounts.get(inactive.id)!, is_active: false });
    const empty = addSecretAccount(world);
    world.accounts.set(empty.id, { ...world.accounts.get(empty.id)!, secret_hashes: [] });
    const keyed = await addKeyAccount(world);
    const attempts: [string, string][] = [
      [known.id, 'arsia_secret_wrong'],
      ['sa_01jznk00000000000000000000', known.secret],
      [inactive.id, inactive.secret],
      [empty.id, empty.secret],
      [keyed.id, 'arsia_secret_any'],
      ['nobody', 'anything'],
      ['workload', 'anything'],
    ];
    const answers = [];
    for (const [id, secret] of attempts) {
      const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret };
      answers.push(await expectRefused(() => replica.post('/token', form), 401, 'invalid_client'));
      const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
      const byHeader = await expectRefused(
        () => replica.post('/token', { grant_type: 'client_credentials' }, headers),
        401,
        'invalid_client',
      );
      expect(byHeader.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
      answers.push(byHeader);
    }
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  test('a refusal records the named client only when it can be an account', async () => {
    await replica.post('/token', { grant_type: 'client_credentials', client_id: 'x'.repeat(2000), client_secret: 'y' });
    expect(world.events.pop()).toMatchObject({ client_id: null, code: 'unauthenticated' });
  });
});

describe('N15 malformed token requests', () => {
  const grant_type = 'client_credentials';
  test('a request without a client is invalid_client (RFC 6749 5.2)', async () => {
    await expectRefused(() => replica.post('/token', { grant_type }), 401, 'invalid_client');
  });

  test('unknown and duplicate parameters', async () => {
    const { id, secret, basic } = addSecretAccount(world);
    const auth = { client_id: id, client_secret: secret };
    await expectRefused(
      () => replica.post('/token', { grant_type: 'password', ...auth }),
      400,
      'unsupported_grant_type',
    );
    await expectRefused(
      () => replica.post('/token', { grant_type: 'implicit', ...auth }),
      400,
      'unsupported_grant_type',
    );
    await expectRefused(() => replica.post('/token', auth), 400, 'invalid_request');
    await expectRefused(() => replica.post('/token', { grant_type, scope: 'admin', ...auth }), 400, 'invalid_scope');
    for (const name of ['grant_type', 'client_id', 'client_secret']) {
      const form = new URLSearchParams({ grant_type, ...auth });
      form.append(name, form.get(name)!);
      await expectRefused(() => replica.post('/token', form), 400, 'invalid_request');
    }
    const twoWays = { authorization: basic };
    await expectRefused(() => replica.post('/token', { grant_type, ...auth }, twoWays), 400, 'invalid_request');
  });

  test('bodies that are not a form', async () => {
    const body = JSON.stringify({ grant_type });
    for (const headers of [
      { 'content-type': 'application/json' },
      { 'content-type': 'text/plain' },
      { 'content-type': '' },
    ])
      await expectRefused(
        async () => {
          const response = await fetch(`${replica.issuer}/token`, { method: 'POST', body: Buffer.from(body), headers });
          return { status: response.status, headers: response.headers, body: (await response.json()) as never };
        },
        400,
        'invalid_request',
      );
  });

  test('a browser of another origin is refused', async () => {
    const { id, secret } = addSecretAccount(world);
    const form = { grant_type, client_id: id, client_secret: secret };
    const origin = { origin: 'https://evil.example' };
    const answer = await expectRefused(() => replica.post('/token', form, origin), 400, 'invalid_request');
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('returns JSON to a caller that prefers HTML', async () => {
    const answer = await replica.post('/token', { grant_type }, { accept: 'text/html' });
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(answer.body.error).toBe('invalid_client');
  });
});
