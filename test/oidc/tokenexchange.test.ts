import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ArsiaError } from '../../src/core/errors.ts';
import { freshDatabase } from '../support/databases.ts';
import { addSecretAccount, createWorld, type Replica, startReplica, testKeys, type World } from './support.ts';

let world: World;
let replica: Replica;
const jobToken = `arsia_job_${'j'.repeat(43)}`;
const good = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  client_id: 'workload',
  subject_token: jobToken,
  subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  audience: 'acme/aws-prod',
};

beforeAll(async () => {
  const { database } = await freshDatabase('embedded');
  world = createWorld();
  replica = await startReplica({ world, database, keys: await testKeys() });
}, 60_000);

beforeEach(() => {
  world.events.length = 0;
  world.exchanges.length = 0;
  world.logs.length = 0;
  world.exchange = async () => ({ token: 'workload.token.signature', expires_in: 600 });
});

test('exchanges a job token and the name of an identity for a workload token, as the public client of jobs', async () => {
  const answer = await replica.post('/token', good);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.body).toEqual({
    access_token: 'workload.token.signature',
    issued_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_type: 'N_A',
    expires_in: 600,
  });
  expect(world.exchanges).toEqual([
    {
      subject_token: jobToken,
      audience: 'acme/aws-prod',
      client_id: 'workload',
      origin: expect.objectContaining({ request_id: expect.any(String) }),
    },
  ]);
  // The mint records its own event.
  expect(world.events).toEqual([]);
});

test('a service account may exchange too, with its own authentication', async () => {
  const { id, basic } = addSecretAccount(world);
  const { client_id: _, ...form } = good;
  const requested_token_type = 'urn:ietf:params:oauth:token-type:jwt';
  const answer = await replica.post('/token', { ...form, requested_token_type }, { authorization: basic });
  expect(answer.status).toBe(200);
  expect(world.exchanges[0]?.client_id).toBe(id);
});

test.each([
  ['no subject token', { subject_token: '' }, 'invalid_request'],
  ['no subject token type', { subject_token_type: '' }, 'invalid_request'],
  ['another subject token type', { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' }, 'invalid_request'],
  ['no audience', { audience: '' }, 'invalid_request'],
  ['an actor token', { actor_token: 'x', actor_token_type: good.subject_token_type }, 'invalid_request'],
  ['an actor token type', { actor_token_type: good.subject_token_type }, 'invalid_request'],
  ['a resource', { resource: 'https://api.example' }, 'invalid_request'],
  ['another requested type', { requested_token_type: good.subject_token_type }, 'invalid_request'],
  ['a scope', { scope: 'openid' }, 'invalid_scope'],
])('%s is refused before anything is decided, with one record', async (_name, change, error) => {
  const answer = await replica.post('/token', { ...good, ...change });
  expect([answer.status, answer.body.error]).toEqual([400, error]);
  expect(world.exchanges).toEqual([]);
  expect(world.events).toEqual([
    expect.objectContaining({ action: 'token.mint', outcome: 'refused', error, client_id: 'workload' }),
  ]);
});

test('N15 a parameter that is sent twice is refused, the audience too', async () => {
  for (const name of ['audience', 'subject_token', 'subject_token_type', 'resource', 'requested_token_type']) {
    const form = new URLSearchParams(good);
    form.append(name, 'one');
    form.append(name, 'two');
    const answer = await replica.post('/token', form);
    expect([name, answer.status, answer.body.error]).toEqual([name, 400, 'invalid_request']);
  }
  expect(world.exchanges).toEqual([]);
});

test.each([
  ['not_found', 400, 'invalid_target'],
  ['identity_not_assigned', 400, 'invalid_target'],
  ['claims_refused', 400, 'invalid_target'],
  ['unauthenticated', 400, 'invalid_request'],
  ['job_ended', 400, 'invalid_request'],
  ['user_inactive', 400, 'invalid_request'],
  ['unavailable', 503, 'temporarily_unavailable'],
  ['busy', 503, 'temporarily_unavailable'],
  ['internal', 500, 'server_error'],
] as const)('a refusal %s of the mint is %i %s, recorded only by the mint', async (code, status, error) => {
  world.exchange = async () => {
    throw new ArsiaError(code, 'Words "quoted" \\ of the mint.', { advice: 'Do this\u2026', retry_after: 7 });
  };
  const answer = await replica.post('/token', good);
  expect(answer.status).toBe(status);
  expect(answer.body).toEqual({ error, error_description: "Words 'quoted' / of the mint. Do this?" });
  expect(answer.headers.get('retry-after')).toBe(status === 503 ? '7' : null);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(world.events).toEqual([]);
});

test('an error without a code is not in the response', async () => {
  world.exchange = async () => {
    throw new TypeError('connect ECONNREFUSED 10.0.0.7:5432');
  };
  const answer = await replica.post('/token', good);
  expect([answer.status, answer.body.error]).toEqual([500, 'server_error']);
  expect(JSON.stringify(answer.body)).not.toContain('10.0.0.7');
});

test('the public client may do nothing else', async () => {
  const form = { client_id: 'workload', grant_type: 'client_credentials' };
  const answer = await replica.post('/token', form);
  expect([answer.status, answer.body.error]).toEqual([400, 'unauthorized_client']);
  // The client of access tokens that Arsia issues without OAuth has no grant type.
  const own = await replica.post('/token', { ...good, client_id: 'arsia' });
  expect([own.status, own.body.error]).toEqual([400, 'unauthorized_client']);
  expect(world.exchanges).toEqual([]);
});

test('a token exchange without a client is told which one to name', async () => {
  const { client_id: _client, ...form } = good;
  const answer = await replica.post('/token', form);
  expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
  expect(answer.body.error_description).toContain('client_id=workload');
  const other = await replica.post('/token', { grant_type: 'client_credentials' });
  expect(other.body.error_description).toBe('client authentication failed');
});

test('no response, audit event or log line of a refusal contains the token', async () => {
  world.exchange = async () => {
    throw new ArsiaError('unauthenticated', 'The token opens nothing.');
  };
  const answers = [await replica.post('/token', good), await replica.post('/token', { ...good, resource: 'x' })];
  const written = JSON.stringify([answers, world.events, world.logs]);
  expect(written).toContain('opens nothing');
  expect(written).not.toContain(jobToken);
});
