import { beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '../../src/core/clock.ts';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Body } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Organization,
  startJob,
} from '../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let own: Organization;
let other: Organization;
let things: { workspace: string; account: string; identity: string; masked: string };

/** Creates at least five items for every list. */
async function fill(organization: Organization): Promise<typeof things> {
  const { owner, group, name, workspaceId: workspace } = organization;
  let identity = '';
  const ofRoot = {
    name: 'masked',
    group: name,
    type: 'oidc',
    subject_scope: 'user',
    settings: { audience: `https://masked.${name}.example` },
  };
  const { id: masked } = await owner.send('POST', '/managed-identities', ofRoot);
  for (const n of [1, 2, 3, 4, 5]) {
    const { id: below } = await owner.send('POST', '/groups', { name: `g${n}`, parent: name });
    await owner.send('POST', '/memberships', { namespace: below, principal: organization.userId, role: 'viewer' });
    await owner.send('POST', `/groups/${below}/masks`, { managed_identity: masked });
    await owner.send('POST', '/workspaces', { name: `w${n}`, group });
    const user = await owner.send('POST', '/users', { login: `u${n}@${name}.example` });
    await owner.send('POST', '/memberships', { namespace: workspace, principal: user.id, role: 'viewer' });
    const settings = { audience: `https://n${n}.${name}.example` };
    identity = (await createIdentity(organization, { name: `i${n}`, type: 'oidc', settings }, `p${n}`)).id;
    await startJob(organization);
  }
  for (const n of [1, 2, 3, 4, 5]) {
    const account = await owner.send('POST', '/service-accounts', { name: `s${n}`, group });
    await owner.send('POST', `/managed-identities/${identity}/grants`, { principal: account.id });
    await owner.send('POST', `/managed-identities/${masked}/subject-grants`, { launcher: account.id });
    await owner.send('POST', `/service-accounts/${organization.launcherId}/may-act`, {
      namespace: workspace,
      users: ['*'],
      stages: [`s${n}`],
    });
    await owner.send('POST', `/service-accounts/${organization.launcherId}/trust-rules`, {
      issuer: `https://n${n}.example.com`,
      audience: 'arsia',
      conditions: [{ claim: 'sub', equals: 'x' }],
    });
  }
  return { workspace, account: organization.launcherId, identity, masked };
}

beforeAll(async () => {
  running = await startArsia({ settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  own = await createOrganization(running, 'acme');
  other = await createOrganization(running, 'globex');
  things = await fill(own);
  await fill(other);
}, 60_000);

const lists: Record<string, () => string> = {
  groups: () => '/groups?',
  workspaces: () => '/workspaces?',
  users: () => '/users?',
  'service accounts': () => '/service-accounts?',
  members: () => `/memberships?namespace=${things.workspace}&`,
  'memberships of a principal': () => `/memberships?principal=${own.userId}&`,
  'managed identities': () => '/managed-identities?',
  'identities of a type': () => '/managed-identities?type=oidc&',
  'identities of a group': () => '/managed-identities?group=acme%2Flab&',
  'assigned identities': () => `/workspaces/${things.workspace}/managed-identities?`,
  'effective identities': () => `/workspaces/${things.workspace}/effective-identities?`,
  masks: () => `/managed-identities/${things.masked}/masks?`,
  'trust rules': () => `/service-accounts/${things.account}/trust-rules?`,
  grants: () => `/managed-identities/${things.identity}/grants?`,
  'subject grants': () => `/managed-identities/${things.masked}/subject-grants?`,
  'rights to act': () => `/service-accounts/${things.account}/may-act?`,
  jobs: () => `/workspaces/${things.workspace}/jobs?`,
  'audit events': () => '/audit-events?action=group.create&',
};
const names = Object.keys(lists);
/** A mask has no id: it is identified by its namespace and identity. */
const ids = (page: Body): string[] => page.items.map((item: Body) => item.id ?? item.namespace_id);

describe.each(names)('the list of %s', (name) => {
  test('has every item once over all pages', async () => {
    const all = ids(await own.owner.send('GET', `${lists[name]!()}limit=200`));
    expect(all.length).toBeGreaterThanOrEqual(5);
    const isNewestFirst = name === 'audit events' || name === 'jobs';
    expect(all).toEqual(isNewestFirst ? [...all].sort().reverse() : [...all].sort());
    const walked: string[] = [];
    let cursor: string | null = '';
    for (let pages = 0; cursor !== null; pages++) {
      const page: Body = await own.owner.send('GET', `${lists[name]!()}limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.items.length).toBeLessThanOrEqual(2);
      expect(Object.keys(page).sort()).toEqual(['items', 'next_cursor']);
      walked.push(...ids(page));
      cursor = page.next_cursor;
      expect(pages).toBeLessThan(20);
    }
    expect(walked).toEqual(all);
    const exact = await own.owner.send('GET', `${lists[name]!()}limit=${all.length}`);
    expect([exact.items.length, exact.next_cursor]).toEqual([all.length, null]);
  });

  test('N42 refuses a cursor that it did not issue', async () => {
    const { next_cursor: good } = await own.owner.send('GET', `${lists[name]!()}limit=1`);
    const foreign = lists[name === 'users' ? 'groups' : 'users']!();
    const { next_cursor: ofAnother } = await own.owner.send('GET', `${foreign}limit=1`);
    const encode = (text: string) => Buffer.from(text).toString('base64url');
    const bad = [
      '',
      'x',
      good.slice(0, -2),
      `${good}A`,
      `${good}=`,
      good.toUpperCase(),
      ofAnother,
      encode("after:' OR 1=1--"),
      encode('after:\0'),
      encode('after:'),
      encode(`before:${newId(running.clock, 'group')}`),
      'x'.repeat(10_000),
      "'; DROP TABLE users;--",
    ];
    for (const cursor of bad) {
      const { answer } = await oracle.refuses(
        () => own.owner.ask('GET', `${lists[name]!()}cursor=${encodeURIComponent(cursor)}`),
        { status: 400, code: 'invalid_request' },
      );
      expect(answer.body.errors).toEqual([{ pointer: 'cursor', detail: expect.any(String) }]);
    }
  });
});

test('N42 a list refuses a cursor of another organisation', async () => {
  for (const path of [
    '/groups',
    '/workspaces',
    '/users',
    '/service-accounts',
    '/managed-identities',
    '/audit-events',
  ]) {
    const { next_cursor } = await other.owner.send('GET', `${path}?limit=1`);
    await oracle.refuses(() => own.owner.ask('GET', `${path}?cursor=${next_cursor}`), {
      status: 400,
      code: 'invalid_request',
    });
  }
});

test('a list holds what its caller may see: a member of one workspace sees only that one', async () => {
  const membership = { namespace: things.workspace, role: 'viewer' } as const;
  const { client } = await createAccount(own.owner, own.group, 'one-workspace', membership);
  expect(ids(await client.send('GET', '/workspaces'))).toEqual([things.workspace]);
  expect(ids(await client.send('GET', '/groups'))).toEqual([]);
  // A member of the workspace can list the identities assigned to it, but not those of the groups above.
  expect(ids(await client.send('GET', '/managed-identities'))).toEqual([]);
  expect(ids(await client.send('GET', `/workspaces/${things.workspace}/managed-identities`))).toHaveLength(5);
  const { client: nobody } = await createAccount(own.owner, own.group, 'nobody');
  for (const path of ['/groups', '/workspaces', '/managed-identities'])
    expect(ids(await nobody.send('GET', path))).toEqual([]);
});

test('the audit can be filtered by job, user and workspace', async () => {
  const { items } = await own.owner.send('GET', '/audit-events?action=job.start&limit=3');
  const [event] = items;
  for (const [filter, column] of [
    ['job', 'job_id'],
    ['user', 'user_id'],
    ['workspace', 'workspace_id'],
    ['actor', 'actor_id'],
    ['action', 'action'],
    ['outcome', 'outcome'],
  ]) {
    const page = await own.owner.send('GET', `/audit-events?${filter}=${event[column!]}`);
    expect(page.items.length).toBeGreaterThan(0);
    for (const item of page.items) expect(item[column!]).toBe(event[column!]);
  }
  expect((await own.owner.send('GET', `/audit-events?job=${newId(running.clock, 'job')}`)).items).toEqual([]);
});
