import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Body, createClient, encoded, exchangeToken, postForm, request } from '../support/client.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Organization,
  startJob,
} from '../support/organization.ts';

let running: RunningArsia;
let acme: Organization;
let viewer: Awaited<ReturnType<typeof createAccount>>;

beforeAll(async () => {
  running = await startArsia();
  acme = await createOrganization(running);
  viewer = await createAccount(acme.owner, acme.group, 'viewer', { namespace: acme.id, role: 'viewer' });
}, 60_000);

function linesOf(answer: Answer): Body[] {
  const id = answer.headers.get('x-request-id');
  return running
    .logged()
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
    .filter((line) => line.msg === 'request' && line.request_id === id);
}

/** Returns the log line of a request, without what differs from run to run. It can come after the answer. */
async function lineOf(answer: Answer): Promise<Body> {
  for (let tries = 0; linesOf(answer).length === 0 && tries < 100; tries++) await sleep(10);
  const lines = linesOf(answer);
  expect(lines).toHaveLength(1);
  const {
    time: _time,
    level: _level,
    service: _service,
    msg: _msg,
    request_id: _id,
    duration_ms: _,
    ...rest
  } = lines[0]!;
  return rest;
}

const asViewer = () => ({ actor_kind: 'service_account', actor_id: viewer.id, organization_id: acme.id });

test('a log line has the template of the route, the caller and its organisation', async () => {
  const answer = await viewer.client.ask('GET', `/groups/${encoded(acme.group)}`);
  expect(await lineOf(answer)).toEqual({ method: 'GET', route: '/api/v1/groups/:id', status: 200, ...asViewer() });
  expect(running.logged()).not.toContain(encoded(acme.group));
});

test('the line of a refusal has its code', async () => {
  const refused = await viewer.client.ask('POST', '/users', { login: 'x' });
  const facts = { method: 'POST', route: '/api/v1/users', status: 403, error_code: 'forbidden' };
  expect(await lineOf(refused)).toEqual({ ...facts, ...asViewer() });
  const unread = await viewer.client.ask('POST', '/users', '{');
  expect(await lineOf(unread)).toEqual({ ...facts, status: 400, error_code: 'invalid_request', ...asViewer() });
});

test('the line of a job that has ended names it', async () => {
  const job = await startJob(acme);
  await acme.owner.send('PATCH', job.path, { state: 'ended' });
  expect(await lineOf(await job.client.ask('GET', job.path))).toEqual({
    method: 'GET',
    route: '/api/v1/workspaces/:id/jobs/:job',
    status: 401,
    error_code: 'job_ended',
    actor_kind: 'job',
    actor_id: job.id,
    organization_id: acme.id,
  });
});

test('the line of a caller without a token says so, and an unknown path is not in the log', async () => {
  expect(await lineOf(await createClient(running.issuer).ask('GET', '/groups'))).toEqual({
    method: 'GET',
    route: '/api/v1/groups',
    status: 401,
    error_code: 'unauthenticated',
    actor_kind: 'anonymous',
  });
  const unknown = await viewer.client.ask('GET', '/no-such-place/arsia-secret');
  expect(await lineOf(unknown)).toEqual({ method: 'GET', status: 404, error_code: 'not_found' });
  expect(running.logged()).not.toContain('no-such-place');
  expect(await lineOf(await request(`${running.issuer}/healthz`))).toEqual({
    method: 'GET',
    route: '/healthz',
    status: 200,
  });
});

test('the lines of jobs name the job, for a token, a refusal and a token exchange', async () => {
  const settings = { audience: 'https://api.example' };
  const identity = await createIdentity(acme, { name: 'api', type: 'oidc', settings, delivery: 'token' });
  const job = await startJob(acme);
  const asJob = { actor_kind: 'job', actor_id: job.id, organization_id: acme.id };
  const mint = () => job.client.ask('POST', '/tokens', { managed_identity: identity.id });
  const minted = { method: 'POST', route: '/api/v1/tokens', status: 200, ...asJob };
  expect(await lineOf(await mint())).toEqual(minted);
  // The second one is decided on kept facts.
  expect(await lineOf(await mint())).toEqual(minted);
  const refused = await job.client.ask('POST', '/credentials', { managed_identity: identity.id });
  expect(await lineOf(refused)).toEqual({
    ...minted,
    route: '/api/v1/credentials',
    status: 403,
    error_code: 'delivery_refused',
  });
  const unread = await job.client.ask('POST', '/tokens', { surprise: 1 });
  expect(await lineOf(unread)).toEqual({ ...minted, status: 400, error_code: 'invalid_request' });
  const exchanged = await exchangeToken(running.issuer, job.token, identity.id);
  expect(await lineOf(exchanged)).toEqual({ ...minted, route: '/oauth2/token' });
  expect(running.logged()).not.toContain(job.token);
});

test('the lines of the authorization server have the route and the code', async () => {
  const form = { grant_type: 'client_credentials', client_id: viewer.id, client_secret: 'wrong' };
  expect(await lineOf(await postForm(running.issuer, '/token', form))).toEqual({
    method: 'POST',
    route: '/oauth2/token',
    status: 401,
    error_code: 'unauthenticated',
  });
  const signedIn = await postForm(running.issuer, '/token', { ...form, client_secret: viewer.secret });
  expect(await lineOf(signedIn)).toEqual({
    method: 'POST',
    route: '/oauth2/token',
    status: 200,
    actor_kind: 'service_account',
    actor_id: viewer.id,
  });
  expect(await lineOf(await request(`${running.issuer}/oauth2/token`))).toEqual({
    method: 'GET',
    route: '/oauth2/token',
    status: 405,
    error_code: 'method_not_allowed',
  });
});
