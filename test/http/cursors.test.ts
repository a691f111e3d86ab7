import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '../../src/http/api/routes.ts';
import { createCursors } from '../../src/http/kernel/cursors.ts';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Answer, Body, Client } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createAccount, createOrganization, type Organization } from '../support/organization.ts';
import { cases, requestOf } from './cases.ts';
import { makeThings, type Things } from './things.ts';

let running: RunningArsia;
let replica: RunningArsia;
let oracle: Oracle;
let own: Organization;
let other: Organization;
let colleague: Client;
let things: Things;

beforeAll(async () => {
  const home = await makeHome('postgres');
  const settings = { ARSIA_TENANCY: 'multi' };
  running = await startArsia({ signIn: true, home, settings });
  replica = await startArsia({ signIn: true, home, settings, issuer: running.issuer });
  oracle = await createOracle(running);
  own = await createOrganization(running, 'acme');
  other = await createOrganization(running, 'globex');
  ({ things } = await makeThings(own));
  colleague = (await createAccount(own.owner, own.group, 'colleague', { namespace: own.id, role: 'owner' })).client;
  for (const n of [1, 2, 3]) await own.owner.send('POST', '/groups', { name: `g${n}`, parent: 'acme' });
}, 60_000);

const refused = { status: 400, code: 'invalid_request' };
const ids = (page: Body): string[] => page.items.map((item: Body) => item.id);
const firstOf = async (client: Client, path = '/groups?'): Promise<Body> => await client.send('GET', `${path}limit=1`);
const askWith = (client: Client, cursor: string, path = '/groups?'): Promise<Answer> =>
  client.ask('GET', `${path}cursor=${encodeURIComponent(cursor)}`);

describe('N42 a cursor', () => {
  test('is refused when any byte is altered', async () => {
    const { next_cursor: good } = await firstOf(own.owner);
    const bytes = Buffer.from(good, 'base64url');
    for (let at = 0; at < bytes.length; at += 5) {
      const altered = Buffer.from(bytes);
      altered[at]! ^= 1;
      await oracle.refuses(() => askWith(own.owner, altered.toString('base64url')), refused);
    }
    for (const text of [good.slice(0, 40), good.slice(4), `${good}AAAA`, `${good}.`, `${good}==`, ` ${good}`])
      await oracle.refuses(() => askWith(own.owner, text), refused);
    expect((await askWith(own.owner, good)).status).toBe(200);
  });

  test('is refused from another organisation or another caller of the same one', async () => {
    for (const client of [other.owner, colleague]) {
      const { next_cursor } = await firstOf(client);
      await oracle.refuses(() => askWith(own.owner, next_cursor), refused);
      expect((await askWith(client, next_cursor)).status).toBe(200);
    }
  });

  test('is refused with another filter or path; the page length may change', async () => {
    const { owner } = own;
    const { next_cursor: jobs } = await firstOf(owner, '/audit-events?action=group.create&');
    for (const path of [
      '/audit-events?action=user.create&',
      '/audit-events?',
      '/audit-events?action=group.create&outcome=success&',
    ])
      await oracle.refuses(() => askWith(owner, jobs, path), refused);
    expect((await askWith(owner, jobs, '/audit-events?limit=7&action=group.create&')).status).toBe(200);
    const { next_cursor: members } = await firstOf(owner, `/memberships?namespace=${own.workspaceId}&`).then((page) =>
      page.next_cursor === null ? firstOf(owner, '/memberships?namespace=acme&') : page,
    );
    await oracle.refuses(() => askWith(owner, members, `/memberships?namespace=${things.workspace}&`), refused);
  });

  test('is refused with the same message when it is 10 kB, SQL or an id', async () => {
    const { next_cursor: good } = await firstOf(own.owner);
    const bad = [
      '',
      'x'.repeat(10_000),
      "' OR 1=1--",
      own.groupId,
      Buffer.from(`after:${own.groupId}`).toString('base64url'),
    ];
    const messages = new Set<string>();
    for (const text of [...bad, good.toLowerCase()]) {
      const { answer } = await oracle.refuses(() => askWith(own.owner, text), refused);
      expect(answer.text.length).toBeLessThan(600);
      messages.add(JSON.stringify(answer.body.errors));
    }
    expect([...messages]).toEqual([expect.stringContaining('"pointer":"cursor"')]);
  });

  test('hides its position, and is different each time', async () => {
    const [one, again] = [await firstOf(own.owner), await firstOf(own.owner)];
    expect(one.next_cursor).not.toBe(again.next_cursor);
    expect(Buffer.from(one.next_cursor, 'base64url').toString('latin1')).not.toContain(ids(one)[0]);
  });
});

describe('every list of the route table', () => {
  const lists = routes.filter(
    ({ query }) => query !== undefined && 'cursor' in ((query as { shape?: object }).shape ?? {}),
  );

  test('is tested', () => expect(lists.length).toBeGreaterThan(12));

  test.each(lists.map(({ method, path }) => `${method} ${path}`))(
    '%s refuses a cursor of another route',
    async (key) => {
      const foreign = key === 'GET /users' ? '/groups?' : '/users?';
      const { next_cursor } = await firstOf(own.owner, foreign);
      const { path } = requestOf(key, things);
      expect(cases[key]).toBeDefined();
      await oracle.refuses(() => askWith(own.owner, next_cursor, `${path}${path.includes('?') ? '&' : '?'}`), refused);
    },
  );
});

test('the next page can come from another replica', async () => {
  const all = ids(await own.owner.send('GET', '/groups'));
  const walked: string[] = [];
  let query = '?limit=1';
  for (let pages = 0; query !== ''; pages++) {
    const answer = await fetch(`${(pages % 2 === 0 ? running : replica).origin}/api/v1/groups${query}`, {
      headers: { authorization: `Bearer ${own.owner.token}` },
    });
    const page = (await answer.json()) as Body;
    walked.push(...ids(page));
    // RFC 8288 link, for clients that do not handle cursors.
    query = /^<(\?[^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] ?? '';
    expect(query === '').toBe(page.next_cursor === null);
    expect(pages).toBeLessThan(50);
  }
  expect(walked).toEqual(all);
});

test('an installation cannot open the cursors of another one', () => {
  const [ours, theirs] = [randomBytes(32), randomBytes(32)].map((secret) => createCursors(() => secret));
  const caller = { kind: 'system', id: 'system' } as const;
  const scope = { caller, route: 'GET /groups', params: {}, query: { limit: 5, type: 'aws' } };
  const cursor = ours!.seal('grp_1', scope);
  expect(ours!.open(cursor, scope)).toBe('grp_1');
  expect(ours!.open(cursor, { ...scope, query: { type: 'aws', limit: 50, cursor } })).toBe('grp_1');
  expect(theirs!.open(cursor, scope)).toBeUndefined();
  for (const change of [{ route: 'GET /users' }, { params: { id: 'x' } }, { query: { limit: 5 } }])
    expect(ours!.open(cursor, { ...scope, ...change })).toBeUndefined();
});
