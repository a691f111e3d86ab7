import { beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { openApiDocument } from '../../src/http/api/openapi.ts';
import { routes } from '../../src/http/api/routes.ts';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, type Client, createClient } from '../support/client.ts';
import { createAccount, createOrganization, type Job, type Organization } from '../support/organization.ts';
import { callerOf, createPeople, type People } from './actors.ts';
import { requestOf } from './cases.ts';
import { makeThings, type Things } from './things.ts';

const document = openApiDocument('/api/v1') as Body;

/** Builds a validator from a schema of the document alone, as a client would, without the schemas that validate requests. */
function readerOf(schema: Body): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  // Zod would fill in a default for a required member that is missing.
  const withoutDefault = (key: string, value: unknown) => (key === 'default' ? undefined : value);
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'), withoutDefault));
}

/** Returns the examples that their own schema refuses. */
function listWrongExamples(value: unknown, where: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { examples = [], ...parts } = value as Body;
  const reader = examples.length > 0 ? readerOf(parts) : undefined;
  const wrong = examples.filter((example: unknown) => reader?.safeParse(example).success === false);
  return [
    ...wrong.map((example: unknown) => `${where}: ${JSON.stringify(example)}`),
    ...Object.entries(parts).flatMap(([name, part]) => listWrongExamples(part, `${where}/${name}`)),
  ];
}

test('every example is valid by its own schema', () => {
  expect(listWrongExamples({ paths: document.paths, schemas: document.components.schemas }, '')).toEqual([]);
  const wrong = { login: { type: 'string', maxLength: 3, examples: ['ada@acme.example', 'ada'] } };
  expect(listWrongExamples(wrong, '')).toEqual(['/login: "ada@acme.example"']);
});

const operationOf = (key: string): Body => {
  const [method, path] = key.split(' ') as [string, string];
  return document.paths[path.replace(/:(\w+)/g, '{$1}')][method.toLowerCase()];
};
const bodyOf = (key: string) => readerOf(operationOf(key).requestBody.content['application/json'].schema);
const answerOf = (key: string, status: number) =>
  readerOf(operationOf(key).responses[status].content['application/json'].schema);

const arn = 'arn:aws:iam::111122223333:role/lab/deploy';
const azureId = '11111111-2222-4333-8444-555555555555';
/** The shortest settings that the server accepts, without the members that have a default. */
const shortest: Record<string, Body> = {
  aws: { role_arn: arn },
  azure: { tenant_id: azureId, client_id: azureId, scope: 'https://management.azure.com/.default' },
  gcp: {
    project_number: '123456789012',
    pool: 'arsia-pool',
    provider: 'arsia',
    service_account: 'deploy@acme-prod.iam.gserviceaccount.com',
  },
  kubernetes: { audience: 'https://kubernetes.acme.example' },
  oidc: { audience: 'https://vault.acme.example' },
};

let running: RunningArsia;
let organization: Organization;
let things: Things;
let job: Job;
let actor: Client;
let people: People;

beforeAll(async () => {
  running = await startArsia({ signIn: true });
  organization = await createOrganization(running);
  ({ things, job } = await makeThings(organization));
  const { owner, group, id } = organization;
  actor = (await createAccount(owner, group, 'actor', { namespace: id, role: 'owner' })).client;
  people = await createPeople(running, organization);
}, 60_000);

describe('the OpenAPI document allows what the server accepts', () => {
  const withBody = routes
    .filter((route) => route.body !== undefined && !/redeem$|credentials$/.test(route.path))
    .map(({ method, path }) => `${method} ${path}`);

  test.each(withBody)('%s', async (key) => {
    const own = /\/move$|:job$/.test(key) ? await makeThings(organization) : { things, job };
    const { method, path, body } = requestOf(key, own.things);
    const client = callerOf(key, { ...people, actor, job: own.job.client });
    const { status, text } = await client.ask(method, path, body);
    expect([status < 300, text]).toEqual([true, text]);
    expect(bodyOf(key).safeParse(body).error?.issues).toBeUndefined();
  });

  test.each(Object.entries(shortest))(
    'settings of %s without the members that have a default',
    async (type, settings) => {
      const body = { name: type, group: organization.group, type, settings };
      const made = await actor.ask('POST', '/managed-identities', body);
      expect([made.status, made.text]).toEqual([201, made.text]);
      expect(bodyOf('POST /managed-identities').safeParse(body).error?.issues).toBeUndefined();
      const change = { settings };
      const changed = await actor.ask('PATCH', `/managed-identities/${made.body.id}`, change);
      expect([changed.status, changed.text]).toEqual([200, changed.text]);
      expect(bodyOf('PATCH /managed-identities/:id').safeParse(change).error?.issues).toBeUndefined();
      // A client may rely on the defaults in the answer.
      expect(answerOf('POST /managed-identities', 201).safeParse(made.body).error?.issues).toBeUndefined();
    },
  );

  test('it refuses settings of no kind, and answers without the defaults', async () => {
    const body = { name: 'x', group: organization.group, type: 'aws', settings: { role: arn } };
    expect((await actor.ask('POST', '/managed-identities', body)).status).toBe(400);
    expect(bodyOf('POST /managed-identities').safeParse(body).success).toBe(false);
    const { AwsSettingsOutput } = document.components.schemas;
    expect(readerOf(AwsSettingsOutput).safeParse(shortest.aws).success).toBe(false);
  });
});

test.each([
  // 403, since this caller may not set labels: the body was valid.
  [32, 403],
  [33, 400],
])('a job with %d labels gets %d, and the document agrees', async (count, status) => {
  const body = { labels: Object.fromEntries(Array.from({ length: count }, (_, n) => [`l${n}`, 'x'])) };
  const answer = await organization.owner.ask('POST', `/workspaces/${organization.workspaceId}/jobs`, body);
  expect([answer.status, answer.text]).toEqual([status, answer.text]);
  const { schema } = operationOf('POST /workspaces/:id/jobs').requestBody.content['application/json'];
  expect(count <= schema.properties.labels.maxProperties).toBe(status !== 400);
});

test.each([
  [50, 201],
  [51, 400],
])('%d session tags get %d, and the document agrees', async (count, status) => {
  const session_tags = Object.fromEntries(Array.from({ length: count }, (_, n) => [`t${n}`, 'stage']));
  const settings = { ...shortest.aws, session_tags };
  const body = { name: `tags${count}`, group: organization.group, type: 'aws', settings };
  const answer = await actor.ask('POST', '/managed-identities', body);
  expect([answer.status, answer.text]).toEqual([status, answer.text]);
  const { properties } = document.components.schemas.AwsSettings;
  expect(count <= properties.session_tags.maxProperties).toBe(status === 201);
});

test('the organisation settings of an operator, who has no organisation, match the document', async () => {
  const { token } = await running.arsia.operators.link('root.operator');
  const { access_token } = await createClient(running.issuer).send('POST', '/admin-links/redeem', { token });
  const answer = await createClient(running.issuer, access_token).ask('GET', '/organization-settings');
  expect([answer.status, answer.body.organization_id]).toEqual([200, null]);
  expect(answerOf('GET /organization-settings', 200).safeParse(answer.body).error?.issues).toBeUndefined();
});
