import { createHash } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../../src/database/connections.ts';
import { createMintFactsReader, type MintFactsReader } from '../../../src/store/issuing/mintfacts.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';
import { assign, id, insertIdentity, insertOrganization, insertTeam, now, type Organization } from '../organization.ts';

describe.each(databaseKinds)('the facts of a mint: %s', (kind) => {
  let database: Database;
  let reader: MintFactsReader;
  let acme: Organization;
  let identity: string;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    reader = createMintFactsReader(database, { keySet: 'workload' });
  }, 90_000);

  beforeEach(async () => {
    acme = await insertOrganization(database);
    identity = await insertIdentity(database, acme, acme.lab, 'sim');
  });

  const read = (named: string | null, organization = acme) =>
    reader.read({ token_hash: organization.token_hash, identity: named });
  const member = (principal_id: string, namespace_id: string, role: 'viewer' | 'deployer' | 'owner') =>
    database.query
      .insertInto('memberships')
      .values({
        id: id('membership'),
        namespace_id,
        principal_id,
        role,
        organization_id: acme.root,
        created_at: new Date(now),
      })
      .execute();
  const mayAct = (namespace_id: string) =>
    database.query
      .insertInto('may_act')
      .values({
        id: id('may_act'),
        service_account_id: acme.launcher,
        namespace_id,
        organization_id: acme.root,
        users: [acme.user, '*'],
        stages: ['build', 'de*'],
        labels: { branch: 'main' },
        created_at: new Date(now),
      })
      .execute();

  test('end a task when its heartbeat or that of its parent is missing', async () => {
    const { query } = database;
    const deadlines = async () => {
      const whole = (await read(null))!.facts.job.deadline;
      const quick = (await read(identity))!.facts.job.deadline;
      expect(quick).toBe(whole);
      return whole;
    };
    expect(await deadlines()).toBe(now + 3_600_000);
    const parent = await insertOrganization(database);
    const beat = (seconds: number) => ({ heartbeat_at: new Date(now), heartbeat_seconds: seconds });
    await query.updateTable('jobs').set(beat(60)).where('id', '=', parent.job).execute();
    await query.updateTable('jobs').set({ parent_id: parent.job, task_index: 1 }).where('id', '=', acme.job).execute();
    expect(await deadlines()).toBe(now + 60_000);
    await query.updateTable('jobs').set(beat(30)).where('id', '=', acme.job).execute();
    expect(await deadlines()).toBe(now + 30_000);
  });

  test('have a value from every column', async () => {
    await assign(database, acme, identity, 'second');
    await member(acme.user, acme.workspace, 'deployer');
    await member(acme.launcher, acme.root, 'viewer');
    await mayAct(acme.lab);
    expect(await read(identity)).toEqual({
      keep: expect.any(Function),
      keySetVersion: 0,
      facts: {
        job: {
          id: acme.job,
          user_id: acme.user,
          stage: 'build',
          labels: { branch: 'main' },
          is_ended: false,
          ended_by: null,
          deadline: now + 3_600_000,
        },
        workspace: {
          id: acme.workspace,
          path: `${acme.name}/lab/ws`,
          lineage: [acme.root, acme.lab, acme.workspace],
        },
        group: { id: acme.lab, path: `${acme.name}/lab` },
        organization: { id: acme.root, name: acme.name, identities_without_rules: 'open' },
        user: {
          id: acme.user,
          login: `${acme.name}.ada`,
          is_active: true,
          memberships: [{ namespace_id: acme.workspace, role: 'deployer' }],
          team_ids: [],
        },
        launcher: {
          id: acme.launcher,
          name: 'launcher',
          is_active: true,
          memberships: [{ namespace_id: acme.root, role: 'viewer' }],
          may_act: [
            { namespace_id: acme.lab, users: [acme.user, '*'], stages: ['build', 'de*'], labels: { branch: 'main' } },
          ],
        },
        identity: {
          id: identity,
          path: `${acme.name}/lab/sim`,
          group_id: acme.lab,
          type: 'aws',
          settings: { role_arn: 'arn:aws:iam::123456789012:role/sim', tags: ['a', { b: null }] },
          subject_scope: 'workspace_user',
          delivery: 'both',
          token_lifetime: 600,
          reach: { group_ids: [acme.lab], masked_in: [] },
          choices: [
            {
              identity_id: identity,
              type: 'aws',
              profile: 'second',
              principal_id: '',
              assigned_at: expect.any(Number),
            },
          ],
          rules: [],
          lineage: [acme.root, acme.lab],
          subject_grants: [],
        },
      },
    });
  });

  test('are none for an unknown token', async () => {
    const token_hash = createHash('sha256').update('arsia_job_wrong').digest();
    expect(await reader.read({ token_hash, identity })).toBeNull();
    expect(await reader.read({ token_hash: new Uint8Array(), identity: null })).toBeNull();
  });

  test('say that a job has ended, or that a user or launcher is deactivated', async () => {
    const { query } = database;
    await query
      .updateTable('jobs')
      .set({ ended_at: new Date(now) })
      .where('id', '=', acme.job)
      .execute();
    await query.updateTable('users').set({ is_active: false }).where('id', '=', acme.user).execute();
    await query.updateTable('service_accounts').set({ is_active: false }).where('id', '=', acme.launcher).execute();
    expect((await read(null))?.facts).toMatchObject({
      job: { is_ended: true },
      user: { is_active: false },
      launcher: { is_active: false },
    });
  });

  test('have no user, or no launcher, where the job has none', async () => {
    const { query } = database;
    await query.updateTable('jobs').set({ user_id: null }).where('id', '=', acme.job).execute();
    expect((await read(null))?.facts).toMatchObject({
      user: null,
      job: { user_id: null },
      launcher: { id: acme.launcher },
    });
    await query.updateTable('jobs').set({ user_id: acme.user, launcher_id: null }).where('id', '=', acme.job).execute();
    expect((await read(null))?.facts).toMatchObject({ user: { id: acme.user }, launcher: null });
  });

  test('find the identity by id and by path, with its profile', async () => {
    expect((await read(identity))?.facts.identity).toMatchObject({ id: identity, choices: [] });
    await assign(database, acme, identity);
    for (const named of [identity, `${acme.name}/lab/sim`])
      expect((await read(named))?.facts.identity).toMatchObject({
        id: identity,
        choices: [{ identity_id: identity, profile: '', principal_id: '' }],
      });
  });

  test('have no identity where none is named or none has the name', async () => {
    const names = [
      null,
      '',
      'sim',
      '/',
      `${acme.name}/lab`,
      `${acme.name}/lab/ws/sim`,
      `${acme.name}/lab/SIM`,
      id('managed_identity'),
      '\u00e9',
    ];
    for (const named of names) expect((await read(named))?.facts.identity).toBeNull();
  });

  test('have no assignment of another workspace', async () => {
    const sibling = id('workspace');
    await database.query
      .insertInto('namespaces')
      .values({
        id: sibling,
        kind: 'workspace',
        parent_id: acme.lab,
        organization_id: acme.root,
        name: 'sibling',
        path: `${acme.name}/lab/sibling`,
        lineage: [acme.root, acme.lab, sibling],
        created_at: new Date(now),
      })
      .execute();
    await assign(database, { ...acme, workspace: sibling }, identity);
    expect((await read(identity))?.facts.identity).toMatchObject({ choices: [] });
  });

  test('have the group of the identity, also of another organisation', async () => {
    const others = await insertIdentity(database, acme, acme.other, 'sim');
    expect((await read(`${acme.name}/other/sim`))?.facts.identity).toMatchObject({ id: others, group_id: acme.other });
    const foreign = await insertOrganization(database);
    const theirs = await insertIdentity(database, foreign, foreign.lab, 'sim');
    expect((await read(theirs))?.facts.identity).toMatchObject({
      id: theirs,
      group_id: foreign.lab,
      choices: [],
    });
  });

  test('have exactly the memberships and rights along the lineage', async () => {
    for (const [namespace, role] of [
      [acme.root, 'viewer'],
      [acme.lab, 'owner'],
      [acme.workspace, 'deployer'],
      [acme.other, 'owner'],
    ] as const)
      await member(acme.user, namespace, role);
    await mayAct(acme.root);
    await mayAct(acme.workspace);
    await mayAct(acme.other);
    const { user, launcher } = (await read(null))!.facts;
    expect(user!.memberships.map((one) => one.namespace_id).sort()).toEqual(
      [acme.root, acme.lab, acme.workspace].sort(),
    );
    expect(launcher!.memberships).toEqual([]);
    expect(launcher!.may_act.map((one) => one.namespace_id).sort()).toEqual([acme.root, acme.workspace].sort());
  });

  test('have the teams of the user, and the roles of these teams', async () => {
    const team = await insertTeam(database, acme);
    await member(team, acme.lab, 'owner');
    await member(team, acme.other, 'owner');
    const { user } = (await read(null))!.facts;
    expect(user!.team_ids).toEqual([team]);
    expect(user!.memberships).toContainEqual({ namespace_id: acme.lab, role: 'owner' });
    expect(user!.memberships.map((one) => one.namespace_id)).not.toContain(acme.other);
  });

  test('have the access rules, aliases and masks of the identity, and the setting of the organisation for identities without rules', async () => {
    const { query } = database;
    const row = { identity_id: identity, organization_id: acme.root, created_at: new Date(now) };
    const rule = id('access_rule');
    await query
      .insertInto('access_rules')
      .values({ ...row, id: rule, kind: 'stage', values: ['apply', 'plan*'] })
      .execute();
    const aliasIn = (group_id: string) => ({ ...row, id: id('alias'), group_id, name: 'other-sim' });
    await query
      .insertInto('identity_aliases')
      .values([aliasIn(acme.other), aliasIn(acme.root)])
      .execute();
    // Elsewhere it may have thousands of both: those of this lineage alone decide.
    await query
      .insertInto('identity_masks')
      .values([
        { ...row, namespace_id: acme.workspace },
        { ...row, namespace_id: acme.other },
      ])
      .execute();
    await query
      .insertInto('organization_settings')
      .values({ organization_id: acme.root, identities_without_rules: 'closed', allowed_issuers: null })
      .execute();
    for (const named of [identity, `${acme.name}/other/other-sim`])
      expect((await read(named))?.facts).toMatchObject({
        organization: { identities_without_rules: 'closed' },
        identity: {
          id: identity,
          path: `${acme.name}/lab/sim`,
          reach: { group_ids: [acme.lab, acme.root], masked_in: [acme.workspace] },
          rules: [{ id: rule, kind: 'stage', values: ['apply', 'plan*'] }],
        },
      });
  });

  test('F27 have the assignments that this job could get in the profiles of the identity, and one of the identity for others', async () => {
    const others = await insertIdentity(database, acme, acme.lab, 'of-others');
    const [team, otherTeam] = [await insertTeam(database, acme), id('team')];
    await assign(database, acme, others);
    await assign(database, acme, identity, '', team);
    await assign(database, acme, identity, 'second', acme.launcher);
    await assign(database, acme, others, '', otherTeam);
    await assign(database, acme, others, '', id('user'));
    const chosen = async (named: string) =>
      (await read(named))?.facts.identity?.choices.map((choice) => choice.principal_id).sort();
    expect(await chosen(identity)).toEqual(['', acme.launcher, team]);

    const unreachable = await insertIdentity(database, acme, acme.lab, 'unreachable');
    for (const principal of [otherTeam, id('user')])
      await assign(database, acme, unreachable, `of-${principal.slice(0, 3)}`, principal);
    expect(await chosen(unreachable)).toHaveLength(1);
  });

  test('find the identity of a type, the most specific first', async () => {
    const [ofTeam, ofUser] = [
      await insertIdentity(database, acme, acme.lab, 'of-team'),
      await insertIdentity(database, acme, acme.lab, 'of-user'),
    ];
    const team = await insertTeam(database, acme);
    expect((await read('aws'))?.facts.identity).toBeNull();
    const found = async () => (await read('aws'))?.facts.identity?.id;
    await assign(database, acme, identity);
    expect(await found()).toBe(identity);
    await assign(database, acme, ofTeam, '', team);
    expect(await found()).toBe(ofTeam);
    await assign(database, acme, ofUser, '', acme.user);
    expect(await found()).toBe(ofUser);
    expect((await read('azure'))?.facts.identity).toBeNull();
  });

  test('end a job that missed its heartbeat', async () => {
    const change = { heartbeat_seconds: 60, heartbeat_at: new Date(now) };
    await database.query.updateTable('jobs').set(change).where('id', '=', acme.job).execute();
    expect((await read(null))?.facts.job.deadline).toBe(now + 60_000);
  });

  test('are separate for each of many concurrent requests', async () => {
    const organizations = await Promise.all(Array.from({ length: 12 }, () => insertOrganization(database)));
    const asked = organizations.flatMap((organization) => [organization, organization]);
    const unknown = reader.read({ token_hash: new Uint8Array(32), identity });
    const answers = await Promise.all(
      asked.map((organization, index) => read(index % 2 === 0 ? identity : null, organization)),
    );
    expect(answers.map((answer) => answer?.facts.job.id)).toEqual(asked.map((organization) => organization.job));
    expect(answers.map((answer) => answer?.facts.identity?.id ?? null)).toEqual(
      asked.map((_, index) => (index % 2 === 0 ? identity : null)),
    );
    expect(await unknown).toBeNull();
  });

  test('include what was committed before the request, on any replica', async () => {
    await assign(database, acme, identity);
    const busy = Array.from({ length: 20 }, () => read(identity));
    await database.query.deleteFrom('assignments').where('identity_id', '=', identity).execute();
    expect((await read(identity))?.facts.identity).toMatchObject({ choices: [] });
    await Promise.all(busy);
  });

  test('have the version of the workload keys of the same moment', async () => {
    await database.query.updateTable('key_sets').set({ version: 7 }).where('name', '=', 'workload').execute();
    expect((await read(null))?.keySetVersion).toBe(7);
    await database.query.updateTable('key_sets').set({ version: 0 }).where('name', '=', 'workload').execute();
  });
});
