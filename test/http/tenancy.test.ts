import { beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '../../src/core/clock.ts';
import { type IdKind, idPrefixes, isId } from '../../src/core/ids.ts';
import type { Role } from '../../src/core/permissions.ts';
import { routes } from '../../src/http/api/routes.ts';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Client, createClient } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createAccount, createOrganization, type Job, type Organization } from '../support/organization.ts';
import { cases, type Kind, requestOf } from './cases.ts';
import { makeThings, type Things } from './things.ts';

let running: RunningArsia;
let oracle: Oracle;
let own: Organization;
let ownThings: Things;
let ownJob: Job;
let foreignThings: Things;
let stranger: Client;
let actors: Record<Role | 'operator' | 'anonymous', Client>;

beforeAll(async () => {
  running = await startArsia({ settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  own = await createOrganization(running, 'acme');
  const foreign = await createOrganization(running, 'globex');
  ({ things: ownThings, job: ownJob } = await makeThings(own));
  ({ things: foreignThings } = await makeThings(foreign));
  const member = async (role: Role) =>
    (await createAccount(own.owner, own.group, `actor-${role}`, { namespace: own.id, role })).client;
  const elsewhere = await own.owner.send('POST', '/groups', { name: 'elsewhere', parent: 'acme' });
  const membership = { namespace: elsewhere.id, role: 'owner' } as const;
  stranger = (await createAccount(own.owner, elsewhere.path, 'stranger', membership)).client;
  const link = await running.arsia.operators.link('root.operator');
  const opened = await createClient(running.issuer).send('POST', '/admin-links/redeem', { token: link.token });
  actors = {
    viewer: await member('viewer'),
    deployer: await member('deployer'),
    owner: await member('owner'),
    operator: createClient(running.issuer, opened.access_token),
    anonymous: createClient(running.issuer),
  };
}, 60_000);

const keys = routes.map(({ method, path }) => `${method} ${path}`);
const withIds = keys.filter((key) => cases[key] && slotsOf(key).length > 0);
const roles = ['viewer', 'deployer', 'owner'] as const;

test('every route has a case, and every case a route', () => {
  expect(Object.keys(cases).sort()).toEqual([...keys].sort());
});

describe('N22 things of another organisation', () => {
  test.each(withIds)('%s answers for each as for one that never was', async (key) => {
    const { least } = cases[key]!;
    const client = least === 'job' ? ownJob.client : actors.owner;
    const before = await oracle.snapshot();
    for (const kinds of [...slotsOf(key).map((kind) => [kind]), slotsOf(key)]) {
      const never = { ...ownThings, ...Object.fromEntries(kinds.map((kind) => [kind, neverMade(kind)])) };
      const foreign = { ...ownThings, ...Object.fromEntries(kinds.map((kind) => [kind, foreignThings[kind]])) };
      const [told, expected] = [await call(client, key, foreign), await call(client, key, never)];
      expect(shapeOf(told, foreign)).toEqual(shapeOf(expected, never));
      // A principal that a body names beside the path is a bad value of that body.
      const isPlace = kinds.some((kind) => kind !== 'user');
      expect({ key, kinds, status: told.status }).toEqual({ key, kinds, status: isPlace ? 404 : expect.any(Number) });
      expect([400, 404]).toContain(told.status);
    }
    expect(await oracle.snapshot()).toEqual(before);
  });

  test.each(withIds.filter((key) => !/^\w+ \/(users|teams)/.test(key) && cases[key]?.least !== 'job'))(
    '%s answers a member of another group of the organisation likewise',
    async (key) => {
      const never = Object.fromEntries(slotsOf(key).map((kind) => [kind, neverMade(kind)]));
      const told = await call(stranger, key, ownThings);
      expect(shapeOf(told, ownThings)).toEqual(
        shapeOf(await call(stranger, key, { ...ownThings, ...never }), { ...ownThings, ...never }),
      );
      expect(told.status).toBe(404);
    },
  );

  test.each(keys.filter((key) => cases[key]?.isList))('%s lists none of them', async (key) => {
    const { text } = await call(actors.owner, key, ownThings);
    expect(text).toContain(own.id);
    for (const id of Object.values(foreignThings)) expect(text).not.toContain(id);
    expect(text).not.toContain('globex');
  });

  test('a filter by a group of another organisation answers as for one that never was', async () => {
    const ask = (group: string) => actors.owner.ask('GET', `/managed-identities?group=${group}`);
    const never = neverMade('group');
    const [told, expected] = [await ask(foreignThings.group), await ask(never)];
    expect(shapeOf(told, foreignThings)).toEqual(shapeOf(expected, { ...ownThings, group: never }));
  });

  test('a path is told no better than an id', async () => {
    for (const path of [
      '/groups/globex',
      '/workspaces/globex%2Flab%2Fsim',
      '/service-accounts/globex%2Flab%2Flauncher',
    ])
      expect((await actors.owner.ask('GET', path)).status).toBe(404);
    expect((await actors.owner.ask('GET', '/users/ada%40globex.example')).status).toBe(404);
  });
});

describe('N24 who may do what', () => {
  const refused = keys.filter((key) => cases[key]?.least !== 'anyone');

  test.each(refused)('%s refuses everybody else, and nothing changes', async (key) => {
    const expected = expectedOf(key);
    const clients: Record<string, Client> = { ...actors, job: ownJob.client };
    const before = await oracle.snapshot();
    for (const [actor, client] of Object.entries(clients)) {
      const status = expected[actor]!;
      if (status === 200) continue;
      const answer = await call(client, key, ownThings);
      const shown = answer.text;
      expect({ key, actor, shown, status: answer.status }).toEqual({ key, actor, shown, status });
      const records = await oracle.recordsOf(answer);
      expect(records.map(({ outcome, code }) => [outcome, code])).toEqual([['refused', answer.body.code]]);
    }
    expect(await oracle.snapshot()).toEqual(before);
  });

  test.each(refused)('%s opens to those who may', async (key) => {
    const { method } = requestOf(key, ownThings);
    const { least } = cases[key]!;
    // What a change opens to is made anew for each: the least role stands for those above it.
    const above = method === 'GET' ? [] : roles.filter((role) => roles.indexOf(role) > roles.indexOf(least as Role));
    const opens = Object.entries(expectedOf(key)).filter(
      ([actor, status]) => status === 200 && !above.includes(actor as Role),
    );
    for (const [actor] of opens) {
      const { things, job } = method === 'GET' ? { things: ownThings, job: ownJob } : await makeThings(own);
      const clients: Record<string, Client> = { ...actors, job: job.client };
      const answer = await call(clients[actor]!, key, things);
      // There is no cloud in this test: what matters is that nobody refused the caller.
      const isOpen = answer.status < 400 || (key === 'POST /credentials' && answer.status === 502);
      expect({ key, actor, isOpen, text: isOpen ? '' : answer.text }).toEqual({ key, actor, isOpen: true, text: '' });
    }
  });

  test('an operator creates organisations, reads the installation`s audit, and joins none by that', async () => {
    const made = await actors.operator.send('POST', '/groups', { name: 'initech' });
    expect(made).toMatchObject({ path: 'initech', parent_id: null, organization_id: made.id });
    expect((await actors.operator.ask('GET', '/groups/initech')).status).toBe(404);
    const { items } = await actors.operator.send('GET', '/audit-events');
    expect(items.every((event: { organization_id: unknown }) => event.organization_id === null)).toBe(true);
    for (const role of roles) expect((await actors[role].ask('POST', '/groups', { name: 'hooli' })).status).toBe(403);
  });
});

/** What each actor gets: 200 stands for being let in. */
function expectedOf(key: string): Record<string, number> {
  const { least, opensToJob, opensToOperator, isList } = cases[key]!;
  const isIssuing = least === 'job';
  const byRole = roles.map((role) => {
    const isEnough =
      (roles as readonly string[]).includes(least) && roles.indexOf(role) >= roles.indexOf(least as Role);
    return [role, isEnough || isList ? 200 : isIssuing ? 401 : 403];
  });
  return {
    ...Object.fromEntries(byRole),
    anonymous: 401,
    job: isIssuing || opensToJob ? 200 : 403,
    operator: opensToOperator ? 200 : isIssuing ? 401 : 404,
  };
}

function slotsOf(key: string): Kind[] {
  const { params = {}, query = {}, refs = {} } = cases[key]!;
  return [...new Set([...Object.values(params), ...Object.values(query), ...Object.values(refs)])];
}

function call(client: Client, key: string, things: Things): Promise<Answer> {
  const { method, path, body } = requestOf(key, things);
  return client.ask(method, path, body);
}

function neverMade(kind: Kind): string {
  const [idKind] = (Object.keys(idPrefixes) as IdKind[]).filter((one) => isId(one, ownThings[kind]));
  return newId(running.clock, idKind!);
}

/** An answer without what differs between two requests anyway: ids by their kind, the request's own id. */
function shapeOf({ status, body }: Answer, things: Things) {
  const { request_id: _request, ...rest } = body;
  let text = JSON.stringify(rest);
  for (const [kind, id] of Object.entries(things)) text = text.replaceAll(id, `<${kind}>`);
  return { status, text: text.replaceAll(/(mi|act)_[0-9a-z]{26}/g, '<id>') };
}
