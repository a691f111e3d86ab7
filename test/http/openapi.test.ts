import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { findUndescribed } from '../../scripts/undescribed.ts';
import { errorTable } from '../../src/core/errors.ts';
import { wellKnown } from '../../src/core/issuerurl.ts';
import { credentials } from '../../src/http/api/issuing/responses.ts';
import { openApiDocument } from '../../src/http/api/openapi.ts';
import { problem } from '../../src/http/api/problem.ts';
import { routes } from '../../src/http/api/routes.ts';
import type { Route } from '../../src/http/route.ts';
import { builtInClients, createPeopleClients } from '../../src/oidc/clients.ts';
import { commandLineClient, consoleClient, workloadClient } from '../../src/oidc/names.ts';
import { endpoints, signInEndpoints } from '../../src/oidc/routes.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { listActionTraits } from '../../src/services/actions.ts';
import { atEnd, makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, type Client, createClient, request } from '../support/client.ts';
import { setUpClouds } from '../support/clouds.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Job,
  type Organization,
  startJob,
} from '../support/organization.ts';
import { callerOf, createPeople, type People } from './actors.ts';
import { cases, requestOf } from './cases.ts';
import { makeThings, type Things } from './things.ts';

const keyOf = ({ method, path }: Route) => `${method} ${path}`;
const document = openApiDocument('/api/v1') as Body;
const isOAuth = (path: string) => path.startsWith('/oauth2/');
const ownPaths = Object.entries(document.paths as Body).filter(([path]) => !isOAuth(path));
const operations: [string, Body][] = ownPaths.flatMap(([path, methods]) =>
  Object.entries(methods as Body).map(([method, operation]): [string, Body] => [
    `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    operation,
  ]),
);

/** Yields every node of the document with its location. */
function* nodesOf(value: unknown, at = ''): Generator<[string, Body]> {
  if (typeof value !== 'object' || value === null) return;
  yield [at, value as Body];
  for (const [name, member] of Object.entries(value)) yield* nodesOf(member, `${at}/${name}`);
}

describe('the OpenAPI document', () => {
  test('has exactly the routes of the table', () => {
    expect(document.openapi).toBe('3.1.1');
    expect(operations.map(([key]) => key).sort()).toEqual(routes.map(keyOf).sort());
  });

  test.each(routes.map((route) => [keyOf(route), route] as const))(
    '%s documents its parameters, body and answers',
    (key, route) => {
      const [, operation] = operations.find(([one]) => one === key)!;
      const named = (place: string) =>
        (operation.parameters ?? []).filter((one: Body) => one.in === place).map((one: Body) => one.name);
      expect(operation.summary).toBe(route.summary);
      expect(named('path')).toEqual([...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name));
      expect(named('query').length > 0).toBe(route.query !== undefined);
      const isList = 'Link' in (operation.responses[route.status].headers ?? {});
      expect(['limit', 'cursor'].filter((name) => named('query').includes(name))).toEqual(
        isList ? ['limit', 'cursor'] : [],
      );
      expect(operation.requestBody !== undefined).toBe(route.body !== undefined);
      const { [route.status]: success, ...refusals } = operation.responses;
      expect(Object.keys(refusals)).toEqual(['4XX', '5XX']);
      if (route.status === 204) expect(success.content).toBeUndefined();
      else expect(Object.values(success.content as Body)[0].schema).not.toEqual({});
      const isCreate = route.method === 'POST' && route.status === 201;
      expect(named('header').includes('Idempotency-Key')).toBe(isCreate);
      const { least, opensToJob = false } = cases[key]!;
      expect(operation.security.flatMap((one: Body) => Object.keys(one))).toEqual([
        ...(least === 'job' || least === 'anyone' ? [] : ['accessToken']),
        ...(least === 'job' || opensToJob ? ['jobToken'] : []),
      ]);
    },
  );

  test('knows the traits of every action that the pipeline performs', () => {
    const unknown = routes.filter(({ action }) => !listActionTraits().has(action)).map(keyOf);
    expect(unknown).toEqual(['POST /tokens', 'POST /credentials', 'POST /admin-links/redeem']);
  });

  test('has unique operation ids and no broken reference', () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const broken = [...nodesOf(document)].flatMap(([at, { $ref }]) => {
      if (typeof $ref !== 'string') return [];
      const target = $ref
        .slice(2)
        .split('/')
        .reduce<Body | undefined>((node, part) => node?.[part], document);
      return target === undefined ? [`${at}: ${$ref}`] : [];
    });
    expect(broken).toEqual([]);
  });

  test('has the settings of every identity type, each with a valid example', () => {
    const { settings } =
      document.paths['/managed-identities'].post.requestBody.content['application/json'].schema.properties;
    const names: string[] = settings.anyOf.map(({ $ref }: Body) => $ref.split('/').at(-1));
    const nameOf = (type: string) => type.replace(/(?:^|_)([a-z])/g, (_, letter) => letter.toUpperCase());
    expect(names).toEqual(providerTypes.map((type) => `${nameOf(type)}Settings`));
    expect(names).toContain('AwsSettings');
    const { properties } = document.components.schemas.AwsSettings;
    expect(properties.role_arn.examples[0]).toMatch(new RegExp(properties.role_arn.pattern));
  });
});

describe('the prose of the OpenAPI document', () => {
  test('every operation, parameter and field has a description, and texts and numbers have an example', () => {
    expect(findUndescribed(document)).toEqual([]);
  });

  test('the check names the operation, parameter or field that has none', () => {
    const changed = structuredClone(document);
    const { paths, components } = changed;
    delete paths['/users'].post.description;
    paths['/teams'].post.description = paths['/teams'].post.description.replace(/^.*\n/, '');
    paths['/oauth2/jwks'].get.description = 'The keys.';
    delete paths['/users/{id}'].get.parameters[0].description;
    delete paths['/users/{id}'].get.parameters[0].schema.description;
    const { login } = paths['/users'].post.requestBody.content['application/json'].schema.properties;
    delete login.description;
    delete login.examples;
    delete components.schemas.User.properties.is_active.description;
    delete components.schemas.User.properties.login.examples;
    delete components.schemas.Team.properties.version.examples;
    delete paths['/teams'].get.responses[200].content['application/json'].schema.properties.next_cursor.examples;
    expect(findUndescribed(changed)).toEqual([
      'POST /users has no description',
      'POST /users does not say who may call it',
      'POST /users does not list its errors',
      'POST /users: request field /login has no description',
      'POST /users: request field /login has no example',
      'GET /users/{id}: path parameter id has no description',
      'GET /teams: field of the answer 200 /next_cursor has no example',
      'POST /teams has no description',
      'GET /oauth2/jwks does not say who may call it',
      'GET /oauth2/jwks does not list its errors',
      'schema User: field /login has no example',
      'schema User: field /is_active has no description',
      'schema Team: field /version has no example',
    ]);
  });

  /** Words of the sentence about who may call an operation, by the least role of its case. */
  const callers: Record<string, RegExp> = {
    viewer: /^(?:viewers, deployers and owners|every )|every role on the workspace/,
    deployer: /^deployers and owners|role deployer/,
    owner: /^owners|and owners of the workspace$/,
    operator: /^operators of the installation$/,
    job: /^the job itself/,
    person: /^every user/,
    anyone: /^whoever has/,
  };

  test.each(operations)('%s says who may call it, as its case does', (key, { description }) => {
    const [, who] = /\*\*Who may:\*\* (.+)\.\n/.exec(description)!;
    const { least, isList = false, opensToOperator = false } = cases[key]!;
    expect(who).toMatch(isList ? /^every (?:member|principal)/ : callers[least]!);
    if (opensToOperator && !isList) expect(who).toMatch(/operators/);
  });

  test('an operation lists the errors of its pipeline and its own, by status', () => {
    const { description } = document.paths['/users/{id}'].patch;
    expect(description.split('\n\n').at(-1)).toBe(
      '**Errors:** 400 `invalid_request`, 401 `unauthenticated`, 403 `forbidden`, 404 `not_found`, 409 `conflict`, 409 `quota_exceeded`, 412 `precondition_failed`, 413 `body_too_large`, 415 `unsupported_media_type`.',
    );
  });

  test('each error code belongs to an operation, to all of them, or to sign-in and outside tokens', () => {
    const all = operations.map(([, { description }]) => description).join();
    const others = [
      'method_not_allowed',
      'sign_in_refused',
      'sign_in_unavailable',
      'outside_token_refused',
      'outside_token_untrusted',
      'issuer_unavailable',
    ];
    const known = (code: string) => all.includes(`\`${code}\``) || document.info.description.includes(`\`${code}\``);
    expect(Object.keys(errorTable).filter((code) => !known(code))).toEqual(others);
  });

  test('types of identities are an enum', () => {
    const { type } =
      document.paths['/managed-identities'].post.requestBody.content['application/json'].schema.properties;
    expect([...type.enum].sort()).toEqual([...providerTypes].sort());
  });

  test('/oauth2: every endpoint, the built-in clients and every grant', () => {
    const described = Object.keys(document.paths).filter(isOAuth);
    // The page of the device code is for people, and no client calls it.
    const { code_verification: _, ...forClients } = signInEndpoints;
    const served = [...Object.values(endpoints), ...Object.values(forClients), wellKnown.openid];
    expect(described.sort()).toEqual(served.map((path) => `/oauth2${path}`).sort());
    const token = document.paths['/oauth2/token'].post;
    const grants = [...builtInClients, ...createPeopleClients('https://x.example')].flatMap(
      ({ grant_types = [] }) => grant_types,
    );
    const schema = token.requestBody.content['application/x-www-form-urlencoded'].schema;
    expect([...schema.properties.grant_type.enum].sort()).toEqual(
      [...new Set([...grants, 'client_credentials'])].sort(),
    );
    for (const id of [workloadClient, commandLineClient, consoleClient])
      expect(token.description).toContain(`\`${id}\``);
  });
});

describe('the served files', () => {
  let running: RunningArsia;
  const get = (path: string, headers: Record<string, string> = {}) => request(`${running.issuer}${path}`, { headers });

  beforeAll(async () => {
    running = await startArsia({ home: await makeHome('embedded'), path: '/tokens/arsia' });
  }, 60_000);

  test('the document needs no token, and returns 304 to a client that has it', async () => {
    const { status, body, headers } = await get('/api/v1/openapi.json');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(body).toEqual(openApiDocument(`${running.issuer}/api/v1`));
    expect(body.servers).toEqual([{ url: `${running.issuer}/api/v1` }]);
    expect(body.paths['/oauth2/token'].servers).toEqual([{ url: running.issuer }]);
    const again = await get('/api/v1/openapi.json', { 'if-none-match': headers.get('etag')! });
    expect([again.status, again.text]).toEqual([304, '']);
    const posted = await request(`${running.issuer}/api/v1/openapi.json`, { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('N50 the page loads its own files and scripts only, and sends nothing to other hosts', async () => {
    const { status, text, headers } = await get('/api/docs');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/html/);
    const inline = [...text.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script]) => script!);
    expect(inline).toHaveLength(1);
    const hash = createHash('sha256').update(inline[0]!).digest('base64');
    const policy = Object.fromEntries(
      headers
        .get('content-security-policy')!
        .split('; ')
        .map((one) => [one.split(' ')[0], one.split(' ').slice(1).join(' ')]),
    );
    expect(policy).toEqual({
      'default-src': "'none'",
      'script-src': `'self' 'sha256-${hash}'`,
      'style-src': "'self'",
      'img-src': "'self' data:",
      'connect-src': "'self'",
      'frame-ancestors': "'none'",
      'base-uri': "'none'",
      'form-action': "'none'",
    });
    expect(inline[0]).toContain('"validatorUrl":null');
    expect(text).not.toMatch(/https?:\/\/| on\w+=/);
    const links = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links).toHaveLength(2);
    for (const link of [...links, /"url":"([^"]+)"/.exec(inline[0]!)![1]!]) {
      const { status: found, headers: told } = await request(running.origin + link);
      expect([link, found]).toEqual([link, 200]);
      expect(told.get('content-type')).toMatch(/^(text\/(css|javascript)|application\/json)/);
    }
  });

  test('other files of the package return 404', async () => {
    for (const name of ['index.html', 'package.json', 'swagger-ui.js', '..%2fpackage.json', 'swagger-ui-bundle.js.map'])
      expect((await get(`/api/docs/${name}`)).status).toBe(404);
  });
});

describe('answers match the document', () => {
  let running: RunningArsia;
  let sandbox: Sandbox;
  let organization: Organization;
  let things: Things;
  let job: Job;
  let actor: Client;
  let people: People;

  beforeAll(async () => {
    sandbox = await startSandbox();
    atEnd(() => sandbox.close());
    running = await startArsia({ signIn: true, sandbox });
    organization = await createOrganization(running);
    ({ things, job } = await makeThings(organization));
    const { owner, group, id } = organization;
    actor = (await createAccount(owner, group, 'actor', { namespace: id, role: 'owner' })).client;
    people = await createPeople(running, organization);
  }, 60_000);

  const plain = routes
    .filter((route) => route.status !== 204 && route.media_type === undefined)
    .filter((route) => !/credentials$|redeem$/.test(route.path));

  test.each(plain.map((route) => [keyOf(route), route] as const))('%s', async (key, route) => {
    const client = callerOf(key, { ...people, actor, job: job.client });
    // A move, or the end of a job, changes things that the other routes need.
    const isMoving = /\/move$|^PATCH .*:job$/.test(key);
    const { method, path, body } = requestOf(key, isMoving ? (await makeThings(organization)).things : things);
    const answer = await client.ask(method, path, body);
    expect([answer.status, answer.text]).toEqual([route.status, answer.text]);
    expect(route.response!.safeParse(answer.body).error?.issues).toBeUndefined();
    if (method === 'GET' && 'items' in answer.body) expect(answer.body.items.length).toBeGreaterThan(0);
    expect(answer.headers.get('etag')).toBe('version' in answer.body ? `"${answer.body.version}"` : null);
  });

  test('POST /admin-links/redeem', async () => {
    const { token } = await running.arsia.operators.link('root.operator');
    const answer = await createClient(running.issuer).send('POST', '/admin-links/redeem', { token });
    const { response } = routes.find(({ path }) => path === '/admin-links/redeem')!;
    expect(response!.safeParse(answer).error?.issues).toBeUndefined();
  });

  test('POST /credentials, of every type', async () => {
    await setUpClouds(organization, sandbox);
    for (const type of ['kubernetes', 'oidc'])
      await createIdentity(organization, { name: type, type, settings: { audience: `https://${type}.example` } });
    const { client } = await startJob(organization);
    for (const name of ['aws', 'azure', 'gcp', 'direct', 'kubernetes', 'oidc']) {
      const answer = await client.send('POST', '/credentials', { managed_identity: `acme/lab/${name}` });
      expect({ name, issues: credentials.safeParse(answer).error?.issues }).toEqual({ name, issues: undefined });
    }
  });

  test('problems of the API and of the clouds', async () => {
    const { owner } = organization;
    const refused = await startJob(organization);
    const settings = { role_arn: 'arn:aws:iam::111122223333:role/lab/other' };
    await createIdentity(organization, { name: 'refused', type: 'aws', settings }, 'refused');
    const answers = [
      await owner.ask('POST', '/groups', { name: 'X', more: 1 }),
      await createClient(running.issuer).ask('GET', '/groups'),
      await refused.client.ask('GET', '/users'),
      await owner.ask('GET', '/groups/acme%2Fnone'),
      await owner.ask('POST', '/groups', { name: 'lab', parent: 'acme' }),
      await refused.client.ask('POST', '/credentials', { managed_identity: 'acme/lab/refused' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 401, 403, 404, 409, 403]);
    expect(answers.at(-1)!.body.cloud).toBeDefined();
    for (const { body } of answers) expect(problem.safeParse(body).error?.issues).toBeUndefined();
  });
});
