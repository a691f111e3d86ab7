import { beforeAll, describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely';
import pg from 'pg';
import type { Database, Queries } from '../../src/database/connections.ts';
import type { Page } from '../../src/database/page.ts';
import type { Tables } from '../../src/database/tables.ts';
import { type AuditFilter, createAuditStore } from '../../src/store/audit/events.ts';
import { listAccessRules } from '../../src/store/identities/accessrules.ts';
import { listAliases } from '../../src/store/identities/aliases.ts';
import { listAssignedIdentities, listAssignedTo } from '../../src/store/identities/assignments.ts';
import { listIdentities } from '../../src/store/identities/identities.ts';
import { listMasks, listMasksOf } from '../../src/store/identities/masks.ts';
import { listCandidates } from '../../src/store/identities/usable.ts';
import { listGrants } from '../../src/store/identities/usegrants.ts';
import { listIdentityUses } from '../../src/store/identities/uses.ts';
import { listJobs } from '../../src/store/jobs/jobs.ts';
import { listMayAct, listMayActAlong } from '../../src/store/machines/mayact.ts';
import { listServiceAccounts } from '../../src/store/machines/serviceaccounts.ts';
import { listTrustRules } from '../../src/store/machines/trustrules.ts';
import { listNamespaces } from '../../src/store/namespaces/namespaces.ts';
import { listInvitations } from '../../src/store/people/invitations.ts';
import { listActiveOwners, listMemberships } from '../../src/store/people/memberships.ts';
import { listTeamMembers, listTeams } from '../../src/store/people/teams.ts';
import { listUsers } from '../../src/store/people/users.ts';
import { atEnd } from '../support/arsia.ts';
import { freshDatabase } from '../support/databases.ts';
import { rounds } from '../support/rounds.ts';

/** Rows of each list; a hundred groups hold them, half of them in the first. */
const many = rounds(20_000, 100_000);
const groups = 100;
const limit = 51;

const id = (prefix: string, n: number) => `${prefix}_01${String(n).padStart(24, '0')}`;
const root = id('grp', 0);
const one = id('grp', 8);

const key = (prefix: string, n = 'n') => `'${prefix}_01' || lpad((${n})::text, 24, '0')`;
const at = `timestamptz '2026-01-01'`;
const group = key('grp', `CASE WHEN n % 2 = 0 THEN 1 ELSE n % ${groups} + 1 END`);
/** One of a hundred, in every part of the list. */
const few = (prefix: string) => key(prefix, 'n % 100');
const rows = (table: string, columns: string, values: string, count = many) =>
  `INSERT INTO ${table} (${columns}) SELECT ${values} FROM generate_series(1, ${count}) AS n`;
const namespace = 'id, kind, parent_id, organization_id, name, path, lineage, created_at';

const fill = [
  // Keys that refer to others are right by the making.
  'SET session_replication_role = replica',
  `INSERT INTO namespaces (${namespace})
    VALUES ('${root}', 'group', NULL, '${root}', 'acme', 'acme', ARRAY['${root}'], ${at})`,
  rows(
    'namespaces',
    namespace,
    `${key('grp')}, 'group', '${root}', '${root}', 'g' || n, 'acme/g' || n, ARRAY['${root}', ${key('grp')}], ${at}`,
    groups,
  ),
  rows(
    'namespaces',
    namespace,
    `${key('ws')}, 'workspace', ${group}, '${root}', 'w' || n, 'acme/w' || n,
      ARRAY['${root}', ${group}, ${key('ws')}], ${at}`,
  ),
  rows(
    'managed_identities',
    'id, organization_id, group_id, name, type, settings, subject_scope, delivery, token_lifetime, created_at',
    `${key('mi')}, '${root}', ${group}, 'i' || n, CASE WHEN n % 500 = 0 THEN 'gcp' ELSE 'aws' END, '{}', 'workspace',
      'token', 600, ${at}`,
  ),
  rows('users', 'id, organization_id, login, created_at', `${key('usr')}, '${root}', 'u' || n, ${at}`),
  rows(
    'service_accounts',
    'id, organization_id, group_id, name, created_at',
    `${key('sa')}, '${root}', ${key('grp', '1')}, 's' || n, ${at}`,
  ),
  rows(
    'memberships',
    'id, namespace_id, principal_id, role, organization_id, created_at',
    `${key('mem')}, '${root}', ${key('usr')}, 'viewer', '${root}', ${at}`,
  ),
  rows('teams', 'id, organization_id, name, created_at', `${key('team')}, '${root}', 't' || n, ${at}`),
  rows('team_members', 'team_id, user_id, source, created_at', `${key('team', '1')}, ${key('usr')}, 'manual', ${at}`),
  rows(
    'invitations',
    'id, organization_id, email, invited_by, created_at, expires_at',
    `${key('inv')}, '${root}', 'e' || n, 'x', ${at}, ${at}`,
  ),
  rows(
    'jobs',
    'id, organization_id, workspace_id, launcher_id, started_by, stage, labels, token_hash, deadline, created_at',
    `${key('job')}, '${root}', ${key('ws', '1')}, ${key('sa', '1')}, 'x', 'run', '{}', int4send(n::int), ${at}, ${at}`,
  ),
  rows(
    'may_act',
    'id, service_account_id, namespace_id, organization_id, users, stages, labels, created_at',
    `${key('act')}, ${key('sa', '1')}, ${key('ws')}, '${root}', '{*}', '{*}', '{}', ${at}`,
  ),
  rows(
    'service_account_trust_rules',
    'id, service_account_id, organization_id, issuer, audience, conditions, single_use, maximum_lifetime, created_at',
    `${key('trr')}, ${key('sa', '1')}, '${root}', 'i', 'a', '{}', false, 86400, ${at}`,
  ),
  rows(
    'use_grants',
    'id, identity_id, principal_id, organization_id, created_at',
    `${key('grt')}, ${key('mi', '1')}, ${key('usr')}, '${root}', ${at}`,
  ),
  rows(
    'access_rules',
    'id, identity_id, organization_id, kind, values, created_at',
    `${key('rul')}, ${key('mi', '1')}, '${root}', 'stage', '{*}', ${at}`,
  ),
  rows(
    'identity_aliases',
    'id, identity_id, group_id, organization_id, name, created_at',
    `${key('als')}, ${key('mi', '1')}, ${key('ws')}, '${root}', 'a', ${at}`,
  ),
  rows(
    'identity_masks',
    'namespace_id, identity_id, organization_id, created_at',
    `${key('ws')}, ${key('mi', '1')}, '${root}', ${at}`,
  ),
  rows(
    'identity_masks',
    'namespace_id, identity_id, organization_id, created_at',
    `${key('ws', '1')}, ${key('mi', 'n + 1')}, '${root}', ${at}`,
  ),
  // One identity in many workspaces.
  rows(
    'assignments',
    'id, workspace_id, identity_id, organization_id, type, profile, principal_id, created_at',
    `${key('asg', `n + ${many}`)}, ${key('ws', 'n + 1')}, ${key('mi', '1')}, '${root}', 'aws', 'u', '', ${at}`,
    many - 1,
  ),
  // Assignments of a workspace: half for everyone, and half for one user each.
  rows(
    'assignments',
    'id, workspace_id, identity_id, organization_id, type, profile, principal_id, created_at',
    `${key('asg')}, ${key('ws', '1')}, ${key('mi')}, '${root}', 'aws', 'p' || n,
      CASE WHEN n % 2 = 0 THEN '' ELSE ${key('usr')} END, ${at}`,
  ),
  // Every tenth is about a token whose own record is the one before it.
  rows(
    'audit_events',
    `id, at, action, outcome, organization_id, actor_kind, actor_id, user_id, workspace_id, identity_id, job_id, jti, detail,
      mac`,
    `${key('evt')}, ${at}, 'token.mint', 'success', '${root}', 'job', ${few('job')}, ${few('usr')}, ${few('ws')},
      ${few('mi')}, ${few('job')}, ${key('evt', 'n - (n % 10 = 0)::int')}, '{}', ''`,
  ),
  'ANALYZE',
].join(';\n');

interface Cost {
  rows: number;
  /** Blocks of tables and indexes that were looked at. */
  blocks: number;
}

/** A connection on which the store's own queries are run and explained: they give no rows, and `cost` says what they took. */
function explaining(client: pg.Client): { db: Queries; cost(): Cost } {
  let cost: Cost = { rows: 0, blocks: 0 };
  const query = async (text: string, values: unknown[]) => {
    const explained = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
    const { Plan: plan } = explained.rows[0]['QUERY PLAN'][0];
    cost = { rows: plan['Actual Rows'], blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] };
    return { command: 'SELECT', rowCount: 0, rows: [] };
  };
  const pool = { connect: async () => ({ query, release() {} }), options: {} } as unknown as PostgresPool;
  return { db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), cost: () => cost };
}

type List = (db: Queries, page: Page) => Promise<unknown>;

const workspacesBelow =
  (roots: string[]): List =>
  (db, page) =>
    listNamespaces(db, { kind: 'workspace', organization_id: root, roots }, page);
const identitiesBelow =
  (roots: string[], more: { type?: string; group_ids?: string[] } = {}): List =>
  (db, page) =>
    listIdentities(db, { organization_id: root, roots, ...more }, page);

const recorded =
  (filter: Omit<AuditFilter, 'organization_id'>): List =>
  (query, page) =>
    createAuditStore({ query } as Database, { mac: () => Buffer.alloc(0) }).list(
      { organization_id: root, ...filter },
      page,
    );

/**
 * A page of one table in the order of an index, one that looks up something for each row, and one with aliases and masks.
 */
const [simple, joined, reaching] = [20, 8 * limit, 16 * limit];

/** Positions in lists of assignments name the principal as well. */
const assignedPage = ({ after, limit: most }: Page): Page => ({ after: after && `${after} `, limit: most });

/** By the prefix of their ids, with the most blocks that a page may look at. */
const lists: [name: string, prefix: string, most: number, list: List][] = [
  ['workspaces, for whoever sees all', 'ws', simple, workspacesBelow([root])],
  ['workspaces, for a member of a small group', 'ws', joined, workspacesBelow([one])],
  ['workspaces, for a member of the large group', 'ws', simple, workspacesBelow([id('grp', 1)])],
  [
    'workspaces, for a member of every group',
    'ws',
    simple,
    workspacesBelow(Array.from({ length: groups }, (_, n) => id('grp', n + 1))),
  ],
  ['identities, for whoever sees all', 'mi', joined, identitiesBelow([root])],
  ['identities, for a member of a small group', 'mi', joined, identitiesBelow([one])],
  ['identities, for a member of the large group', 'mi', joined, identitiesBelow([id('grp', 1)])],
  ['identities of a rare type', 'mi', joined, identitiesBelow([root], { type: 'gcp' })],
  ['identities of a small group', 'mi', joined, identitiesBelow([root], { group_ids: [one] })],
  ['identities of the large group', 'mi', simple, identitiesBelow([root], { group_ids: [id('grp', 1)] })],
  [
    'identities that a workspace could be assigned',
    'mi',
    reaching,
    (db, page) => listCandidates(db, { group_ids: [root, id('grp', 1)] }, page),
  ],
  ['users', 'usr', simple, (db, page) => listUsers(db, root, page)],
  ['active users', 'usr', simple, (db, page) => listUsers(db, root, page, undefined, { is_active: true })],
  [
    'service accounts',
    'sa',
    simple,
    (db, page) => listServiceAccounts(db, { organization_id: root, roots: [root] }, page),
  ],
  [
    'F27 the workspaces that use an identity',
    'asg',
    joined,
    (db, page) => listIdentityUses(db, { id: id('mi', 1), organization_id: root }, [root], page),
  ],
  ['F27 the masks of a namespace', 'mi', simple, (db, page) => listMasksOf(db, id('ws', 1), page)],
  ['members', 'mem', simple, (db, page) => listMemberships(db, root, page)],
  ['teams', 'team', simple, (db, page) => listTeams(db, root, page)],
  ['members of a team', 'usr', joined, (db, page) => listTeamMembers(db, id('team', 1), page)],
  ['invitations', 'inv', simple, (db, page) => listInvitations(db, root, page)],
  ['jobs', 'job', simple, (db, page) => listJobs(db, { workspace_id: id('ws', 1) }, page, new Date())],
  ['F27 rights to act', 'act', simple, (db, page) => listMayAct(db, id('sa', 1), page)],
  ['F27 trust rules', 'trr', simple, (db, page) => listTrustRules(db, id('sa', 1), page)],
  ['F27 use grants', 'grt', simple, (db, page) => listGrants(db, id('mi', 1), page)],
  ['F27 access rules', 'rul', simple, (db, page) => listAccessRules(db, id('mi', 1), page)],
  ['F27 aliases', 'als', joined, (db, page) => listAliases(db, id('mi', 1), page)],
  ['F27 masks', 'ws', simple, (db, page) => listMasks(db, id('mi', 1), page)],
  ['F27 assigned identities', 'mi', joined, (db, page) => listAssignedIdentities(db, id('ws', 1), assignedPage(page))],
  [
    'F27 what a job of one user may get',
    'mi',
    reaching,
    (db, page) => listAssignedTo(db, { id: id('ws', 1), lineage: [root, one] }, ['', id('usr', 7)], assignedPage(page)),
  ],
  ['all that was recorded', 'evt', simple, recorded({})],
  ['what one did', 'evt', joined, recorded({ actor_id: id('job', 1) })],
  ['what was done for one', 'evt', joined, recorded({ user_id: id('usr', 1) })],
  ['what was done in one workspace', 'evt', joined, recorded({ workspace_id: id('ws', 1) })],
  ['what was done with one identity', 'evt', joined, recorded({ identity_id: id('mi', 1) })],
  ['what one job did', 'evt', joined, recorded({ job_id: id('job', 1) })],
];

describe('a page of a long list', () => {
  let explained: ReturnType<typeof explaining>;

  beforeAll(async () => {
    const { adminUrl } = await freshDatabase('postgres');
    const client = new pg.Client({ connectionString: adminUrl });
    client.on('error', () => {});
    await client.connect();
    atEnd(() => client.end());
    await client.query(fill);
    explained = explaining(client);
  }, 120_000);

  test.each(lists)(
    'costs the same at the start, in the middle and at the end: %s',
    async (_name, prefix, most, list) => {
      const costs: Cost[] = [];
      for (const after of [undefined, id(prefix, many / 2), id(prefix, many - 6_000)]) {
        await list(explained.db, { after, limit });
        costs.push(explained.cost());
      }
      expect(costs.filter(({ rows: told, blocks }) => told === 0 || blocks > most)).toEqual([]);
    },
  );

  test('F27 reads two owners of an organisation with any number of members', async () => {
    await listActiveOwners(explained.db, root);
    expect(explained.cost()).toMatchObject({ rows: 0 });
    expect(explained.cost().blocks).toBeLessThanOrEqual(simple);
  });

  test('F27 reads the rights of a launcher along one lineage at the same cost with any number elsewhere', async () => {
    await listMayActAlong(explained.db, id('sa', 1), [root, one, id('ws', 9)]);
    expect(explained.cost()).toMatchObject({ rows: 1 });
    expect(explained.cost().blocks).toBeLessThanOrEqual(simple);
  });

  test.each<[string, List]>([
    ['events of a request', recorded({ request_id: 'none' })],
    ['events with a code', recorded({ code: 'forbidden' })],
    [
      'jobs of a starter',
      (db, page) => listJobs(db, { workspace_id: id('ws', 1), started_by: 'none' }, page, new Date()),
    ],
    [
      'jobs of a user',
      (db, page) => listJobs(db, { workspace_id: id('ws', 1), user_id: id('usr', 9) }, page, new Date()),
    ],
    [
      'jobs with a reference',
      (db, page) => listJobs(db, { workspace_id: id('ws', 1), reference: 'none' }, page, new Date()),
    ],
  ])('finds none at the same cost in a long list: %s', async (_name, list) => {
    await list(explained.db, { after: undefined, limit });
    expect(explained.cost().rows).toBe(0);
    expect(explained.cost().blocks).toBeLessThanOrEqual(simple);
  });

  test('finds the events of a token by the id of its record and by the `jti` of the others', async () => {
    for (const token of [id('evt', 9), id('evt', many / 2 - 1), id('evt', 1)]) {
      await recorded({ jti: token })(explained.db, { after: undefined, limit });
      expect(explained.cost().rows).toBe(token === id('evt', 1) ? 1 : 2);
      expect(explained.cost().blocks).toBeLessThanOrEqual(simple);
    }
  });
});
