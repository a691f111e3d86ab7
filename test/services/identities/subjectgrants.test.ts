import { beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningArsia, startArsia } from '../../support/arsia.ts';
import { type Body, type Client, createClient, encoded, exchangeToken } from '../../support/client.ts';
import { type Account, createAccount, createOrganization, type Organization } from '../../support/organization.ts';

/**
 * The organisation owns an identity that names users. Mallory, herself a service account, owns a subgroup with a workspace
 * and a launcher, and wants tokens that name the chief executive, who is the owner of the organisation.
 */
describe('N71 an identity with the subject_scope user, used in a subgroup', () => {
  let running: RunningArsia;
  let acme: Organization;
  let mallory: Client;
  let launcher: Account;
  let identity: Body;
  const subgroup = 'acme/skunkworks';
  const workspace = `${subgroup}/ws`;
  const ceo = 'acme.owner';

  beforeAll(async () => {
    running = await startArsia();
    acme = await createOrganization(running);
    const { owner } = acme;
    await owner.send('POST', '/groups', { name: 'skunkworks', parent: 'acme' });
    await owner.send('POST', '/groups', { name: 'cloud', parent: 'acme' });
    ({ client: mallory } = await createAccount(owner, subgroup, 'mallory', { namespace: subgroup, role: 'owner' }));
    identity = await makeIdentity('payroll', 'acme/cloud', 'user');
    await mallory.send('POST', '/workspaces', { name: 'ws', group: subgroup });
    await mallory.send('POST', `/workspaces/${encoded(workspace)}/managed-identities`, {
      managed_identity: identity.id,
    });
    launcher = await createAccount(mallory, subgroup, 'launcher');
    await grantRight(mallory, subgroup);
  }, 60_000);

  /** Usable by everyone of the organisation, by an alias at its root. */
  async function makeIdentity(name: string, group: string, subject_scope: string, more: Body = {}): Promise<Body> {
    const made = await acme.owner.send('POST', '/managed-identities', {
      name,
      group,
      type: 'oidc',
      settings: { audience: `https://${name}.acme.example` },
      subject_scope,
      delivery: 'token',
      ...more,
    });
    await acme.owner.send('POST', `/managed-identities/${made.id}/grants`, { principal: '*' });
    await acme.owner.send('POST', `/managed-identities/${made.id}/aliases`, { group: 'acme' });
    return made;
  }

  const grantRight = (owner: Client, namespace: string, more: Body = {}) =>
    owner.send('POST', `/service-accounts/${launcher.id}/may-act`, { namespace, users: [ceo], ...more });
  const startJob = async (by: Client = launcher.client, more: Body = { user: ceo, stage: 'run' }): Promise<Body> =>
    await by.send('POST', `/workspaces/${encoded(workspace)}/jobs`, more);
  const mint = async (job: Body, named = identity.id) =>
    await createClient(running.issuer, job.job_token).ask('POST', '/tokens', { managed_identity: named });

  test('gives no token that names a user by a right of the subgroup, and says who must grant what', async () => {
    const job = await startJob();
    const answer = await mint(job);
    expect(answer).toMatchObject({
      status: 403,
      body: { code: 'subject_not_granted', detail: expect.stringContaining('granted at acme/cloud or above') },
    });
    expect(answer.body.advice).toContain(`POST /api/v1/service-accounts/${launcher.id}/may-act`);
    expect(answer.body.advice).toContain(`POST /api/v1/managed-identities/${identity.id}/subject-grants`);
    const oauth = await exchangeToken(running.issuer, job.job_token, identity.id);
    expect([oauth.status, oauth.body.error]).toEqual([400, 'invalid_target']);
    const task = await startJob(launcher.client, { parent: job.id, task_index: 0 });
    expect((await mint(task)).body.code).toBe('subject_not_granted');
  });

  test('cannot be opened by anything that the owner of the subgroup may do', async () => {
    const attempts: [string, Body][] = [
      [`/service-accounts/${launcher.id}/may-act`, { namespace: 'acme/cloud', users: ['*'] }],
      [`/service-accounts/${launcher.id}/may-act`, { namespace: 'acme', users: ['*'] }],
      [`/managed-identities/${identity.id}/subject-grants`, { launcher: launcher.id }],
      [`/managed-identities/${identity.id}/subject-grants`, { namespace: subgroup }],
    ];
    for (const [path, body] of attempts) expect((await mallory.ask('POST', path, body)).status).toBe(404);
    expect((await mint(await startJob())).body.code).toBe('subject_not_granted');
  });

  test('names the user in a job that the user starts', async () => {
    const answer = await mint(await startJob(acme.owner, {}));
    expect(answer).toMatchObject({ status: 200, body: { subject: `${identity.id}:${acme.ownerId}` } });
  });

  test('names the user by a right granted at its group until the right is removed, also where facts are kept', async () => {
    const job = await startJob();
    const right = await grantRight(acme.owner, 'acme/cloud', { stages: ['run'] });
    for (let count = 0; count < 3; count++) expect((await mint(job)).status).toBe(200);
    expect((await mint(await startJob(launcher.client, { user: ceo, stage: 'other' }))).body.code).toBe(
      'subject_not_granted',
    );
    await acme.owner.send('DELETE', `/service-accounts/${launcher.id}/may-act/${right.id}`);
    expect((await mint(job)).body.code).toBe('subject_not_granted');
  });

  test('names the user by a subject grant until the grant is removed, also where facts are kept', async () => {
    const job = await startJob();
    const grants = `/managed-identities/${identity.id}/subject-grants`;
    for (const body of [
      { launcher: launcher.id },
      { namespace: subgroup },
      { launcher: launcher.id, namespace: workspace },
    ]) {
      const grant = await acme.owner.send('POST', grants, body);
      expect((await acme.owner.send('POST', grants, body)).id).toBe(grant.id);
      for (let count = 0; count < 3; count++) expect((await mint(job)).status).toBe(200);
      await acme.owner.send('DELETE', `${grants}/${grant.id}`);
      expect((await mint(job)).body.code).toBe('subject_not_granted');
    }
    const { id: elsewhere } = await acme.owner.send('POST', grants, { namespace: 'acme/lab' });
    expect((await mint(job)).body.code).toBe('subject_not_granted');
    await acme.owner.send('DELETE', `${grants}/${elsewhere}`);
    expect((await acme.owner.ask('POST', grants, {})).status).toBe(400);
  });

  test('takes at most as many subject grants as the mint reads, and none where the subject names the workspace', async () => {
    const full = await makeIdentity('full', 'acme/cloud', 'user');
    const path = `/managed-identities/${full.id}/subject-grants`;
    for (let count = 0; count < 20; count++) {
      const { id } = await acme.owner.send('POST', '/groups', { name: `g${count}`, parent: 'acme/lab' });
      await acme.owner.send('POST', path, { namespace: id });
    }
    expect(await acme.owner.ask('POST', path, { launcher: launcher.id })).toMatchObject({ status: 409 });
    const named = await makeIdentity('named', 'acme/cloud', 'workspace_user');
    expect(
      await acme.owner.ask('POST', `/managed-identities/${named.id}/subject-grants`, { launcher: launcher.id }),
    ).toMatchObject({ status: 409 });
  });

  test('names the user with the workspace by a right of the subgroup', async () => {
    const named = await makeIdentity('both', 'acme/cloud', 'workspace_user');
    await mallory.send('POST', `/workspaces/${encoded(workspace)}/managed-identities`, {
      managed_identity: named.id,
      profile: 'both',
    });
    expect((await mint(await startJob(), named.id)).status).toBe(200);
  });

  test('needs the same for session tags and the source identity at AWS', async () => {
    const role = { role_arn: 'arn:aws:iam::111122223333:role/r' };
    const settings = {
      plain: role,
      tags: { ...role, session_tags: { 'acme:who': 'user_id' } },
      source: { ...role, source_identity: true },
      place: { ...role, session_tags: { 'acme:where': 'workspace' } },
    };
    const codes: Record<string, unknown> = {};
    for (const [name, one] of Object.entries(settings)) {
      const made = await makeIdentity(name, 'acme/cloud', 'identity', { type: 'aws', settings: one });
      await mallory.send('POST', `/workspaces/${encoded(workspace)}/managed-identities`, {
        managed_identity: made.id,
        profile: name,
      });
      codes[name] = (await mint(await startJob(), made.id)).body.code;
    }
    expect(codes).toEqual({
      plain: undefined,
      tags: 'subject_not_granted',
      source: 'subject_not_granted',
      place: undefined,
    });
  });

  test('needs the same for an access rule that names a user', async () => {
    const codes: Record<string, unknown> = {};
    for (const [name, scope, kinds] of [
      ['ruled', 'identity', ['user']],
      ['named', 'identity', ['user', 'service_account']],
      ['placed', 'workspace', ['user']],
    ] as const) {
      const made = await makeIdentity(`rule-${name}`, 'acme/cloud', scope);
      for (const kind of kinds)
        await acme.owner.send('POST', `/managed-identities/${made.id}/access-rules`, {
          kind,
          values: [kind === 'user' ? ceo : launcher.id],
        });
      await mallory.send('POST', `/workspaces/${encoded(workspace)}/managed-identities`, {
        managed_identity: made.id,
        profile: `rule-${name}`,
      });
      codes[name] = (await mint(await startJob(), made.id)).body.code;
      if (name !== 'ruled') continue;
      expect((await mint(await startJob(acme.owner, {}), made.id)).status).toBe(200);
      const right = await grantRight(acme.owner, 'acme/cloud');
      expect((await mint(await startJob(), made.id)).status).toBe(200);
      await acme.owner.send('DELETE', `/service-accounts/${launcher.id}/may-act/${right.id}`);
    }
    expect(codes).toEqual({ ruled: 'subject_not_granted', named: undefined, placed: undefined });
  });

  test('lists in its trust the launchers that can name the user, those beyond twenty as a number', async () => {
    const warningsFor = async (user?: string): Promise<string> => {
      const query = user === undefined ? '' : `?user=${user}`;
      const { warnings } = await acme.owner.send('GET', `/managed-identities/${identity.id}/trust${query}`);
      return warnings.find((text: string) => text.includes('in every workspace'));
    };
    expect(await warningsFor(ceo)).toContain('No service account can now.');
    const { id: right } = await grantRight(acme.owner, 'acme');
    expect(await warningsFor(ceo)).toContain(`${subgroup}/launcher (right to act granted at acme)`);
    expect(await warningsFor(encoded(acme.user))).toContain('No service account can now.');
    expect(await warningsFor()).toContain('Tokens can name a user');
    for (let count = 0; count < 22; count++) {
      const { id } = await acme.owner.send('POST', '/service-accounts', { name: `s${count}`, group: 'acme/lab' });
      await acme.owner.send('POST', `/service-accounts/${id}/may-act`, { namespace: 'acme/cloud', users: ['*'] });
    }
    expect(await warningsFor(ceo)).toContain('and 3 more');
    expect(await warningsFor(encoded(acme.user))).toContain('and 2 more');
    await acme.owner.send('DELETE', `/service-accounts/${launcher.id}/may-act/${right}`);
  });
});
