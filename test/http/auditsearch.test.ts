import { beforeAll, describe, expect, test } from '@jest/globals';
import { listAuditActions } from '../../scripts/auditactions.ts';
import { actionNames } from '../../src/services/actionnames.ts';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Body, encoded } from '../support/client.ts';
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
let acme: Organization;
let other: Organization;
let identity: Body;
let viewer: Awaited<ReturnType<typeof createAccount>>;

beforeAll(async () => {
  running = await startArsia({ settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  acme = await createOrganization(running, 'acme');
  other = await createOrganization(running, 'globex');
  const settings = { audience: 'https://api.example' };
  identity = await createIdentity(acme, { name: 'api', type: 'oidc', settings, delivery: 'both' });
  viewer = await createAccount(acme.owner, acme.group, 'viewer', { namespace: acme.id, role: 'viewer' });
}, 60_000);

const search = async (query: string): Promise<Body[]> =>
  (await acme.owner.send('GET', `/audit-events?limit=200&${query}`)).items;
const exportAll = async (query: string): Promise<Body[]> =>
  (await acme.owner.ask('GET', `/audit-events/export?${query}`)).text
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));

describe('a search of the audit', () => {
  test('finds the events of a request by its id, and with since also a token that was minted', async () => {
    const refused = await viewer.client.ask('POST', '/users', { login: 'x' });
    const id = refused.headers.get('x-request-id');
    const expected = [{ action: 'user.create', code: 'forbidden', request_id: id, actor_id: viewer.id }];
    expect(await search(`request_id=${id}`)).toMatchObject(expected);
    expect(await exportAll(`request_id=${id}`)).toMatchObject(expected);
    const job = await startJob(acme);
    const since = new Date(running.clock.now() - 60_000).toISOString();
    const minted = await job.client.ask('POST', '/tokens', { managed_identity: identity.id });
    const query = `request_id=${minted.headers.get('x-request-id')}`;
    expect(await search(query)).toEqual([]);
    expect(await search(`${query}&since=${since}`)).toMatchObject([{ action: 'token.mint', outcome: 'success' }]);
  });

  test('filters by the code of a refusal', async () => {
    const job = await startJob(acme);
    await job.client.ask('POST', '/tokens', { managed_identity: `${acme.group}/none` });
    const events = await search('code=not_found');
    expect(events.length).toBeGreaterThan(0);
    expect(new Set(events.map(({ code }) => code))).toEqual(new Set(['not_found']));
    expect((await exportAll('code=not_found')).map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort());
  });

  test('takes logins, paths and names where it takes ids', async () => {
    await startJob(acme, { user: acme.user });
    for (const [parameter, name, id] of [
      ['user', acme.user, acme.userId],
      ['actor', 'acme.owner', acme.ownerId],
      ['actor', `${acme.group}/launcher`, acme.launcherId],
      ['workspace', acme.workspace, acme.workspaceId],
      ['identity', `${acme.group}/api`, identity.id],
    ] as const) {
      const byId = await search(`${parameter}=${id}`);
      expect(byId.length).toBeGreaterThan(0);
      expect(await search(`${parameter}=${encoded(name)}`)).toEqual(byId);
      expect((await exportAll(`${parameter}=${encoded(name)}`)).length).toBe(byId.length);
    }
  });

  test('refuses a login or path that the organisation does not have, also that of another one', async () => {
    for (const [parameter, name] of [
      ['user', other.user],
      ['actor', 'nobody'],
      ['actor', `${other.group}/launcher`],
      ['workspace', other.workspace],
      ['identity', 'acme/lab/none'],
    ] as const) {
      const query = `/audit-events?${parameter}=${encoded(name)}`;
      const { answer } = await oracle.refuses(() => acme.owner.ask('GET', query), {
        status: 400,
        code: 'invalid_request',
        action: 'audit_event.list',
      });
      expect(answer.body.errors).toEqual([{ pointer: parameter, detail: 'is unknown' }]);
    }
  });

  test.each([
    ['action', 'job.strat', 'is not an action: the nearest is job.start'],
    ['action', 'workspaces.create', 'is not an action: the nearest is workspace.create'],
    ['code', 'job_end', 'is not an error code: the nearest is job_ended'],
  ])('refuses an unknown %s %s with the nearest', async (parameter, value, detail) => {
    for (const path of ['/audit-events', '/audit-events/export']) {
      const { answer } = await oracle.refuses(() => acme.owner.ask('GET', `${path}?${parameter}=${value}`), {
        status: 400,
        code: 'invalid_request',
      });
      expect(answer.body.errors).toEqual([{ pointer: parameter, detail }]);
    }
  });

  test('knows every action that is in the audit and in docs/audit-actions.md', async () => {
    const recorded = await oracle.execute('SELECT DISTINCT action FROM audit_events');
    expect(actionNames).toEqual(expect.arrayContaining(recorded.map(({ action }) => action)));
    expect(actionNames).toEqual(listAuditActions());
  });
});
