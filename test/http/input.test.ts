import { beforeAll, describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { routes as allRoutes } from '../../src/http/api/routes.ts';
import { providers } from '../../src/providers/registry.ts';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Answer, Body, Client } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createOrganization, type Job, type Organization } from '../support/organization.ts';
import { badValuesFor, fieldsOf, names, withValue } from './badvalues.ts';
import { cases, requestOf } from './cases.ts';
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

const keyOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;
const routes = allRoutes.filter((route) => cases[keyOf(route)] !== undefined);
const withBody = routes
  .filter((route) => route.body !== undefined)
  .map((route) => [keyOf(route), route.body!] as const);
const withQuery = routes
  .filter((route) => route.query !== undefined)
  .map((route) => [keyOf(route), route.query!] as const);
const withParams = routes.filter((route) => route.path.includes(':')).map(keyOf);
const clientOf = (key: string): Client => (cases[key]!.least === 'job' ? job.client : organization.owner);

/** Checks that each request was refused with one record, without a change and without an internal error. */
async function expectAllRefused(work: (faults: string[]) => Promise<Answer[]>): Promise<void> {
  const before = await oracle.snapshot();
  const faults: string[] = [];
  const answers = await work(faults);
  expect(faults).toEqual([]);
  expect(await oracle.snapshot()).toEqual(before);
  const ids = answers.map((answer) => answer.headers.get('x-request-id'));
  const records = await oracle.execute(
    `SELECT request_id, count(*)::int AS count, min(outcome) AS outcome FROM audit_events
     WHERE request_id = ANY ($1) GROUP BY request_id`,
    [ids],
  );
  expect(records.filter(({ count, outcome }) => count !== 1 || outcome !== 'refused')).toEqual([]);
  expect(answers.filter((_, n) => !records.some((record) => record.request_id === ids[n]))).toEqual([]);
  expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
}

describe('N43 bad values', () => {
  test.each(withBody)('%s refuses a bad value in every field, and names the field', async (key, schema) => {
    await expectAllRefused(async (faults) => {
      const { method, path, body = {} } = requestOf(key, things);
      const answers: Answer[] = [];
      for (const field of fieldsOf(schema)) {
        for (const value of badValuesFor(field)) {
          const answer = await clientOf(key).ask(method, path, withValue(body, field.pointer, value));
          const pointer = key.endsWith('/credentials') ? `/${field.pointer.split('/')[1] ?? ''}` : field.pointer;
          if (answer.status !== 400 || !names(answer, pointer === '/' ? '' : pointer))
            faults.push(`${field.pointer}: ${JSON.stringify(value).slice(0, 40)}: ${answer.text.slice(0, 400)}`);
          answers.push(answer);
        }
      }
      return answers;
    });
  });
});

describe('N43 bad settings of an identity', () => {
  const good: Record<string, Body> = {
    aws: { role_arn: 'arn:aws:iam::111122223333:role/x' },
    azure: { tenant_id: '7c0e6a4e-3f0a-4a5e-9c1b-5d2f8e6b1a01', client_id: '1f9d2c34-88aa-4d0b-b7d5-0a6c3e5f7b02' },
    gcp: { project_number: '123456789012', pool: 'arsia-pool', provider: 'arsia' },
    kubernetes: { audience: 'https://k8s.acme.example' },
    oidc: { audience: 'https://api.acme.example' },
  };

  test.each(providers)('$type refuses a bad value in every field, and names the field', async (provider) => {
    const { type, settings: schema } = provider as { type: string; settings: z.ZodType };
    const isFree = type === 'oidc' || type === 'kubernetes';
    const injections = isFree ? [] : ['<script>', '$' + '{aws:username}', "'; DROP TABLE jobs; --"];
    await expectAllRefused(async (faults) => {
      const answers: Answer[] = [];
      const body = { name: 'x', group: organization.group, type, settings: good[type]! };
      for (const field of fieldsOf(schema, '/settings')) {
        for (const value of [...badValuesFor(field), ...injections]) {
          const answer = await organization.owner.ask(
            'POST',
            '/managed-identities',
            withValue(body, field.pointer, value),
          );
          if (answer.status !== 400 || !names(answer, field.pointer))
            faults.push(`${field.pointer}: ${JSON.stringify(value).slice(0, 40)}: ${answer.text.slice(0, 400)}`);
          answers.push(answer);
        }
      }
      return answers;
    });
  });
});

describe('bad bodies', () => {
  test.each(withBody)('%s refuses an unknown member at any depth, and names it', async (key, schema) => {
    await expectAllRefused(async (faults) => {
      const { method, path, body = {} } = requestOf(key, things);
      const answers: Answer[] = [];
      const objects = fieldsOf(schema).filter(({ schema: { additionalProperties } }) => additionalProperties === false);
      for (const { pointer } of objects) {
        const answer = await clientOf(key).ask(method, path, withValue(body, `${pointer}/org_id`, 'grp_x'));
        if (answer.status !== 400 || !names(answer, `${pointer}/org_id`)) faults.push(`${pointer}: ${answer.text}`);
        answers.push(answer);
      }
      expect(objects.length).toBeGreaterThan(0);
      return answers;
    });
  });

  const withoutBody = routes.filter(({ method, body }) => method !== 'GET' && body === undefined).map(keyOf);
  test.each(withoutBody)('%s refuses a body, and names its member', async (key) => {
    await expectAllRefused(async (faults) => {
      const { method, path } = requestOf(key, things);
      const answer = await clientOf(key).ask(method, path, { force: true });
      if (answer.status !== 400 || !names(answer, '/force')) faults.push(answer.text);
      return [answer];
    });
  });

  const malformed = [
    '',
    ' ',
    '{',
    '{"name"',
    '{"name":}',
    '[1',
    '{}{}',
    "{'name':'x'}",
    '{"name":"x",}',
    'NaN',
    '\ufeff{}',
  ];
  test.each(malformed.map((text) => [text]))('malformed JSON returns 400: %j', async (text) => {
    await oracle.refuses(() => organization.owner.ask('POST', '/groups', text || ' '), {
      status: 400,
      code: 'invalid_request',
      action: 'group.create',
    });
  });

  test('JSON that is not an object, and an object with `__proto__`, return 400', async () => {
    for (const text of ['null', 'true', '1', '"x"', '[]', '[{"name":"x"}]', '{"__proto__":{"name":"x"}}'])
      await oracle.refuses(() => organization.owner.ask('POST', '/groups', text), {
        status: 400,
        code: 'invalid_request',
      });
  });

  test('other media types return 415, other encodings 400 or 415', async () => {
    const body = JSON.stringify({ name: 'x', parent: 'acme' });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonp'])
      await oracle.refuses(() => organization.owner.ask('POST', '/groups', body, { 'content-type': type }), {
        status: 415,
        code: 'unsupported_media_type',
      });
    await oracle.refuses(() => organization.owner.ask('POST', '/groups', body, { 'content-encoding': 'gzip' }), {
      status: 415,
      code: 'unsupported_media_type',
    });
  });

  test('N40 quickly refuses 10,000 nested arrays, 30,000 members and a 60 kB string', async () => {
    const texts = [
      '['.repeat(30_000) + ']'.repeat(30_000),
      '['.repeat(60_000),
      `{"name":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
      JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`m${n}`, 1]))),
      JSON.stringify({ name: 'x'.repeat(60_000), parent: 'acme' }),
    ];
    for (const text of texts) {
      const { answer } = await oracle.refuses(() => organization.owner.ask('POST', '/groups', text), {
        status: 400,
        code: 'invalid_request',
      });
      expect(answer.text.length).toBeLessThan(20_000);
    }
  });
});

/** Parameters that take any printable text. */
const freeText: ReadonlySet<string> = new Set(['reference']);

describe('bad URLs', () => {
  test.each(withQuery)('%s refuses unknown, repeated and bad parameters, and names them', async (key, schema) => {
    await expectAllRefused(async (faults) => {
      const { method, path } = requestOf(key, things);
      const answers: Answer[] = [];
      const fields = fieldsOf(schema).filter(({ pointer }) => pointer !== '');
      const known = fields.flatMap(({ pointer }) => {
        const name = pointer.slice(1);
        const printable = freeText.has(name) ? [] : ['%ED%A0%80', '%FF', '%27%3B%20DROP%20TABLE%20jobs%3B--'];
        return [`%00`, 'a%00b', ...printable, 'x'.repeat(5000), `1&${name}=2`].map((value) => [name, value]);
      });
      for (const [name = '', value = ''] of [
        ...known,
        ['surprise', '1'],
        ['__proto__', '1'],
        ['limit', '0'],
        ['limit', '201'],
        ['limit', '1.5'],
        ['limit', ''],
      ]) {
        const base = path.split('?');
        const others = [...new URLSearchParams(base[1])].filter(([other]) => other !== name);
        const search = [...others.map((pair) => pair.join('=')), `${name}=${value}`].join('&');
        const answer = await clientOf(key).ask(method, `${base[0]}?${search}`);
        if (answer.status !== 400 || !names(answer, name))
          faults.push(`${search.slice(0, 60)}: ${answer.text.slice(0, 300)}`);
        answers.push(answer);
      }
      return answers;
    });
  });

  test.each(withParams)('%s returns not found for an invalid reference', async (key) => {
    await expectAllRefused(async (faults) => {
      const answers: Answer[] = [];
      const { method, path, body } = requestOf(key, things);
      for (const name of [
        '%00',
        'a%00',
        '%ED%A0%80',
        '%E2%80%AE',
        '%27%20OR%201%3D1--',
        '..%2F..',
        'ACME',
        'x'.repeat(3000),
        '*',
        '%25',
      ])
        for (const slot of path
          .split('?')[0]!
          .split('/')
          .filter((part) => /_[0-9a-z]{26}$/.test(part))) {
          const answer = await clientOf(key).ask(method, path.replace(slot, name), body);
          if (answer.status !== 404) faults.push(`${name.slice(0, 20)}: ${answer.text.slice(0, 300)}`);
          answers.push(answer);
        }
      return answers;
    });
  });

  test('a route without query parameters refuses any parameter', async () => {
    const { answer } = await oracle.refuses(() => organization.owner.ask('GET', `/groups/${things.group}?expand=all`), {
      status: 400,
      code: 'invalid_request',
      action: 'group.get',
    });
    expect(names(answer, 'expand')).toBe(true);
  });
});

describe('names', () => {
  const bad = [
    '',
    '-a',
    'a-',
    '_a',
    'a_',
    'A',
    'a b',
    'a:b',
    'a/b',
    'a*',
    'a?',
    'a,b',
    'a$b',
    '{a}',
    '"a"',
    "a'b",
    'a\n',
    '‮a',
    '😀',
    'é',
    'ａ',
    'a'.repeat(65),
    '.',
    '..',
  ];
  const good = ['a', '0', 'a-b_c', 'a'.repeat(64)];

  test.each([
    ['/groups', (name: string) => ({ name, parent: 'acme' })],
    ['/workspaces', (name: string) => ({ name, group: 'acme/lab' })],
    ['/service-accounts', (name: string) => ({ name, group: 'acme/lab' })],
    [
      '/managed-identities',
      (name: string) => ({ name, group: 'acme/lab', type: 'kubernetes', settings: { audience: `x${name}` } }),
    ],
  ] as const)('N33 %s takes 1 to 64 of a-z, 0-9, - and _, the last two inside', async (path, make) => {
    await expectAllRefused(async (faults) => {
      const answers = [];
      for (const name of bad) {
        const answer = await organization.owner.ask('POST', path, { ...make(''), name });
        if (answer.status !== 400 || !names(answer, '/name')) faults.push(`${name}: ${answer.text}`);
        answers.push(answer);
      }
      return answers;
    });
    for (const name of good) expect((await organization.owner.ask('POST', path, make(name))).status).toBe(201);
    // N26: the name is also refused when a thing of another type has it.
    expect((await organization.owner.ask('POST', path, make('a'))).status).toBe(409);
  });

  test('N33 refuses bad logins, stages, profiles and labels', async () => {
    const { owner, workspaceId } = organization;
    await expectAllRefused(async (faults) => {
      const answers = [];
      for (const login of ['', 'A', 'a b', 'a:b', 'a/b', 'ä', 'a'.repeat(65), 'a\u200b', organization.userId])
        answers.push(await owner.ask('POST', '/users', { login }));
      for (const stage of ['', 'Plan', 'a/b', '*'])
        answers.push(await owner.ask('POST', `/workspaces/${workspaceId}/jobs`, { stage }));
      for (const labels of [
        { 'A b': 'x' },
        { a: 'x'.repeat(257) },
        { a: 'x\u0000' },
        Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`l${n}`, ''])),
      ])
        answers.push(await owner.ask('POST', `/workspaces/${workspaceId}/jobs`, { labels }));
      for (const { status, text } of answers) if (status !== 400) faults.push(text);
      return answers;
    });
  });

  test('texts with metacharacters of SQL, JSON, HTML and shells are returned unchanged', async () => {
    for (const description of [
      "Robert'); DROP TABLE users;--",
      '<script>alert(1)</script>',
      '$' + '{jndi:x} %s {{7*7}} `id` \\',
      'line\nline',
      '‮RTL 😀',
    ]) {
      const path = `/groups/${organization.groupId}`;
      expect((await organization.owner.send('PATCH', path, { description })).description).toBe(description);
      expect((await organization.owner.send('GET', path)).description).toBe(description);
    }
  });
});

describe('fields that a request may not set', () => {
  test.each([
    ['PATCH', '/groups/:id', { description: 'x', organization_id: 'grp_x' }],
    ['PATCH', '/groups/:id', { description: 'x', path: 'acme/other' }],
    ['PATCH', '/managed-identities/:id', { group: 'acme' }],
    ['PATCH', '/managed-identities/:id', { name: 'other' }],
    ['PATCH', '/managed-identities/:id', { type: 'azure' }],
    ['PATCH', '/managed-identities/:id', { subject_scope: 'identity' }],
    ['PATCH', '/users/:id', { is_operator: true }],
    ['PATCH', '/users/:id', { deleted_at: null }],
    ['PATCH', '/users/:id', { merged_into: null }],
    ['PATCH', '/memberships/:id', { role: 'viewer', namespace: 'acme' }],
    ['POST', '/workspaces/:id/jobs', { workspace: 'acme/lab/reports' }],
    ['POST', '/workspaces/:id/managed-identities', { managed_identity: 'acme/lab/x', workspace_id: 'ws_x' }],
  ])('N23 %s %s refuses %j', async (method, template, body) => {
    const { params } = cases[`${method} ${template}`]!;
    const path = template.replace(':id', things[params!.id!]);
    await oracle.refuses(() => organization.owner.ask(method, path, body), { status: 400, code: 'invalid_request' });
  });

  test.each([
    [
      {
        type: 'aws',
        settings: { role_arn: 'arn:aws:iam::111122223333:role/x', sts_endpoint: 'https://sts.evil.example' },
      },
      '/settings/sts_endpoint',
    ],
    [
      { type: 'aws', settings: { role_arn: 'arn:aws:iam::111122223333:role/x', region: 'us-east-1.evil.com' } },
      '/settings/region',
    ],
    [
      { type: 'aws', settings: { role_arn: 'arn:aws:iam::111122223333:role/x', endpoint_url: 'https://evil.example' } },
      '/settings/endpoint_url',
    ],
    [
      { type: 'azure', settings: { tenant_id: 'evil.example/x', client_id: '1f9d2c34-88aa-4d0b-b7d5-0a6c3e5f7b02' } },
      '/settings/tenant_id',
    ],
    [
      {
        type: 'azure',
        settings: {
          tenant_id: '7c0e6a4e-3f0a-4a5e-9c1b-5d2f8e6b1a01',
          client_id: '1f9d2c34-88aa-4d0b-b7d5-0a6c3e5f7b02',
          authority_host: 'https://evil.example',
        },
      },
      '/settings/authority_host',
    ],
    [
      {
        type: 'gcp',
        settings: {
          project_number: '123456789012',
          pool: 'arsia-pool',
          provider: 'arsia',
          token_url: 'https://evil.example',
        },
      },
      '/settings/token_url',
    ],
    [
      {
        type: 'gcp',
        settings: {
          project_number: '123456789012',
          pool: 'arsia-pool',
          provider: 'arsia',
          service_account: 'x@evil.example/../y',
        },
      },
      '/settings/service_account',
    ],
  ])('N29 an identity cannot name its own endpoint: %j', async (identity, pointer) => {
    const { answer } = await oracle.refuses(
      () => organization.owner.ask('POST', '/managed-identities', { name: 'x', group: 'acme/lab', ...identity }),
      { status: 400, code: 'invalid_request' },
    );
    expect(names(answer, pointer)).toBe(true);
  });
});
