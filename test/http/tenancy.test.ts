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
let outsider: Client;
let actors: Record<Role | 'operator' | 'anonymous', Client>;

beforeAll(async () => {
  running = await startArsia({ signIn: true, settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  own = await createOrganization(running, 'acme');
  const foreign = await createOrganization(running, 'globex');
  ({ things: ownThings, job: ownJob } = await makeThings(own));
  ({ things: foreignThings } = await makeThings(foreign));
  const member = async (role: Role) =>
    (await createAccount(own.owner, own.group, `actor-${role}`, { namespace: own.id, role })).client;
  const elsewhere = await own.owner.send('POST', '/groups', { name: 'elsewhere', parent: 'acme' });
  const membership = { namespace: elsewhere.id, role: 'owner' } as const;
  outsider = (await createAccount(own.owner, elsewhere.path, 'outsider', membership)).client;
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

test('routes and cases match', () => {
  expect(Object.keys(cases).sort()).toEqual([...keys].sort());
});

describe('N22 references to another organisation', () => {
  test.each(withIds)('%s answers as for a thing that never existed', async (key) => {
    const { least } = cases[key]!;
    const client = least === 'job' ? ownJob.client : actors.owner;
    const before = await oracle.snapshot();
    for (const kinds of [...slotsOf(key).map((kind) => [kind]), slotsOf(key)]) {
      const never = { ...ownThings, ...Object.fromEntries(kinds.map((kind) => [kind, neverMade(kind)])) };
      const foreign = { ...ownThings, ...Object.fromEntries(kinds.map((kind) => [kind, foreignThings[kind]])) };
      const [answer, expected] = [await call(client, key, foreign), await call(client, key, never)];
      expect(shapeOf(answer, foreign)).toEqual(shapeOf(expected, never));
      // An unknown principal in the body is a bad value of the body, not a missing thing.
      const isPlace = kinds.some((kind) => kind !== 'user');
      expect({ key, kinds, status: answer.status }).toEqual({ key, kinds, status: isPlace ? 404 : expect.any(Number) });
      expect([400, 404]).toContain(answer.status);
    }
    expect(await oracle.snapshot()).toEqual(before);
  });

  test.each(withIds.filter((key) => !/^\w+ \/(users|teams)/.test(key) && cases[key]?.least !== 'job'))(
    '%s answers as for a thing that never existed, also to a member of another group',
    async (key) => {
      const never = Object.fromEntries(slotsOf(key).map((kind) => [kind, neverMade(kind)]));
      const answer = await call(outsider, key, ownThings);
      expect(shapeOf(answer, ownThings)).toEqual(
        shapeOf(await call(outsider, key, { ...ownThings, ...never }), { ...ownThings, ...never }),
      );
      expect(answer.status).toBe(404);
    },
  );

  test.each(keys.filter((key) => cases[key]?.isList))('%s lists nothing of another organisation', async (key) => {
    const { text } = await call(actors.owner, key, ownThings);
    expect(text).toContain(own.id);
    for (const id of Object.values(foreignThings)) expect(text).not.toContain(id);
    expect(text).not.toContain('globex');
  });

  test('a filter by a group of another organisation answers as for one that never existed', async () => {
    const ask = (group: string) => actors.owner.ask('GET', `/managed-identities?group=${group}`);
    const never = neverMade('group');
    const [answer, expected] = [await ask(foreignThings.group), await ask(never)];
    expect(shapeOf(answer, foreignThings)).toEqual(shapeOf(expected, { ...ownThings, group: never }));
  });

  test('a path gets the same answer as an id', async () => {
    for (const path of [
      '/groups/globex',
      '/workspaces/globex%2Flab%2Fsim',
      '/service-accounts/globex%2Flab%2Flauncher',
    ])
      expect((await actors.owner.ask('GET', path)).status).toBe(404);
    expect((await actors.owner.ask('GET', '/users/ada%40globex.example')).status).toBe(404);
  });
});

describe('N24 authorization of every route', () => {
  const refused = keys.filter((key) => cases[key]?.least !== 'anyone');

  test.each(refused)('%s refuses every other role, and nothing changes', async (key) => {
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

  test.each(refused)('%s is allowed for the roles of its case', async (key) => {
    const { method } = requestOf(key, ownThings);
    const { least } = cases[key]!;
    // A change needs new things for each role, so it is tested with the lowest role only.
    const above = method === 'GET' ? [] : roles.filter((role) => roles.indexOf(role) > roles.indexOf(least as Role));
    const opens = Object.entries(expectedOf(key)).filter(
      ([actor, status]) => status === 200 && !above.includes(actor as Role),
    );
    for (const [actor] of opens) {
      const { things, job } = method === 'GET' ? { things: ownThings, job: ownJob } : await makeThings(own);
      const clients: Record<string, Client> = { ...actors, job: job.client };
      const answer = await call(clients[actor]!, key, things);
      // There is no cloud in this test: it is enough that the caller was not refused.
      const isOpen = answer.status < 400 || (key === 'POST /credentials' && answer.status === 502);
      expect({ key, actor, isOpen, text: isOpen ? '' : answer.text }).toEqual({ key, actor, isOpen: true, text: '' });
    }
  });

  test("an operator creates organisations and reads the installation's audit without joining an organisation", async () => {
    const made = await actors.operator.send('POST', '/groups', { name: 'initech' });
    expect(made).toMatchObject({ path: 'initech', parent_id: null, organization_id: made.id });
    expect((await actors.operator.ask('GET', '/groups/initech')).status).toBe(404);
    const { items } = await actors.operator.send('GET', '/audit-events');
    expect(items.every((event: { organization_id: unknown }) => event.organization_id === null)).toBe(true);
    for (const role of roles) expect((await actors[role].ask('POST', '/groups', { name: 'hooli' })).status).toBe(403);
  });
});

/** Returns the expected status of each actor; 200 for every success. */
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

/** Returns an answer without what always differs between two requests: ids of things, and the request id. */
function shapeOf({ status, body }: Answer, things: Things) {
  const { request_id: _request, ...rest } = body;
  let text = JSON.stringify(rest);
  for (const [kind, id] of Object.entries(things)) text = text.replaceAll(id, `<${kind}>`);
  return { status, text: text.replaceAll(/(mi|act)_[0-9a-z]{26}/g, '<id>') };
}
