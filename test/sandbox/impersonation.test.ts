import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Bench, pasteGoogle, pool, type Reply, serviceAccount, startBench } from './clouds.ts';
import { cloudPlatform, federate, tokenInfo } from './googletokens.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteGoogle(bench);
});
afterAll(() => bench.close());

function impersonate(accessToken: string, body: object = {}, email = serviceAccount, project = '-'): Promise<Reply> {
  const url = `${bench.sandbox.google.iam_endpoint}/v1/projects/${project}/serviceAccounts/${email}:generateAccessToken`;
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify({ scope: [cloudPlatform], ...body }) };
  return fetch(url, request).then(async (response) => ({ status: response.status, text: await response.text() }));
}

describe('generateAccessToken', () => {
  test('returns a token of the service account to a principal of its policy', async () => {
    const reply = await impersonate(await federate(bench), { lifetime: '900s' });
    expect(reply.status).toBe(200);
    const { accessToken, expireTime } = JSON.parse(reply.text);
    expect(expireTime).toBe('2026-11-21T00:15:00Z');
    expect(await tokenInfo(bench, accessToken)).toMatchObject({
      sub: serviceAccount,
      email: serviceAccount,
      expires_in: '900',
    });
  });

  const permission = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
  const refused: [string, () => Promise<Reply>, number, string, string | RegExp][] = [
    [
      'no such token',
      () => impersonate('ya29.unknown'),
      401,
      'UNAUTHENTICATED',
      /^Request had invalid authentication credentials/,
    ],
    [
      'the principal of another subject',
      async () => impersonate(await federate(bench, { sub: 'job-8' })),
      403,
      'PERMISSION_DENIED',
      permission,
    ],
    [
      'an account that does not exist',
      async () => impersonate(await federate(bench), {}, 'no@acme.iam.gserviceaccount.com'),
      403,
      'PERMISSION_DENIED',
      permission,
    ],
    [
      'a project by name',
      async () => impersonate(await federate(bench), {}, serviceAccount, 'acme'),
      400,
      'INVALID_ARGUMENT',
      /wildcard/,
    ],
    [
      'more than an hour',
      async () => impersonate(await federate(bench), { lifetime: '3601s' }),
      400,
      'INVALID_ARGUMENT',
      'The access token lifetime cannot exceed 3600 seconds.',
    ],
    ['no scope', async () => impersonate(await federate(bench), { scope: [] }), 400, 'INVALID_ARGUMENT', /scope/],
    [
      'a federated token of a narrow scope',
      async () => impersonate(await federate(bench, {}, { scope: 'openid' })),
      403,
      'PERMISSION_DENIED',
      /insufficient authentication scopes/,
    ],
  ];
  test.each(refused)('refused: %s', async (_, ask, status, name, message) => {
    const reply = await ask();
    const { error } = JSON.parse(reply.text);
    expect({ status: reply.status, code: error.code, name: error.status }).toEqual({ status, code: status, name });
    if (typeof message === 'string') expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });

  test.each([
    ['an attribute', `principalSet:${pool}/attribute.team/cfd`, 200],
    ['the whole pool', `principalSet:${pool}/*`, 200],
    ['another value of the attribute', `principalSet:${pool}/attribute.team/qa`, 403],
    ['the subject of another pool', `principal:${pool}-x/subject/job-7`, 403],
    ['a user', 'user:job-7', 403],
  ])('a policy that names %s', async (name, member, status) => {
    const email = `${name.replaceAll(' ', '-')}@acme.iam.gserviceaccount.com`;
    const policy = JSON.stringify({ bindings: [{ role: 'roles/iam.workloadIdentityUser', members: [member] }] });
    bench.sandbox.google.createServiceAccount({ email, policy });
    expect((await impersonate(await federate(bench), {}, email)).status).toBe(status);
  });

  test('refuses a role without the permission to impersonate', async () => {
    const email = 'viewer@acme.iam.gserviceaccount.com';
    const members = [`principalSet:${pool}/*`];
    const policy = JSON.stringify({ bindings: [{ role: 'roles/viewer', members }] });
    bench.sandbox.google.createServiceAccount({ email, policy });
    expect((await impersonate(await federate(bench), {}, email)).status).toBe(403);
  });

  test('a chain of delegates needs each link', async () => {
    const email = 'target@acme.iam.gserviceaccount.com';
    const role = 'roles/iam.serviceAccountTokenCreator';
    const policy = JSON.stringify({ bindings: [{ role, members: [`serviceAccount:${serviceAccount}`] }] });
    bench.sandbox.google.createServiceAccount({ email, policy });
    const delegates = [`projects/-/serviceAccounts/${serviceAccount}`];
    expect((await impersonate(await federate(bench), { delegates }, email)).status).toBe(200);
    expect((await impersonate(await federate(bench), {}, email)).status).toBe(403);
    expect((await impersonate(await federate(bench, { sub: 'job-8' }), { delegates }, email)).status).toBe(403);
  });
});

test('tokens expire by the clock of the sandbox', async () => {
  const accessToken = await federate(bench);
  bench.clock.advance(3599);
  expect((await tokenInfo(bench, accessToken)).expires_in).toBe('1');
  bench.clock.advance(1);
  expect(await tokenInfo(bench, accessToken)).toEqual({
    status: '400',
    error: 'invalid_token',
    error_description: 'Invalid Value',
  });
  expect((await impersonate(accessToken)).status).toBe(401);
});
