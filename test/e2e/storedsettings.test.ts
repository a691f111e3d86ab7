import { beforeAll, describe, expect, test } from '@jest/globals';
import { endpointSettings, providers } from '../../src/providers/registry.ts';
import { readSettings } from '../../src/providers/storedsettings.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { oldestSettings } from '../providers/samples.ts';
import { type Stub, startStub } from '../providers/stub.ts';
import { atEnd, type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Body } from '../support/client.ts';
import { type CloudIdentities, cloudSettings, setUpClouds } from '../support/clouds.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createIdentity, createOrganization, type Job, type Organization, startJob } from '../support/organization.ts';

let running: RunningArsia;
let sandbox: Sandbox;
let oracle: Oracle;
let organization: Organization;
let identities: CloudIdentities;
let job: Job;
let stub: Stub;

beforeAll(async () => {
  sandbox = await startSandbox();
  atEnd(() => sandbox.close());
  // The endpoint of clouds without a sandbox.
  stub = await startStub();
  atEnd(() => stub.close());
  const elsewhere = Object.values(endpointSettings).map(({ variable }) => [variable, stub.url]);
  running = await startArsia({
    sandbox,
    settings: Object.fromEntries(elsewhere.filter(([variable]) => !/^ARSIA_(?:AWS|AZURE|GOOGLE)_/.test(variable!))),
  });
  oracle = await createOracle(running, sandbox);
  organization = await createOrganization(running);
  identities = await setUpClouds(organization, sandbox);
  job = await startJob(organization);
}, 60_000);

/** Stores settings without validation, as an older release or an operator in the database could have done. */
async function store(id: string, settings: unknown, type?: string): Promise<void> {
  if (type !== undefined) await oracle.execute(`UPDATE assignments SET type = '${type}' WHERE identity_id = '${id}'`);
  const values = `settings = '${JSON.stringify(settings)}'::jsonb${type === undefined ? '' : `, type = '${type}'`}`;
  await oracle.execute(`UPDATE managed_identities SET ${values} WHERE id = '${id}'`);
}

/** Returns an identity with this form of settings, existing or new, and whether its cloud trusts it. */
async function identityOf(type: string, form: Body, today: Body): Promise<{ identity: Body; isTrusted: boolean }> {
  const known = Object.entries(cloudSettings).find(([name, settings]) => {
    const has = settings as Record<string, unknown>;
    const isOfType = identities[name as keyof CloudIdentities].type === type;
    return isOfType && ['service_account', ...Object.keys(form)].every((member) => has[member] === form[member]);
  });
  if (known !== undefined) return { identity: identities[known[0] as keyof CloudIdentities], isTrusted: true };
  const made = { name: `${type.replaceAll('_', '-')}-old`, type, settings: today, delivery: 'both' };
  return { identity: await createIdentity(organization, made, 'old'), isTrusted: false };
}

const forms = providers.flatMap((provider) =>
  oldestSettings(provider.type).map((form, index) => [`${provider.type} ${index + 1}`, provider, form] as const),
);

describe.each(forms)('an identity whose row has the oldest form %s', (_title, provider, form) => {
  let identity: Body;
  let isTrusted: boolean;
  let today: Body;

  beforeAll(async () => {
    const read = readSettings(provider, form);
    if ('fault' in read) throw new Error(read.fault);
    ({ identity, isTrusted } = await identityOf(provider.type, form, read.settings));
    today = await organization.owner.send('PATCH', `/managed-identities/${identity.id}`, { settings: read.settings });
    await store(identity.id, form);
  });

  test('is read with the current settings, alone and in lists', async () => {
    const { owner, workspaceId, groupId } = organization;
    expect(Object.values(today.settings)).not.toContain(undefined);
    expect((await owner.send('GET', `/managed-identities/${identity.id}`)).settings).toEqual(today.settings);
    for (const list of [
      `/managed-identities?group=${groupId}`,
      `/workspaces/${workspaceId}/managed-identities`,
      `/workspaces/${workspaceId}/effective-identities`,
      `/workspaces/${workspaceId}/usable-identities`,
    ]) {
      const { items } = await owner.send('GET', list);
      expect([list, items.find(({ id }: Body) => id === identity.id).settings]).toEqual([list, today.settings]);
    }
  });

  test('has the same trust, claims and verdict as with the current settings', async () => {
    const path = `/managed-identities/${identity.id}`;
    const trust = await organization.owner.send('GET', `${path}/trust?workspace=${organization.workspaceId}`);
    expect(JSON.stringify(trust)).not.toMatch(/undefined|NaN/);
    const claims = await organization.owner.send('GET', `${path}/claims?workspace=${organization.workspaceId}`);
    expect(claims.aud).toBe(trust.audience);
    const document = trust.documents[0].text;
    const evaluation = { workspace: organization.workspaceId, document };
    const verdict = await organization.owner.send('POST', `${path}/trust/evaluate`, evaluation);
    expect(verdict).toMatchObject({ allow: true });
  });

  test('mints tokens and exchanges them for credentials', async () => {
    const asked = { managed_identity: identity.id };
    expect(await job.client.ask('POST', '/tokens', asked)).toMatchObject({ status: 200 });
    const exchanged = await job.client.ask('POST', '/credentials', asked);
    if (provider.exchanging === undefined || isTrusted) {
      expect([exchanged.status, exchanged.text]).toEqual([200, expect.stringContaining(`"type":"${provider.type}"`)]);
      if (provider.type === 'aws') expect(sandbox.requests.aws.calls.at(-1)!.parameters.DurationSeconds).toBe('3600');
    } else {
      // A cloud without a sandbox: the request reached its endpoint.
      expect(exchanged.body.code).toMatch(/^cloud_/);
      expect(stub.heard.length).toBeGreaterThan(0);
    }
  });
});

describe('an identity whose row cannot be read', () => {
  const unreadable = () => ({
    status: 500,
    body: {
      code: 'settings_unreadable',
      detail: expect.stringContaining('The stored settings of acme/lab/broken cannot be read: '),
      advice: expect.stringContaining(`PATCH /api/v1/managed-identities/${broken.id} with all \`settings\``),
    },
  });
  let broken: Body;

  beforeAll(async () => {
    const settings = { audience: 'https://broken.example' };
    broken = await createIdentity(organization, { name: 'broken', type: 'oidc', settings, delivery: 'both' }, 'broken');
    await store(broken.id, { audience: 7 });
  });

  test('returns an error that names it and says what to do, on every route that needs its settings', async () => {
    const { owner, workspaceId } = organization;
    const path = `/managed-identities/${broken.id}`;
    const asked = { managed_identity: broken.id };
    expect(await job.client.ask('POST', '/tokens', asked)).toMatchObject(unreadable());
    expect(await job.client.ask('POST', '/credentials', asked)).toMatchObject(unreadable());
    for (const read of [
      path,
      `${path}/trust?workspace=${workspaceId}`,
      `/workspaces/${workspaceId}/managed-identities`,
    ])
      expect([read, await owner.ask('GET', read)]).toMatchObject([read, unreadable()]);
    const claims = await owner.ask('GET', `${path}/claims?workspace=${workspaceId}`);
    const evaluate = await owner.ask('POST', `${path}/trust/evaluate`, { workspace: workspaceId, document: '{}' });
    expect([claims, evaluate]).toMatchObject([unreadable(), unreadable()]);
  });

  test('refuses a change without settings, and changes nothing', async () => {
    const change = { description: 'changed' };
    expect(await organization.owner.ask('PATCH', `/managed-identities/${broken.id}`, change)).toMatchObject(
      unreadable(),
    );
    const where = `WHERE id = '${broken.id}' AND description = 'changed'`;
    expect(await oracle.execute(`SELECT id FROM managed_identities ${where}`)).toEqual([]);
  });

  test('reports an unknown type, or a newer version', async () => {
    await store(broken.id, {}, 'future_kind');
    for (const send of [
      () => organization.owner.ask('GET', `/managed-identities/${broken.id}`),
      () => organization.owner.ask('GET', '/managed-identities?type=future_kind'),
      () => job.client.ask('POST', '/tokens', { managed_identity: 'future_kind', profile: 'broken' }),
      () => organization.owner.ask('PATCH', `/managed-identities/${broken.id}`, { settings: {} }),
    ]) {
      const { status, body } = await send();
      expect([status, body.code, body.advice]).toEqual([500, 'settings_unreadable', expect.stringMatching(/^Run /)]);
      expect(body.detail).toMatch(/cannot be read: this release has no identities of type "future_kind"\.$/);
    }
    await store(broken.id, { $version: 2, audience: 'https://broken.example' }, 'oidc');
    const version = await job.client.ask('POST', '/tokens', { managed_identity: broken.id });
    expect(version.body.detail).toMatch(/cannot be read: their version is 2, and this release reads up to 1\.$/);
  });

  test('is repaired by sending its settings again', async () => {
    const settings = { audience: 'https://mended.example' };
    await organization.owner.send('PATCH', `/managed-identities/${broken.id}`, { settings });
    const { status } = await job.client.ask('POST', '/tokens', { managed_identity: broken.id });
    expect(status).toBe(200);
  });
});
