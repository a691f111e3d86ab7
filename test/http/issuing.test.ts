import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Answer } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createOrganization, type Job, type Organization, startJob } from '../support/organization.ts';
import { makeThings } from './things.ts';

/** Requests in a second, and the same number again once in ten seconds. */
const rate = 40;

let running: RunningArsia;
let oracle: Oracle;
let organization: Organization;
let job: Job;
let identity: string;

beforeAll(async () => {
  running = await startArsia({ signIn: true, settings: { ARSIA_RATE_LIMIT: String(rate) } });
  oracle = await createOracle(running);
  organization = await createOrganization(running, 'acme');
  const made = await makeThings(organization);
  job = made.job;
  identity = made.things.identity;
}, 60_000);

/** The node adapter answers the exact target only; with a trailing question mark Koa answers. */
type Way = '' | '?';
const short: Way = '';
const long: Way = '?';

type Ask = (way: Way) => Promise<Answer & { rawHeaders: string[] }>;

const asked = (
  path: string,
  body: unknown,
  token: () => string | undefined,
  more: Record<string, string> = {},
): Ask => {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return (way) =>
    post(`/api/v1${path}${way}`, text, {
      ...(token() !== undefined && { authorization: `Bearer ${token()}` }),
      ...(text !== undefined && { 'content-type': 'application/json' }),
      ...more,
    });
};

/** Sends a target that fetch() would normalise. */
async function post(target: string, text = '', headers: Record<string, string> = {}): ReturnType<Ask> {
  const { hostname, port } = new URL(running.origin);
  const sent = httpRequest({ hostname, port, path: target, method: 'POST', headers, agent: false });
  sent.end(text);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const received = Buffer.concat(await answer.toArray()).toString();
  return {
    status: answer.statusCode!,
    rawHeaders: answer.rawHeaders,
    headers: new Headers(answer.headers as Record<string, string>),
    text: received,
    body: JSON.parse(received),
  };
}

const ofJob = () => job.client.token;
const requests: Record<string, Ask> = {
  'a token': (way) => asked('/tokens', { managed_identity: identity }, ofJob)(way),
  'an unknown identity': asked('/tokens', { managed_identity: 'acme/none' }, ofJob),
  'an unknown member': asked('/tokens', { managed_identity: 'acme/none', surprise: 1 }, ofJob),
  'a missing member': asked('/tokens', {}, ofJob),
  'no JSON': asked('/tokens', '{"managed', ofJob),
  'an array': asked('/tokens', '[]', ofJob),
  'another type': asked('/tokens', 'x=1', ofJob, { 'content-type': 'text/plain' }),
  'an encoded body': asked('/tokens', '{}', ofJob, { 'content-encoding': 'gzip' }),
  'a long body': asked('/tokens', JSON.stringify({ managed_identity: 'x'.repeat(70_000) }), ofJob),
  'no body': asked('/tokens', undefined, ofJob),
  'no token': asked('/tokens', { managed_identity: 'acme/none' }, () => undefined),
  'no token and no JSON': asked('/tokens', '{', () => undefined),
  'an unknown token': asked('/tokens', { managed_identity: 'acme/none' }, () => `arsia_job_${'A'.repeat(43)}`),
  'a token that is none': asked('/tokens', { managed_identity: 'acme/none' }, () => 'eyJhbGciOiJub25lIn0.e30.'),
  'another scheme': asked('/tokens', { managed_identity: 'x' }, () => undefined, { authorization: 'Basic eDp5' }),
  'a harmless request id': asked('/tokens', {}, ofJob, { 'x-request-id': 'my-request-17' }),
  'a request id like a token': asked('/tokens', {}, ofJob, { 'x-request-id': 'arsia_job_AAAAAAAA' }),
  'a precondition': asked('/tokens', { managed_identity: 'acme/none' }, ofJob, { 'if-match': '*' }),
  'a faulty precondition': asked('/tokens', { managed_identity: 'acme/none' }, ofJob, { 'if-match': 'x' }),
  'a key of a create': asked('/tokens', { managed_identity: 'acme/none' }, ofJob, { 'idempotency-key': 'a b' }),
  credentials: asked('/credentials', { managed_identity: 'acme/none' }, ofJob),
  'credentials for too long': asked('/credentials', { managed_identity: 'acme/none', duration: 1e9 }, ofJob),
};

/** Returns the parts of an answer that must be equal, and the form of those that always differ. */
function shapeOf({ status, headers, body }: Answer): unknown {
  const plain = Object.fromEntries(headers);
  for (const name of ['date', 'ratelimit', 'content-length']) plain[name] &&= 'there';
  if (plain['x-request-id'] !== 'my-request-17') plain['x-request-id'] = plain['x-request-id']!.replace(/\w/g, 'x');
  const { request_id, ...rest } = body;
  return status === 200
    ? { status, plain, members: Object.keys(rest), isEchoed: request_id }
    : { status, plain, rest, isEchoed: request_id === headers.get('x-request-id') };
}

describe('the node adapter', () => {
  test('answers the exact target, and Koa any other', async () => {
    const readLengthHeader = async (way: Way) =>
      (await requests['a token']!(way)).rawHeaders.find((name) => name.toLowerCase() === 'content-length');
    expect([await readLengthHeader(short), await readLengthHeader(long)]).toEqual(['content-length', 'Content-Length']);
  });

  test.each(Object.entries(requests))('answers and records as the Koa adapter does: %s', async (_name, ask) => {
    const [one, other] = [await ask(short), await ask(long)];
    expect(shapeOf(one)).toEqual(shapeOf(other));
    const facts = async (answer: Answer) =>
      (await oracle.recordsOf(answer)).map(({ action, outcome, code, actor_kind, actor_id, detail }) => {
        const { claims: _, ...rest } = detail;
        return { action, outcome, code, actor_kind, actor_id, rest };
      });
    if (one.headers.get('x-request-id') !== 'my-request-17') expect(await facts(one)).toEqual(await facts(other));
    running.clock.advance(2_000);
  });

  test('mints tokens', async () => {
    expect((await requests['a token']!(short)).status).toBe(200);
  });

  test('shares the limit of a caller with the Koa adapter', async () => {
    const { token } = await startJob(organization);
    const ask = asked('/tokens', { managed_identity: 'acme/none' }, () => token);
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 600 }, (_, n) => ask(n % 2 === 0 ? short : long)));
    const seconds = (performance.now() - began) / 1000;
    const refused = answers.filter(({ status }) => status === 429);
    // A window starts with its first request, so this bounds the number of windows even on a slow machine.
    const windows = Math.floor(seconds) + 1 + (Math.floor(seconds / 10) + 1);
    expect(answers.length - refused.length).toBeLessThanOrEqual(windows * rate);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map((answer) => JSON.stringify(Object.keys(answer.body)))).size).toBe(1);
    for (const { headers, body } of refused) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(body.code).toBe('too_many_requests');
    }
  });
});
