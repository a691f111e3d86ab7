import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '../../src/http/api/routes.ts';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, request } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createOrganization, type Job, type Organization, startJob } from '../support/organization.ts';
import { rounds } from '../support/rounds.ts';
import { cases, requestOf } from './cases.ts';
import { sendRaw } from './raw.ts';
import { makeThings, type Things } from './things.ts';

let running: RunningArsia;
let oracle: Oracle;
let organization: Organization;
let things: Things;
let job: Job;

beforeAll(async () => {
  running = await startArsia({ signIn: true });
  oracle = await createOracle(running);
  organization = await createOrganization(running);
  ({ things, job } = await makeThings(organization));
}, 60_000);

const strangers: Record<string, string | undefined> = {
  'no token': undefined,
  'an unknown access token': `Bearer arsia_at_${'x'.repeat(43)}`,
  'an unknown job token': `Bearer arsia_job_${'x'.repeat(43)}`,
  'a token of no shape': 'Bearer x',
  'two tokens in one': 'Bearer a b',
  'another scheme': 'Basic eDp5',
};

interface Sent {
  path: string;
  body?: string;
  headers?: Record<string, string>;
}

/** Faults of a request, apart from its credential. */
const faults: Record<string, (sent: Sent) => Sent> = {
  'no body': ({ path }) => ({ path }),
  'an empty object': ({ path }) => ({ path, body: '{}' }),
  'a body that is no JSON': ({ path }) => ({ path, body: '{"name":' }),
  'members that nobody knows': ({ path }) => ({ path, body: '{"surprise":[1]}' }),
  'another media type': ({ path }) => ({ path, body: 'x=1', headers: { 'content-type': 'text/plain' } }),
  'a body that is too large': ({ path }) => ({ path, body: `"${'x'.repeat(100_000)}"` }),
  'a bad query': (sent) => ({ ...sent, path: `${sent.path.split('?')[0]}?limit=0&surprise=1` }),
  'a bad precondition': (sent) => ({ ...sent, headers: { 'if-match': 'no tag' } }),
  'a bad idempotency key': (sent) => ({ ...sent, headers: { 'idempotency-key': 'a b' } }),
  'ids of no shape': (sent) => ({ ...sent, path: sent.path.replace(/[a-z]+_[0-9a-z]{26}/g, '%00') }),
};

const ask = async (method: string, authorization: string | undefined, { path, body, headers }: Sent): Promise<Answer> =>
  await request(`${running.origin}/api/v1${path}`, {
    method,
    ...(body !== undefined && method !== 'GET' && { body }),
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
  });

/** Pairs of a sender and a fault: all pairs in the long run, else each sender and each fault once. */
const pairs = Object.keys(strangers).flatMap((who, row) =>
  Object.keys(faults)
    .filter((_, column) => rounds(0, 1) === 1 || column % Object.keys(strangers).length === row)
    .map((what) => [who, what] as const),
);

const closed = routes.filter(({ bearer }) => bearer !== 'none').map(({ method, path }) => `${method} ${path}`);

describe('N86 the caller is authenticated before the body is validated', () => {
  test('on every route except those whose body authenticates the caller', () => {
    const open = routes.filter(({ bearer }) => bearer === 'none').map(({ method, path }) => `${method} ${path}`);
    expect(open).toEqual(Object.keys(cases).filter((key) => cases[key]!.least === 'anyone'));
    expect(open).toEqual(['POST /admin-links/redeem']);
  });

  test.each(['/tokens', '/credentials'])(
    '%s: the token of an ended job and a token of another kind get 401',
    async (path) => {
      const ended = await startJob(organization);
      await organization.launcher.send('PATCH', ended.path, { state: 'ended' });
      for (const headers of [{}, { 'if-match': '*' }] as Record<string, string>[])
        for (const body of ['', '{', '{}']) {
          const late = await oracle.refuses(() => ask('POST', `Bearer ${ended.token}`, { path, body, headers }), {
            status: 401,
            code: 'job_ended',
          });
          expect(late.record).toMatchObject({ actor_kind: 'job', actor_id: ended.id });
          await oracle.refuses(() => ask('POST', `Bearer ${organization.owner.token}`, { path, body, headers }), {
            status: 401,
            code: 'unauthenticated',
          });
          // A running job gets the faults of its request, and the record names the job.
          const { record } = await oracle.refuses(() => ask('POST', `Bearer ${job.token}`, { path, body, headers }), {
            status: 400,
            code: 'invalid_request',
          });
          expect(record).toMatchObject({ actor_kind: 'job', actor_id: job.id });
        }
    },
  );

  test.each(closed)('%s: 401 comes before every other fault', async (key) => {
    const before = await oracle.snapshot();
    const { method, path, body } = requestOf(key, things);
    const wrong: unknown[] = [];
    const answers: Answer[] = [];
    for (const [who, what] of pairs) {
      const authorization = strangers[who];
      const sent = faults[what]!({ path, ...(body !== undefined && { body: JSON.stringify(body) }) });
      const answer = await ask(method, authorization, sent);
      const challenge = `Bearer realm="arsia"${authorization === undefined ? '' : ', error="invalid_token"'}`;
      const isRight =
        answer.status === 401 &&
        answer.body.code === 'unauthenticated' &&
        answer.body.errors === undefined &&
        answer.headers.get('www-authenticate') === challenge;
      if (!isRight) wrong.push([who, what, answer.status, answer.text]);
      answers.push(answer);
    }
    expect(wrong).toEqual([]);
    expect(await oracle.snapshot()).toEqual(before);
    const ids = answers.map(({ headers }) => headers.get('x-request-id'));
    const twice = await oracle.execute(
      'SELECT request_id FROM audit_events WHERE request_id = ANY ($1) GROUP BY request_id HAVING count(*) > 1',
      [ids],
    );
    expect(twice).toEqual([]);
  });

  test('answers at once and closes the connection where the body is not read', async () => {
    for (const [path, authorization] of [
      ['/groups', []],
      ['/tokens', []],
      ['/groups', [`Authorization: Bearer arsia_at_${'x'.repeat(43)}`]],
      ['/tokens', [`Authorization: Bearer arsia_job_${'x'.repeat(43)}`]],
    ] as const)
      for (const length of ['Content-Length: 10000000', 'Transfer-Encoding: chunked']) {
        const part = 'x'.repeat(70_000);
        const body = length.endsWith('chunked') ? `${part.length.toString(16)}\r\n${part}\r\n` : part;
        const head = ['Host: x', 'Content-Type: application/json', ...authorization, length];
        const answer = await sendRaw(running.origin, [`POST /api/v1${path} HTTP/1.1`, ...head], body, {
          isLast: false,
        });
        expect([path, length, answer.status]).toEqual([path, length, 401]);
        expect(answer.headers.toLowerCase()).toContain('connection: close');
      }
  });

  test('a body that the authorization server does not read to its end closes the connection', async () => {
    const agent = new Agent({ keepAlive: true });
    for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': type, 'content-length': 200_000 };
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = httpRequest(`${running.origin}/oauth2/token`, { method: 'POST', agent, headers }, resolve);
        sent.on('error', reject).write('x'.repeat(100_000));
      });
      expect([type, answer.statusCode! >= 400, answer.headers.connection]).toEqual([type, true, 'close']);
      answer.destroy();
    }
    agent.destroy();
  });
});
