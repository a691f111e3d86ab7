import { type IdKind, makeId } from '../../src/core/ids.ts';
import type { Database } from '../../src/database/connections.ts';
import { systemClock } from '../../src/server/clock.ts';

/** Rows of one organisation, straight into the tables: `acme` / `acme/lab` / `acme/lab/ws`, a sibling, a job. */
export type Organization = Awaited<ReturnType<typeof insertOrganization>>;

export const now = 1_800_000_000_000;

export function id(kind: IdKind): string {
  return makeId(kind, now, systemClock.random);
}

export async function insertOrganization(database: Database, name = `acme${systemClock.random(4).join('')}`) {
  const ids = {
    root: id('group'),
    lab: id('group'),
    other: id('group'),
    workspace: id('workspace'),
    user: id('user'),
    launcher: id('service_account'),
    job: id('job'),
  };
  const created_at = new Date(now);
  const organization_id = ids.root;
  const { query } = database;
  const space = { organization_id, created_at };
  const lab = `${name}/lab`;
  await query
    .insertInto('namespaces')
    .values([
      { ...space, id: ids.root, kind: 'group', parent_id: null, name, path: name, lineage: [ids.root] },
      {
        ...space,
        id: ids.lab,
        kind: 'group',
        parent_id: ids.root,
        name: 'lab',
        path: lab,
        lineage: [ids.root, ids.lab],
      },
      {
        ...space,
        id: ids.other,
        kind: 'group',
        parent_id: ids.root,
        name: 'other',
        path: `${name}/other`,
        lineage: [ids.root, ids.other],
      },
      {
        ...space,
        id: ids.workspace,
        kind: 'workspace',
        parent_id: ids.lab,
        name: 'ws',
        path: `${lab}/ws`,
        lineage: [ids.root, ids.lab, ids.workspace],
      },
    ])
    .execute();
  await query
    .insertInto('users')
    .values({ ...space, id: ids.user, login: `${name}.ada` })
    .execute();
  await query
    .insertInto('service_accounts')
    .values({ ...space, id: ids.launcher, group_id: ids.lab, name: 'launcher', jwks: { keys: [] } })
    .execute();
  const token_hash = systemClock.random(32);
  await query
    .insertInto('jobs')
    .values({
      ...space,
      id: ids.job,
      workspace_id: ids.workspace,
      user_id: ids.user,
      launcher_id: ids.launcher,
      started_by: ids.launcher,
      stage: 'build',
      labels: { branch: 'main' },
      reference: null,
      token_hash,
      deadline: new Date(now + 3_600_000),
      ended_at: null,
    })
    .execute();
  return { name, ...ids, token_hash };
}

export async function insertIdentity(database: Database, organization: Organization, group_id: string, name: string) {
  const identity = id('managed_identity');
  await database.query
    .insertInto('managed_identities')
    .values({
      id: identity,
      organization_id: organization.root,
      group_id,
      name,
      type: 'aws',
      settings: { role_arn: 'arn:aws:iam::123456789012:role/sim', tags: ['a', { b: null }] },
      subject_scope: 'workspace_user',
      delivery: 'both',
      token_lifetime: 600,
      created_at: new Date(now),
    })
    .execute();
  return identity;
}

export async function assign(
  database: Database,
  organization: Organization,
  identity_id: string,
  profile = '',
  principal_id = '',
) {
  await database.query
    .insertInto('assignments')
    .values({
      id: id('assignment'),
      workspace_id: organization.workspace,
      identity_id,
      organization_id: organization.root,
      type: 'aws',
      profile,
      principal_id,
      created_at: new Date(now),
    })
    .execute();
}

/** A team with the organisation's user in it. */
export async function insertTeam(database: Database, organization: Organization): Promise<string> {
  const team = id('team');
  const created_at = new Date(now);
  await database.query
    .insertInto('teams')
    .values({ id: team, organization_id: organization.root, name: team, created_at })
    .execute();
  await database.query
    .insertInto('team_members')
    .values({ team_id: team, user_id: organization.user, source: 'manual', created_at })
    .execute();
  return team;
}
