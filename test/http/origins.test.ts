import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Body, createClient, postForm, request } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import {
  createIdentity,
  createOperator,
  createOrganization,
  type Job,
  type Organization,
  startJob,
} from '../support/organization.ts';
import { recordsOf, signInPerson, startSignIn } from '../support/people.ts';

let running: RunningArsia;
let oracle: Oracle;
let organization: Organization;
let job: Job;

beforeAll(async () => {
  running = await startArsia({ settings: { ARSIA_TRUSTED_PROXIES: '1' } });
  oracle = await createOracle(running);
  organization = await createOrganization(running);
  const settings = { audience: 'https://cluster.acme.example' };
  await createIdentity(organization, { name: 'cluster', type: 'oidc', settings, delivery: 'both' });
  job = await startJob(organization);
}, 60_000);

/** The one trusted proxy saw this address; addresses before it come from the client. */
const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.9', 'user-agent': 'curl/8.5.0 (linux)' };
const origin = { client_address: '203.0.113.9', user_agent: 'curl/8.5.0' };

const bearer = (token: string) => ({ ...headers, authorization: `Bearer ${token}` });
const api = (method: string, path: string, body?: object, token?: string) =>
  request(`${running.issuer}/api/v1${path}`, {
    method,
    headers: { ...(token === undefined ? headers : bearer(token)), 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const form = (endpoint: string, more: Record<string, string>) => postForm(running.issuer, endpoint, more, headers);
const exchanged = (subject_token: string, audience: string, more: Record<string, string> = {}) =>
  form('/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: 'workload',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token,
    audience,
    ...more,
  });
const ofOutside = { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' };
const outsideToken = `${btoa('{"alg":"RS256"}')}.${btoa('{"iss":"https://issuer.example"}')}.x`.replaceAll('=', '');

describe('audit events have the origin of the request', () => {
  const managed_identity = 'acme/lab/cluster';
  const cases: [string, () => Promise<Answer>, number, string[]][] = [
    ['a mint', () => api('POST', '/tokens', { managed_identity }, job.token), 200, ['token.mint']],
    ['a mint on kept facts', () => api('POST', '/tokens', { managed_identity }, job.token), 200, ['token.mint']],
    [
      'a refused mint',
      () => api('POST', '/tokens', { managed_identity: 'acme/lab/none' }, job.token),
      404,
      ['token.mint'],
    ],
    ['a mint without a token', () => api('POST', '/tokens', { managed_identity }), 401, ['token.mint']],
    [
      'credentials',
      () => api('POST', '/credentials', { managed_identity }, job.token),
      200,
      ['token.mint', 'credentials.exchange'],
    ],
    [
      'a change',
      () => api('POST', '/groups', { name: 'new', parent: 'acme' }, organization.owner.token),
      201,
      ['group.create'],
    ],
    [
      'a refused change',
      () => api('POST', '/groups', { name: 'No Name', parent: 'acme' }, organization.owner.token),
      400,
      ['group.create'],
    ],
    ['a refused read', () => api('GET', '/groups'), 401, ['group.list']],
    [
      'a dead token',
      () => api('GET', '/groups', undefined, `arsia_at_${'x'.repeat(43)}`),
      401,
      ['caller.authenticate'],
    ],
    [
      'an access token by client credentials',
      () =>
        form('/token', {
          grant_type: 'client_credentials',
          client_id: organization.launcherId,
          client_secret: organization.launcherSecret,
        }),
      200,
      ['access_token.issue'],
    ],
    [
      'client credentials that were refused',
      () =>
        form('/token', { grant_type: 'client_credentials', client_id: organization.launcherId, client_secret: 'no' }),
      401,
      ['access_token.issue'],
    ],
    ['a token exchange', () => exchanged(job.token, managed_identity), 200, ['token.mint']],
    [
      'a refused token of an outside issuer',
      () => exchanged(outsideToken, organization.launcherId, ofOutside),
      400,
      ['outside_token.exchange'],
    ],
  ];
  test.each(cases)('%s', async (_name, send, status, actions) => {
    const answer = await send();
    const records = await oracle.recordsOf(answer);
    expect([answer.status, records.map(({ action }) => action)]).toEqual([status, actions]);
    for (const record of records) expect(record).toMatchObject(origin);
  });

  test('a change with an idempotency key', async () => {
    const answer = await organization.owner.ask(
      'POST',
      '/groups',
      { name: 'keyed', parent: 'acme' },
      { ...headers, 'idempotency-key': 'one-key-of-mine' },
    );
    expect(await oracle.recordsOf(answer)).toMatchObject([{ action: 'group.create', ...origin }]);
  });

  test('the API and the export return it', async () => {
    const answer = await api('POST', '/groups', { name: 'told', parent: 'acme' }, organization.owner.token);
    const { items } = await organization.owner.send('GET', '/audit-events?action=group.create&limit=1');
    const expected = { ...origin, request_id: answer.headers.get('x-request-id') };
    expect(items).toMatchObject([expected]);
    const { text } = await organization.owner.ask('GET', '/audit-events/export?action=group.create');
    expect(JSON.parse(text.trim().split('\n').at(-1)!)).toMatchObject(expected);
  });

  test('a sign-in', async () => {
    const world = await startSignIn({ kind: 'postgres' });
    world.upstream.people.set('ada', { email: 'ada@acme.example', email_verified: true, name: 'Ada' });
    const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
    const owner = createClient(world.issuer, made.token.access_token);
    await signInPerson(world, 'ada');
    for (const action of ['user.sign_in', 'access_token.issue']) {
      const { items } = await owner.send('GET', `/audit-events?action=${action}`);
      expect(items).toMatchObject([{ outcome: 'success', client_address: '127.0.0.1', user_agent: 'node' }]);
    }
  }, 60_000);

  test('a command of the server has no address', async () => {
    const { items } = await organization.owner.send('GET', '/audit-events?limit=200');
    const commands = (items as Body[]).filter(({ actor_kind }) => actor_kind === 'system');
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands)
      expect(command).toMatchObject({ request_id: null, client_address: null, user_agent: null });
  });

  test('the redeemed link of an operator', async () => {
    const { token } = await running.arsia.operators.link('link.operator');
    const answer = await api('POST', '/admin-links/redeem', { token });
    expect(answer.status).toBe(200);
    expect(await oracle.recordsOf(answer)).toMatchObject([origin]);
  });
});

describe('the client address of an audit event', () => {
  const readRecordedAddress = async (forwarded: string, at = running) => {
    const answer = await request(`${at.issuer}/api/v1/groups`, { headers: { 'x-forwarded-for': forwarded } });
    const reader = await createOperator(at, `reader.${at.origin.split(':')[2]}`);
    const [record] = await recordsOf(reader, answer);
    return record!.client_address;
  };

  test.each([
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2:ffff::6]:443', '2001:db8:1:2::/64'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, not an address', '127.0.0.1'],
  ])('is the rate-limit key of the address that the trusted proxy saw: %s gives %s', async (forwarded, expected) => {
    expect(await readRecordedAddress(forwarded)).toBe(expected);
  });

  test('is the address of the connection when no proxy is trusted', async () => {
    const plain = await startArsia();
    expect(await readRecordedAddress('203.0.113.9', plain)).toBe('127.0.0.1');
  }, 60_000);
});
