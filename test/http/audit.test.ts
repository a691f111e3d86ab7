import { beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '../../src/core/clock.ts';
import { routes } from '../../src/http/api/routes.ts';
import { createTestClock, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Body, type Client, createClient, postForm, request } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import {
  createAccount,
  createOperator,
  createOrganization,
  type Job,
  type Organization,
} from '../support/organization.ts';
import { rounds } from '../support/rounds.ts';
import { callerOf, createPeople, type People } from './actors.ts';
import { cases, requestOf } from './cases.ts';
import { makeThings, type Things } from './things.ts';

let running: RunningArsia;
let oracle: Oracle;
let own: Organization;
let foreign: Organization;
let things: Things;
let job: Job;
let viewer: Client;
let operator: Client;
let people: People;
const anonymous = () => createClient(running.issuer);
const unknown = () => createClient(running.issuer, `arsia_at_${'A'.repeat(43)}`);

beforeAll(async () => {
  running = await startArsia({ signIn: true, settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  own = await createOrganization(running, 'acme');
  foreign = await createOrganization(running, 'globex');
  ({ things, job } = await makeThings(own));
  viewer = (await createAccount(own.owner, own.group, 'viewer', { namespace: own.id, role: 'viewer' })).client;
  operator = await createOperator(running);
  people = await createPeople(running, own);
}, 60_000);

const rows = routes.map((route) => [`${route.method} ${route.path}`, route] as const);
/** Moves the clock to a new minute: refusals of unauthenticated callers are counted by the minute. */
function beginMinute({ clock }: RunningArsia): void {
  clock.advance(60_000 - (clock.now() % 60_000));
}

const countAll = async () => Number((await oracle.execute('SELECT count(*) AS count FROM audit_events'))[0]!.count);
const recordsOf = async (answer: Answer) =>
  (await oracle.recordsOf(answer)).map(({ action, outcome, code }) => [action, outcome, code]);

describe('every route leaves exactly the expected records', () => {
  /** POST routes that only read. */
  const reading = /\/evaluate$/;
  /** Changes only the time of the last heartbeat. */
  const quiet = /\/heartbeat$/;

  test.each(rows)('%s, when it succeeds', async (key, { action, method }) => {
    const isDestructive = /^(?:PATCH|DELETE) |\/move$/.test(key);
    const fresh = isDestructive ? await makeThings(own) : { things, job };
    const sent = requestOf(key, fresh.things);
    const client = callerOf(key, { ...people, actor: own.owner, job: fresh.job.client });
    if (key === 'POST /admin-links/redeem') sent.body = { token: (await running.arsia.operators.link('other')).token };
    if (key === 'POST /user-identities/detach') sent.body = { user: fresh.things.user };
    // A person starts jobs for themselves, with one stage.
    if (key === 'POST /workspaces/:id/jobs') sent.body = {};
    const answer = await client.ask(sent.method, sent.path, sent.body);
    const records = await recordsOf(answer);
    if (key === 'POST /credentials') {
      // There is no cloud in this test: the records are those of the mint and of the failed exchange.
      expect(records).toEqual([
        ['token.mint', 'success', null],
        ['credentials.exchange', 'failed', answer.body.code],
      ]);
      return;
    }
    expect({ key, status: answer.status, text: answer.status < 300 ? '' : answer.text }).toEqual({
      key,
      status: answer.status,
      text: '',
    });
    const isRead = method === 'GET' || reading.test(key) || quiet.test(key);
    expect({ key, records }).toEqual({ key, records: isRead ? [] : [[action, 'success', null]] });
  });

  const refusals: [string, (key: string) => Promise<Answer>][] = [
    ['a caller without a token', (key) => send(key, { client: anonymous() })],
    ['an unknown token', (key) => send(key, { client: unknown() })],
    ['a viewer', (key) => send(key, { client: viewer })],
    ['the token of a job', (key) => send(key, { client: job.client })],
    ['an unknown parameter', (key) => send(key, { change: (path) => `${path}${path.includes('?') ? '&' : '?'}x=1` })],
    ['an invalid path', (key) => send(key, { change: (path) => path.replace(/_[0-9a-z]{26}/, '%00') })],
    ['a malformed body', (key) => send(key, { body: '{' })],
    ['a body too large', (key) => send(key, { body: `"${'x'.repeat(70_000)}"` })],
    ['things that do not exist', (key) => send(key, { about: unknownThings() })],
  ];
  // Each refusal is tested on a third of the routes, and on all in the long run.
  const step = rounds(3, 1);
  test.each(refusals.map(([name, refuse], index) => [name, refuse, index] as const))(
    'and one record when refused: %s',
    async (name, refuse, index) => {
      const refused: string[] = [];
      const faults: unknown[] = [];
      beginMinute(running);
      for (const [key, { action, bearer, method }] of rows.filter((_row, at) => at % step === index % step)) {
        // This would end the job, which the next requests need.
        if (name === 'the token of a job' && method !== 'GET' && cases[key]?.opensToJob) continue;
        const before = await countAll();
        const answer = await refuse(key);
        if (answer.status < 400 || answer.status === 502) continue;
        refused.push(key);
        const early = name === 'an unknown token' && bearer === 'access' ? ['caller.authenticate'] : [action];
        // An exchange starts with a mint, which records its own refusals.
        const actions = bearer === 'job' ? ['token.mint', action] : early;
        const records = await recordsOf(answer);
        const isRight = records.some(
          ([by, outcome, code]) => actions.includes(by) && outcome === 'refused' && code === answer.body.code,
        );
        if (!isRight || records.length !== 1 || (await countAll()) !== before + 1)
          faults.push({ key, records, code: answer.body.code });
      }
      expect(faults).toEqual([]);
      expect(refused.length).toBeGreaterThan(20 / step);
    },
    60_000,
  );

  const unknownThings = () =>
    Object.fromEntries(Object.keys(things).map((kind) => [kind, newId(running.clock, 'group')])) as unknown as Things;
  function send(
    key: string,
    {
      client,
      change,
      body,
      about = things,
    }: { client?: Client; change?: (path: string) => string; body?: string; about?: Things },
  ): Promise<Answer> {
    const sent = requestOf(key, about);
    const who = client ?? (cases[key]?.least === 'job' ? job.client : own.owner);
    return who.ask(
      sent.method,
      change?.(sent.path) ?? sent.path,
      sent.method === 'GET' ? undefined : (body ?? sent.body),
    );
  }

  test('the record names the job also when its request is refused before its token is read', async () => {
    const { record } = await oracle.refuses(() => job.client.ask('POST', '/tokens', { surprise: 1 }), {
      status: 400,
      code: 'invalid_request',
      action: 'token.mint',
    });
    expect(record).toMatchObject({ actor_kind: 'job', actor_id: job.id, organization_id: own.id });
  });
});

describe('unauthenticated callers cannot fill the audit', () => {
  test('many refused requests of all kinds leave a few events with counts; refusals of known callers leave one each', async () => {
    const goOn = running.clock.hold();
    beginMinute(running);
    await running.arsia.trail.runRound();
    const before = await countAll();
    const storm: (() => Promise<Answer>)[] = [
      () => anonymous().ask('GET', '/groups'),
      () => anonymous().ask('POST', '/groups', { name: 'x' }),
      () => unknown().ask('GET', '/users'),
      () => unknown().ask('POST', '/tokens', { managed_identity: 'acme/lab/x' }),
      () => anonymous().ask('POST', '/credentials', {}),
      () => anonymous().ask('POST', '/admin-links/redeem', { token: `arsia_link_${'A'.repeat(43)}` }),
      () =>
        postForm(running.issuer, '/token', {
          grant_type: 'client_credentials',
          client_id: own.launcherId,
          client_secret: 'x',
        }),
      () => postForm(running.issuer, '/token', { grant_type: 'nonsense' }),
    ];
    const answers: Answer[] = [];
    for (let round = 0; round < 60; round++) answers.push(...(await Promise.all(storm.map((send) => send()))));
    expect(answers.filter(({ status }) => status < 400 || status >= 500)).toEqual([]);
    const alone = (await countAll()) - before;
    expect(alone).toBeLessThanOrEqual(120 + storm.length + 2);
    goOn();

    running.clock.advance(60_000);
    await running.arsia.trail.runRound();
    const counted = await oracle.execute(
      `SELECT action, code, organization_id, detail FROM audit_events WHERE actor_kind = 'anonymous' AND detail ? 'count'`,
    );
    const sum = counted.reduce((total, { detail }) => total + detail.count, 0);
    expect(alone + sum).toBe(answers.length);
    expect(counted.length).toBeLessThanOrEqual(storm.length + 2);
    for (const { detail } of counted)
      expect(detail).toMatchObject({ since: expect.any(String), until: expect.any(String) });
    expect(JSON.stringify(counted)).not.toMatch(/AAAA/);
    // The owners of an account see the refusals of its credentials.
    const { items } = await own.owner.send('GET', '/audit-events?action=access_token.issue&outcome=refused&limit=1');
    expect(items[0].detail.count).toBeGreaterThan(0);

    const known = await Promise.all(Array.from({ length: 150 }, () => viewer.ask('POST', '/users', { login: 'x' })));
    // In sequence, since the oracle has one connection.
    for (const answer of known) expect(await recordsOf(answer)).toHaveLength(1);
  }, 60_000);

  test('counts are written at shutdown', async () => {
    const other = await startArsia({ signIn: true });
    const otherOracle = await createOracle(other);
    const { issuer } = other;
    beginMinute(other);
    for (let count = 0; count < 150; count++) await createClient(issuer).ask('GET', '/groups');
    await other.stop();
    const [event] = await otherOracle.execute(`SELECT * FROM audit_events WHERE detail ? 'count'`);
    expect(event).toMatchObject({ action: 'group.list', outcome: 'refused', detail: { count: 29 } });
    // A checkpoint covers the counts.
    const [{ event_ids } = { event_ids: '' }] = await otherOracle.execute(
      'SELECT event_ids FROM audit_checkpoints ORDER BY number DESC LIMIT 1',
    );
    expect(event_ids).toContain(event!.id);
  }, 60_000);
});

describe('a search', () => {
  test('filters by time with since and until, in any offset', async () => {
    const { items } = await own.owner.send('GET', '/audit-events?action=group.create&limit=200');
    const [newest, middle] = [items[0], items[Math.floor(items.length / 2)]];
    const ids = async (query: string) =>
      (await own.owner.send('GET', `/audit-events?action=group.create&limit=200&${query}`)).items.map(
        ({ id }: Body) => id,
      );
    const expected = (isIn: (at: string) => boolean) =>
      items.filter(({ at }: Body) => isIn(at)).map(({ id }: Body) => id);
    expect(await ids(`since=${middle.at}`)).toEqual(expected((at) => at >= middle.at));
    expect(await ids(`until=${middle.at}`)).toEqual(expected((at) => at < middle.at));
    expect(await ids(`since=${middle.at}&until=${newest.at}`)).toEqual(
      expected((at) => at >= middle.at && at < newest.at),
    );
    const shifted = new Date(Date.parse(middle.at) + 5.5 * 3_600_000).toISOString().replace('Z', '%2B05:30');
    expect(await ids(`since=${shifted}`)).toEqual(await ids(`since=${middle.at}`));
  });

  test.each(['since', 'until'])('refuses an invalid %s', async (name) => {
    for (const value of [
      '',
      'yesterday',
      '2026-01-01',
      '2026-01-01T00:00:00',
      '2026-02-30T00:00:00Z',
      '1767225600',
      '2026-01-01T00:00:00Z&since=x',
    ])
      for (const path of ['/audit-events', '/audit-events/export']) {
        const { answer } = await oracle.refuses(() => own.owner.ask('GET', `${path}?${name}=${value}`), {
          status: 400,
          code: 'invalid_request',
        });
        expect(answer.body.errors[0].pointer).toMatch(/since|until/);
      }
  });
});

describe('an export', () => {
  const lines = ({ text }: Answer): Body[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const exportEvents = async (client: Client, query = '') => {
    const answer = await client.ask('GET', `/audit-events/export${query}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    return lines(answer);
  };

  const withoutNames = ({ actor: _a, user: _u, workspace: _w, identity: _i, target: _t, ...event }: Body) => event;

  test('has every event of the organisation once, ordered by position over many pages, and none of another organisation', async () => {
    await Promise.all(Array.from({ length: 1100 }, () => viewer.ask('POST', '/users', { login: 'x' })));
    const events = await exportEvents(own.owner);
    const stored = await oracle.execute(
      'SELECT id, position::int FROM audit_events WHERE organization_id = $1 ORDER BY position',
      [own.id],
    );
    expect(events.length).toBeGreaterThan(1100);
    expect(events.map(({ id, position }) => ({ id, position }))).toEqual(stored);
    expect(JSON.stringify(events)).not.toContain(foreign.id);
    // Each event is as in the list, without the names for people.
    const { items } = await own.owner.send('GET', '/audit-events?limit=5');
    for (const item of items) expect(events).toContainEqual(withoutNames(item));
    const ofInstallation = await exportEvents(operator);
    expect(ofInstallation.length).toBeGreaterThan(0);
    expect(ofInstallation.filter(({ organization_id }) => organization_id !== null)).toEqual([]);
    expect(new Set((await exportEvents(foreign.owner)).map(({ organization_id }) => organization_id))).toEqual(
      new Set([foreign.id]),
    );
  }, 60_000);

  test('has the filters of the list', async () => {
    const { items } = await own.owner.send('GET', `/audit-events?action=job.start&job=${things.job}`);
    const [event] = items;
    const columns = [
      ['job', 'job_id'],
      ['user', 'user_id'],
      ['workspace', 'workspace_id'],
      ['actor', 'actor_id'],
      ['action', 'action'],
      ['outcome', 'outcome'],
      ['since', 'at'],
    ] as const;
    // A job that a service account starts for itself has no user.
    for (const [filter, column] of columns.filter(([, one]) => event[one] !== null)) {
      const query = `?${filter}=${event[column]}`;
      const listed = await own.owner.send('GET', `/audit-events${query}&limit=200`);
      const all = await exportEvents(own.owner, query);
      // The list is ordered by id; two ids of one millisecond can have any order.
      const byId = new Map(all.map((one) => [one.id, one]));
      expect(listed.items.map(withoutNames)).toEqual(listed.items.map(({ id }: Body) => byId.get(id)));
      expect(Math.min(all.length, 200)).toBe(listed.items.length);
      expect({ query, isThere: all.some(({ id }) => id === event.id) }).toEqual({ query, isThere: true });
    }
    expect(await exportEvents(own.owner, `?until=${event.at}&since=${event.at}`)).toEqual([]);
    for (const query of ['?limit=5', '?cursor=x', '?organization=x'])
      await oracle.refuses(() => own.owner.ask('GET', `/audit-events/export${query}`), {
        status: 400,
        code: 'invalid_request',
        action: 'audit_event.export',
      });
  });

  test('F32 continues after the position of the last line, and misses no event of a replica whose clock is 4 s behind', async () => {
    const clock = createTestClock();
    clock.advance(running.clock.now() - clock.now() - 4_000);
    const behind = await startArsia({ signIn: true, home: running.home, clock, settings: { ARSIA_TENANCY: 'multi' } });
    const [here, there] = [viewer, createClient(behind.origin, viewer.token)];
    const count = rounds(600, 5_000);
    const [first] = (await exportEvents(own.owner)).slice(-1);
    const sent: Answer[] = [];
    const send = async (client: Client) => {
      while (sent.length < count) sent.push(await client.ask('POST', '/users', { login: 'x' }));
    };
    const senders = Array.from({ length: 16 }, (_, index) => send(index % 2 === 0 ? here : there));
    let isDone = false;
    const ended = Promise.all(senders).finally(() => {
      isDone = true;
    });
    const read: Body[] = [];
    for (let isLast = false; !isLast; ) {
      isLast = isDone;
      const { position } = read.at(-1) ?? first!;
      read.push(...(await exportEvents(own.owner, `?after_position=${position}`)));
    }
    await ended;
    const stored = await oracle.execute(
      'SELECT id FROM audit_events WHERE organization_id = $1 AND position > $2 ORDER BY position',
      [own.id, first!.position],
    );
    expect(stored.length).toBeGreaterThanOrEqual(count);
    expect(read.map(({ id }) => id)).toEqual(stored.map(({ id }) => id));
    expect(await exportEvents(own.owner, `?after_position=${read.at(-1)!.position}`)).toEqual([]);
    // An export by time would miss them: the ids of the other replica are older than those already read.
    expect(read.some(({ id }, index) => index > 0 && id < read[index - 1]!.id)).toBe(true);
  }, 120_000);

  test.each(['', '-1', '1.5', '1e3', '01', 'x', '9999999999999999'])(
    'refuses an invalid after_position: %j',
    async (value) => {
      const { answer } = await oracle.refuses(
        () => own.owner.ask('GET', `/audit-events/export?after_position=${value}`),
        { status: 400, code: 'invalid_request', action: 'audit_event.export' },
      );
      expect(answer.body.errors[0].pointer).toMatch(/after_position/);
    },
  );

  test('is refused to callers who may not read the audit', async () => {
    for (const [client, status, code] of [
      [viewer, 403, 'forbidden'],
      [job.client, 403, 'forbidden'],
      [anonymous(), 401, 'unauthenticated'],
    ] as const)
      await oracle.refuses(() => client.ask('GET', '/audit-events/export'), {
        status,
        code,
        action: 'audit_event.export',
      });
  });

  test('stops when the reader closes the connection', async () => {
    const ending = new AbortController();
    const headers = { authorization: `Bearer ${own.owner.token}` };
    const answer = await fetch(`${running.issuer}/api/v1/audit-events/export`, { headers, signal: ending.signal });
    await answer.body!.getReader().read();
    ending.abort();
    expect((await request(`${running.issuer}/healthz`)).status).toBe(200);
    expect((await own.owner.ask('GET', '/groups')).status).toBe(200);
  });
});
