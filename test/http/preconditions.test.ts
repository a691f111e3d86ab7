import { beforeAll, describe, expect, test } from '@jest/globals';
import { openApiDocument } from '../../src/http/api/openapi.ts';
import { routes } from '../../src/http/api/routes.ts';
import { makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Answer, Body, Client } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createAccount, createOrganization, type Organization } from '../support/organization.ts';
import { rounds } from '../support/rounds.ts';
import { callerOf, createPeople, type People } from './actors.ts';
import { cases, requestOf } from './cases.ts';
import { makeThings, type Things } from './things.ts';

const keys = routes.map(({ method, path }) => `${method} ${path}`);
const stale = { status: 412, code: 'precondition_failed' };
const change = (client: Client, path: string, body: unknown, if_match: string): Promise<Answer> =>
  client.ask('PATCH', path, body, { 'if-match': if_match });

describe.each(servedKinds)('If-Match on the %s database', (kind) => {
  let organization: Organization;

  beforeAll(async () => {
    organization = await createOrganization(await startArsia({ signIn: true, home: await makeHome(kind) }));
  }, 60_000);

  test('allows a change with the current version, and refuses one with another version', async () => {
    const { owner, groupId } = organization;
    const path = `/groups/${groupId}`;
    const read = await owner.ask('GET', path);
    const tag = read.headers.get('etag')!;
    expect(tag).toBe(`"${read.body.version}"`);
    const changed = await change(owner, path, { description: 'one' }, tag);
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, `"${read.body.version + 1}"`]);
    const late = await change(owner, path, { description: 'two' }, tag);
    expect([late.status, late.body.code, late.headers.get('etag')]).toEqual([412, 'precondition_failed', null]);
    expect((await owner.send('GET', path)).description).toBe('one');
    // One matching version of several is enough. Without the header, or with *, any version matches.
    expect((await change(owner, path, { description: 'two' }, `"99", ${changed.headers.get('etag')}`)).status).toBe(
      200,
    );
    expect((await change(owner, path, { description: 'three' }, '*')).status).toBe(200);
    expect((await owner.ask('PATCH', path, { description: 'four' })).status).toBe(200);
  });

  test('compares strongly, and refuses a header that is malformed', async () => {
    const { owner, groupId } = organization;
    const path = `/groups/${groupId}`;
    const { version } = await owner.send('GET', path);
    for (const tag of [`W/"${version}"`, `"0${version}"`, `"${version}.0"`, '""', '"99"', `"${version}x"`])
      expect([tag, (await change(owner, path, { description: 'x' }, tag)).status]).toEqual([tag, 412]);
    for (const text of [`${version}`, `"${version}`, '"a" "b"', 'x', `"${version}",`]) {
      const answer = await change(owner, path, { description: 'x' }, text);
      expect([text, answer.status, answer.body.errors]).toEqual([
        text,
        400,
        [{ pointer: 'If-Match', detail: expect.any(String) }],
      ]);
    }
    expect((await owner.send('GET', path)).version).toBe(version);
  });

  test('of 20 concurrent changes with the same version one succeeds', async () => {
    const { owner, groupId } = organization;
    const path = `/groups/${groupId}`;
    for (let round = 0; round < rounds(2, 50); round++) {
      const { version } = await owner.send('GET', path);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => change(owner, path, { description: `${round}/${n}` }, `"${version}"`)),
      );
      const through = answers.filter(({ status }) => status === 200);
      expect(through).toHaveLength(1);
      expect(answers.filter(({ status }) => status !== 200).map(({ status }) => status)).toEqual(
        Array.from({ length: 19 }, () => 412),
      );
      expect(await owner.send('GET', path)).toEqual(through[0]!.body);
    }
  });
});

describe('every route that changes data', () => {
  let running: RunningArsia;
  let oracle: Oracle;
  let organization: Organization;
  let actor: Client;
  let people: People;
  let things: Things;

  beforeAll(async () => {
    running = await startArsia({ signIn: true });
    oracle = await createOracle(running);
    organization = await createOrganization(running);
    const { owner, group, id } = organization;
    actor = (await createAccount(owner, group, 'actor', { namespace: id, role: 'owner' })).client;
    people = await createPeople(running, organization);
    ({ things } = await makeThings(organization));
  }, 60_000);

  const changing = keys.filter((key) => /^(PATCH|DELETE) |\/move$/.test(key));
  const request = (key: string, of: Things, if_match: string): Promise<Answer> => {
    const { method, path, body } = requestOf(key, of);
    return callerOf(key, { ...people, actor, job: actor }).ask(method, path, body, { 'if-match': if_match });
  };

  test('has a case', () => expect(changing.filter((key) => cases[key] === undefined)).toEqual([]));

  test.each(changing)('%s refuses another version with one record and no change', async (key) => {
    await oracle.refuses(() => request(key, things, '"999"'), stale);
  });

  test.each(keys.filter((key) => !/^GET |\/(tokens|credentials|redeem)$/.test(key)))(
    '%s: the OpenAPI document has If-Match exactly where a version can match',
    async (key) => {
      const [method, path] = key.split(' ') as [string, string];
      const { paths } = openApiDocument('/api/v1') as Body;
      const { parameters = [] } = paths[path.replace(/:(\w+)/g, '{$1}')][method.toLowerCase()];
      const { status, body } = await request(key, things, '"999"');
      expect(status).toBe(412);
      expect(parameters.some((one: Body) => one.name === 'If-Match')).toBe(!body.advice.includes('without `If-Match`'));
    },
  );

  // A thing has a version if its GET route returns one, or the change itself does where there is no GET route.
  const versioned = changing.filter((key) => {
    const path = key.split(' ')[1]!.replace(/\/move$/, '');
    const answers = routes.filter((route) => route.path === path || key === `${route.method} ${route.path}`);
    return answers.some(({ response }) => 'version' in ((response as { shape?: object } | undefined)?.shape ?? {}));
  });

  test('at least 15 of them have versions', () => expect(versioned.length).toBeGreaterThan(14));

  test.each(versioned)('%s succeeds with the current version', async (key) => {
    const own = key.startsWith('PATCH /') ? things : (await makeThings(organization)).things;
    const { method, path, body } = requestOf(key, own);
    const read = await actor.ask('GET', path.split('?')[0]!.replace(/\/move$/, ''));
    // A thing without a GET route still has its first version.
    const tag = read.status === 200 ? read.headers.get('etag') : '"1"';
    const answer = await actor.ask(method, path, body, { 'if-match': tag! });
    expect([answer.status < 300, answer.text]).toEqual([true, answer.text]);
  });

  test('things without a version are changed without If-Match, or with *', async () => {
    const keysWithout = changing.filter((key) => !versioned.includes(key));
    expect(keysWithout.length).toBeGreaterThan(5);
    const { things: own } = await makeThings(organization);
    const key = 'DELETE /managed-identities/:id/grants/:grant';
    expect(keysWithout).toContain(key);
    expect((await request(key, own, '"1"')).body.advice).toContain('without `If-Match`');
    expect((await request(key, own, '*')).status).toBe(204);
  });

  test('a caller without access learns no version', async () => {
    const { client } = await createAccount(organization.owner, organization.group, 'stranger');
    for (const tag of ['"1"', '"999"']) {
      const answer: { status: number; body: Body } = await change(
        client,
        `/groups/${things.group}`,
        { description: 'x' },
        tag,
      );
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
    }
  });
});
