import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { ArsiaError } from '../../src/core/errors.ts';
import type { Database } from '../../src/database/connections.ts';
import { freshDatabase } from '../support/databases.ts';
import {
  addKeyAccount,
  addSecretAccount,
  assertionForm,
  createWorld,
  type Replica,
  startReplica,
  type TestKeys,
  testKeys,
  type World,
} from './support.ts';

let database: Database;
let world: World;
let keys: TestKeys;
let replica: Replica;

beforeAll(async () => {
  ({ database } = await freshDatabase('embedded'));
}, 60_000);

beforeEach(async () => {
  world = createWorld();
  keys = await testKeys();
  replica = await startReplica({ world, database, keys });
});

afterEach(() => {
  jest.restoreAllMocks();
});

const form = { grant_type: 'client_credentials' };
const kids = async () => {
  const { keys: served } = (await (await fetch(`${replica.issuer}/jwks`)).json()) as { keys: { kid: string }[] };
  return served.map(({ kid }) => kid);
};

test('a change of keys is served at once, and a request in progress completes', async () => {
  const before = await kids();
  const { basic } = addSecretAccount(world);
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  world.record = async () => {
    reached.resolve();
    await held.promise;
  };
  const pending = replica.post('/token', form, { authorization: basic });
  await reached.promise;
  await keys.rotate();
  const after = await kids();
  expect(after).toEqual([keys.signer().kid, ...before]);
  held.resolve();
  expect((await pending).status).toBe(200);
});

test('keeps the former keys when oidc-provider refuses new ones, and logs it', async () => {
  const before = await kids();
  jest.spyOn(keys, 'current').mockReturnValueOnce({ jwks: '{"keys":[{"kty":"RSA"}]}' });
  await keys.rotate();
  expect(await kids()).toEqual(before);
  expect(JSON.stringify(world.logs)).toContain('keeps its former keys');
});

test('responds 503 until the keys are loaded', async () => {
  const current = jest.spyOn(keys, 'current').mockImplementation(() => {
    throw new ArsiaError('unavailable', 'not loaded');
  });
  const early = await startReplica({ world, database, keys });
  const response = await fetch(`${early.issuer}/jwks`);
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  await expect(early.server.issueAccessToken({ principal_id: 'usr_x', lifetime: 1 })).rejects.toThrow(ArsiaError);
  current.mockRestore();
  await keys.rotate();
  expect((await fetch(`${early.issuer}/jwks`)).status).toBe(200);
});

test('responds 503 with Retry-After while the database is unreachable, and still serves the documents', async () => {
  const { basic } = addSecretAccount(world);
  const account = await addKeyAccount(world);
  jest
    .spyOn(database, 'statement')
    .mockRejectedValue(
      new ArsiaError('unavailable', 'The database does not respond at the moment.', { retry_after: 3 }),
    );
  for (const answer of [
    await replica.post('/token', form, { authorization: basic }),
    await replica.post('/token', assertionForm(await account.assert(replica.issuer))),
    await replica.post('/introspect', { token: 'x' }, { authorization: basic }),
    await replica.post('/revoke', { token: 'x' }, { authorization: basic }),
  ]) {
    expect([answer.status, answer.body.error, answer.headers.get('retry-after')]).toEqual([
      503,
      'temporarily_unavailable',
      '3',
    ]);
  }
  expect(world.events).toEqual([]);
  for (const path of ['/jwks', '/.well-known/openid-configuration'])
    expect((await fetch(`${replica.issuer}${path}`)).status).toBe(200);
});

test('an unexpected error of the store is 500, and its message is not in the response', async () => {
  const { basic } = addSecretAccount(world);
  jest.spyOn(database, 'statement').mockRejectedValue(new Error('relation oidc_artifacts does not exist'));
  const { status, body } = await replica.post('/token', form, { authorization: basic });
  expect([status, body.error]).toEqual([500, 'server_error']);
  expect(JSON.stringify(body)).not.toContain('relation');
  expect(world.events).toEqual([expect.objectContaining({ outcome: 'failed', code: 'internal' })]);
});

test('returns no token when the audit event cannot be recorded', async () => {
  const { id, basic } = addSecretAccount(world);
  world.record = async () => {
    throw new ArsiaError('unavailable', 'away');
  };
  for (const answer of [
    await replica.post('/token', form, { authorization: basic }),
    await replica.post('/token', { ...form, client_id: id, client_secret: 'wrong' }),
  ]) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(answer.body).toEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) });
  }
});

test('does not start when the signing key is not published', async () => {
  jest.spyOn(keys, 'current').mockReturnValue({ jwks: '{"keys":[]}' });
  await expect(startReplica({ world, database, keys })).rejects.toThrow('is not published');
});

/** In a process of its own: jest's realm does not have the symbol that the check needs. */
test('M16 oidc-provider refuses internal addresses on this Node, if it ever fetches', async () => {
  const library = fileURLToPath(import.meta.resolve('oidc-provider'));
  const script = `
    import { createServer } from 'node:http';
    import { Provider } from ${JSON.stringify(library)};
    let hits = 0;
    const server = createServer((_, response) => { hits++; response.end('{"keys":[]}'); });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const jwks_uri = 'http://127.0.0.1:' + server.address().port;
    const client = { client_id: 'a', token_endpoint_auth_method: 'private_key_jwt', jwks_uri, redirect_uris: [],
      response_types: [], grant_types: [] };
    const { asymmetricKeyStore } = await new Provider('http://127.0.0.1', { clients: [client] }).Client.find('a');
    const outcome = await asymmetricKeyStore.refresh().then(() => 'fetched', () => 'refused');
    server.close();
    console.log(JSON.stringify({ outcome, hits }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({ outcome: 'refused', hits: 0 });
});
